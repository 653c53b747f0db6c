# SPDX-License-Identifier: Apache-2.0
"""When expired sessions leave the store, and how many at a time."""

from __future__ import annotations

import logging

import pytest

from supertokens.core.sweeper import Sweeper
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.memory import MemoryStore

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


def swept_at(store: Counted, moments: list[int]) -> list[int]:
    """Let a session be created at each of the moments; return those at which the store was swept."""
    sweeper = Sweeper(store)
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
    assert Sweeper(store).sweep_all(NOW) == 1100
    assert store.expired == 0
