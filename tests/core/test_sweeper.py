# SPDX-License-Identifier: Apache-2.0
"""When expired sessions leave the store, and how many at a time."""

from __future__ import annotations

import logging

import pytest

from supertokens.core.sweeper import Sweeper
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.memory import MemoryStore
from supertokens.testing.store_contract import a_record

NOW = 1_700_000_000_000
MINUTE = 60_000


class Counted(MemoryStore):
    """A store with so many expired sessions."""

    def __init__(self, expired: int) -> None:
        super().__init__()
        self.expired = expired
        self.sweeps: list[int] = []
        self.fails = False

    def sweep(self, now: int, *, limit: int) -> int:
        self.sweeps.append(now)
        if self.fails:
            raise SuperTokensGeneralError("the disk is full")
        gone = min(self.expired, limit)
        self.expired -= gone
        return gone


def with_announcements(number: int) -> Counted:
    """Return a store in which so many changes were announced."""
    store = Counted(0)
    store.create(a_record(expires_at=NOW + 1000 * MINUTE), "{}")
    store.feed_reader(1).lease(NOW, 1000 * MINUTE)
    for each in range(number):
        store.update(a_record().handle, NOW, jwt_payload=f'{{"n":{each}}}')
    return store


def swept_at(store: Counted, moments: list[int]) -> list[int]:
    """Let a session be created at each of the moments; return those at which the store was swept."""
    sweeper = Sweeper(store, 60 * MINUTE)
    for moment in moments:
        sweeper.sweep_now_and_then(moment)
    return store.sweeps


def test_it_sweeps_every_ten_minutes() -> None:
    moments = [NOW + minutes * MINUTE for minutes in (0, 1, 9, 10, 11, 19, 20)] + [NOW + 30 * MINUTE - 1]
    assert swept_at(Counted(0), moments) == [NOW, NOW + 10 * MINUTE, NOW + 20 * MINUTE]


def test_it_sweeps_every_second_while_there_are_more_than_it_takes_at_once() -> None:
    store = Counted(1100)
    assert swept_at(store, list(range(NOW, NOW + 5000, 500))) == [NOW, NOW + 1000, NOW + 2000]
    assert store.expired == 0


def test_a_clock_that_was_ahead_for_a_while_does_not_stop_it() -> None:
    year = 365 * 24 * 60 * MINUTE
    assert swept_at(Counted(0), [NOW + year, NOW, NOW + MINUTE]) == [NOW + year, NOW]


def test_a_sweep_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    store = Counted(3)
    store.fails = True
    assert swept_at(store, [NOW, NOW + MINUTE, NOW + 10 * MINUTE]) == [NOW, NOW + 10 * MINUTE]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


def test_everything_is_swept_where_that_is_asked_for() -> None:
    store = Counted(1100)
    assert Sweeper(store, 60 * MINUTE).sweep_all(NOW) == 1100
    assert store.expired == 0


def test_old_announcements_are_swept_beside_sessions_and_more_while_there_are_more() -> None:
    store = with_announcements(1100)
    sweeper, feed = Sweeper(store, 60 * MINUTE), store._feed
    sweeper.sweep_now_and_then(NOW + 61 * MINUTE - 1)
    assert len(feed.entries) == 1100, "they are kept for an access token's life and a minute"
    left = []
    for second in range(4):
        sweeper.sweep_now_and_then(NOW + 71 * MINUTE + 1000 * second)
        left.append(len(feed.entries))
    assert left == [600, 100, 0, 0]


def test_all_old_announcements_are_swept_where_that_is_asked_for() -> None:
    store = with_announcements(1100)
    assert Sweeper(store, 60 * MINUTE).sweep_all(NOW + 61 * MINUTE) == 0
    assert not store._feed.entries
