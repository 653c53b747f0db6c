# SPDX-License-Identifier: Apache-2.0
"""Clocks that were wrong: what becomes of keys and tokens that bear their dates."""

from __future__ import annotations

import logging
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.signing_keys import KeyPurpose, StoredKeys, generate_signing_material
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .core_contract import create, kid, refresh, verify

HOUR = 3600
DAY = 24 * HOUR
YEAR = 365 * DAY
AHEAD = [pytest.param(2 * HOUR, id="two hours"), pytest.param(YEAR, id="a year"), pytest.param(10 * YEAR, id="ten")]


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch, some_keys: list[bytes]) -> None:
    """Making an RSA key takes a tenth of a second, and these tests make hundreds."""
    pool = cycle(some_keys)
    monkeypatch.setattr("supertokens.core.key_maker.generate_signing_material", lambda _: next(pool))


@pytest.fixture(scope="module")
def some_keys() -> list[bytes]:
    return [generate_signing_material() for _ in range(4)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


def worker(path: Path, clock: FakeClock, **settings: Any) -> EmbeddedCore:
    return EmbeddedCore(Config(**settings), SqliteStore(path, synchronous="normal"), clock=clock)


def keys(core: EmbeddedCore, purpose: KeyPurpose = "dynamic") -> list[int]:
    """When the keys of a purpose were made, as they say, in the order in which they were added."""
    return [key.created_at for key in core.store.read_keys(0).of(purpose)]


def assert_all_is_well(cores: list[EmbeddedCore]) -> None:
    """What one issues, all accept."""
    for core in cores:
        issued = create(core)
        for other in cores:
            assert verify(other, issued).handle == issued.handle


@pytest.mark.parametrize("used_before", [True, False])
@pytest.mark.parametrize("ahead", AHEAD)
def test_a_log_in_while_the_clock_is_ahead_leaves_one_key_more_and_no_token(
    path: Path, clock: FakeClock, ahead: int, used_before: bool
) -> None:
    cores = [worker(path, clock) for _ in range(3)]
    if used_before:
        create(cores[0])
        clock.advance(hours=23)
    now = clock()
    clock.advance(seconds=ahead)
    wrong = [create(cores[0]), create(cores[0], version="2"), create(cores[0], static_key=True)]
    wrong += [refresh(cores[0], issued) for issued in wrong]
    clock.advance(seconds=-ahead)
    before = keys(cores[0])
    for _ in range(3):
        for core in cores:
            assert kid(create(core).access_token.text) == f"d-{now}", "it signs at once"
        clock.advance(seconds=31)
    assert keys(cores[0]) == [*before, now]
    assert_all_is_well(cores)
    for issued in wrong:
        for core in cores:
            with pytest.raises(SuperTokensTryRefreshTokenError, match="dated in the future"):
                verify(core, issued)
            assert core.authentic_access_token(issued.access_token.text) is None
            with pytest.raises(SuperTokensUnauthorisedError):
                core.regenerate(issued.access_token.text, {"kept": "alive"})


def test_where_no_key_is_dated_ahead_clocks_may_differ_by_a_day(path: Path, clock: FakeClock) -> None:
    settings = {"access_token_signing_key_update_interval": 720}
    core, other = worker(path, clock, **settings), worker(path, clock, **settings)
    create(core)
    for hours, accepted in ((0, True), (2, True), (24, True), (24.001, False), (700, False)):
        clock.advance(hours=hours)
        issued = create(core)
        clock.advance(hours=-hours)
        for each in (core, other):
            assert (each.authentic_access_token(issued.access_token.text) is not None) is accepted


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_session_of_the_wrong_year_is_refreshed_and_goes_on(path: Path, clock: FakeClock, ahead: int) -> None:
    core, other = worker(path, clock), worker(path, clock)
    clock.advance(seconds=ahead)
    wrong = [create(core), create(core, static_key=True), create(core, anti_csrf=True)]
    clock.advance(seconds=-ahead)
    for issued in wrong:
        child = refresh(core, issued)
        for each in (core, other):
            verify(each, child)
        assert refresh(other, child).handle == issued.handle


@pytest.mark.parametrize("purpose", ["dynamic", "static"])
@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("rotates", [True, False])
def test_a_key_dated_ahead_is_succeeded_once_and_goes_when_its_tokens_have_expired(
    path: Path, clock: FakeClock, ahead: int, purpose: KeyPurpose, rotates: bool
) -> None:
    cores = [worker(path, clock, access_token_signing_key_dynamic=rotates) for _ in range(3)]
    now = clock()
    clock.advance(seconds=ahead)
    create(cores[0])
    clock.advance(seconds=-ahead)
    for _ in range(5):
        for core in cores:
            create(core, static_key=True)
        clock.advance(seconds=61)
    assert keys(cores[0], purpose) == [now + ahead * 1000, now]
    issued = create(cores[1], static_key=purpose == "static")
    assert verify(cores[2], issued).user_id == "user"
    if purpose == "dynamic":
        assert kid(issued.access_token.text) == f"d-{now}"
    clock.advance(hours=23)
    for core in cores:
        create(core)
    clock.advance(hours=1)
    assert_all_is_well(cores)
    assert now + ahead * 1000 not in keys(cores[0], purpose) or not rotates
    assert len(keys(cores[0])) <= 2 + (not rotates)


def test_the_refresh_key_of_the_wrong_year_serves_on(path: Path, clock: FakeClock) -> None:
    core = worker(path, clock)
    clock.advance(seconds=YEAR)
    create(core)
    clock.advance(seconds=-YEAR)
    issued = create(core)
    assert len(keys(core, "refresh")) == 1
    clock.advance(hours=12)
    assert refresh(worker(path, clock), issued).handle == issued.handle


@pytest.mark.parametrize("drop_old", [True, False])
@pytest.mark.parametrize("ahead", AHEAD)
def test_rotating_by_hand_always_makes_the_new_key_the_one_that_signs(
    path: Path, clock: FakeClock, ahead: int, drop_old: bool
) -> None:
    core, other = worker(path, clock), worker(path, clock)
    create(core)
    clock.advance(seconds=ahead)
    create(core)
    core.keys.rotate(clock(), drop_old=drop_old)
    clock.advance(seconds=-ahead)
    new = other.keys.rotate(clock(), drop_old=drop_old)
    clock.advance(seconds=61)
    for each in (core, other):
        assert kid(create(each).access_token.text) == new
    newest = [core.keys.rotate(clock(), drop_old=False) for _ in range(5)][-1]
    clock.advance(seconds=61)
    assert kid(create(other).access_token.text) == newest


def test_a_token_that_was_kept_in_memory_is_refused_too_once_the_clock_is_right(path: Path, clock: FakeClock) -> None:
    core = worker(path, clock)
    create(core)
    clock.advance(seconds=YEAR)
    issued = create(core)
    verify(core, issued)
    verify(core, issued)
    clock.advance(seconds=-YEAR)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, issued)


def test_two_processes_with_different_clocks_do_not_make_keys_in_turn(path: Path, clock: FakeClock) -> None:
    ahead = FakeClock(clock() + YEAR * 1000)
    right, wrong = worker(path, clock), worker(path, ahead)
    days = 3
    most = 0
    for _ in range(days * 24 * 4):
        for core in (right, wrong):
            assert verify(core, create(core)).user_id == "user"
        most = max(most, len(keys(right)))
        for each in (clock, ahead):
            each.advance(minutes=15)
    assert most <= 2 + 3 * days


def test_the_clock_of_long_ago_does_not_end_the_tokens_of_the_hour_before(path: Path, clock: FakeClock) -> None:
    core, other = worker(path, clock), worker(path, clock)
    issued = create(core)
    clock.advance(minutes=5)
    clock.advance(seconds=-YEAR)
    create(core)
    clock.advance(seconds=YEAR)
    create(other)
    clock.advance(minutes=3)
    create(core)
    for each in (core, other):
        assert verify(each, issued).handle == issued.handle


# A store that has a clock


class StoreWithClock(SqliteStore):
    """A store of several hosts, which dates keys by one clock: its own."""

    clock: FakeClock

    def read_keys(self, now: int) -> StoredKeys:
        return super().read_keys(self.clock())


def host(path: Path, clock: FakeClock, difference: float) -> tuple[EmbeddedCore, FakeClock]:
    """A core on a host whose own clock is that many seconds ahead of the store's, which is `clock`."""
    store, own = StoreWithClock(path, synchronous="normal"), FakeClock(clock() + int(difference * 1000))
    store.clock = clock
    return EmbeddedCore(Config(), store, clock=own), own


@pytest.mark.parametrize("difference", [60, -60, 0.5])
def test_keys_bear_the_date_of_the_stores_clock(path: Path, clock: FakeClock, difference: float) -> None:
    core, _ = host(path, clock, difference)
    create(core)
    assert keys(core) == keys(core, "static") == keys(core, "refresh") == [clock()]
    assert core.keys.rotate(clock() + 5, drop_old=True) == f"d-{clock() + 1}"


@pytest.mark.parametrize(("difference", "words"), [(61, "61 seconds ahead of"), (-3600, "3600 seconds behind")])
def test_a_host_whose_clock_is_wrong_says_so_once_and_makes_no_keys(
    path: Path, clock: FakeClock, difference: float, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, its_clock = host(path, clock, difference)
    with pytest.raises(SuperTokensGeneralError, match=f"cannot create a key here: the clock of this host is {words}"):
        create(wrong)
    right, _ = host(path, clock, 0)
    issued = create(right)
    with pytest.raises(SuperTokensGeneralError, match=words):
        wrong.keys.rotate(its_clock(), drop_old=True)
    for _ in range(4):
        create(wrong)
        for each in (clock, its_clock):
            each.advance(hours=20)
    assert keys(right) == [issued.access_token.created_at], "the next one has long been due"
    (said,) = [record.getMessage() for record in caplog.records if words in record.getMessage()]
    assert said.endswith(f"is {words} that of the database, and at most 60 are tolerated: synchronise it (NTP)")
    its_clock.now = clock()
    create(wrong)
    assert len(keys(right)) == 2
    its_clock.now += int(difference * 1000)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        create(wrong)
    assert words in caplog.text, "it was right, and is wrong again"


def test_the_keys_that_are_there_sign_and_verify_on_a_host_whose_clock_is_wrong(path: Path, clock: FakeClock) -> None:
    right, _ = host(path, clock, 0)
    create(right)
    for difference in (-YEAR, -120, 120):
        wrong, _ = host(path, clock, difference)
        issued = create(wrong)
        assert verify(wrong, issued).handle == issued.handle
        assert kid(issued.access_token.text) == kid(create(right).access_token.text)


# Whether a key is due is not asked anew each time


def test_the_next_key_is_made_at_the_very_moment_at_which_it_is_due(path: Path, clock: FakeClock) -> None:
    core = worker(path, clock)
    create(core)
    first = clock()
    due = first + DAY * 1000 - 60_000
    clock.now = due - 10_000
    create(core)  # reads the keys: so young a ring is not read again in what follows
    clock.now = due - 1
    create(core)
    assert keys(core) == [first]
    clock.now = due
    create(core)
    assert keys(core) == [first, due]


def test_a_key_dated_ahead_that_comes_into_the_store_is_noticed_with_the_next_reading(
    path: Path, clock: FakeClock
) -> None:
    core, wrong = worker(path, clock), worker(path, FakeClock(clock() + 2 * HOUR * 1000))
    create(core)
    first = clock()
    create(core)
    wrong.keys.rotate(clock() + 2 * HOUR * 1000, drop_old=False)
    clock.advance(seconds=31)
    create(core)
    assert keys(core) == [first, first + 2 * HOUR * 1000, clock()]
