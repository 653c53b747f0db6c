# SPDX-License-Identifier: Apache-2.0
"""Between the steps of large deletions the lock is free for as long as a step took, whoever asks for them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core.everybody import revoke_everybody
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_rows import ROW, row_of
from supertokens.stores.sqlite_turns import Turns
from supertokens.testing.store_contract import a_record, handles_of

NOW = 1_700_000_000_000
SESSIONS = 1300


class TimedStore(SqliteStore):
    """A store each of whose writes takes longer than the one before, and which notes from when to when."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, synchronous="normal")
        self.time = 0.0
        self.steps: list[tuple[float, float]] = []
        table, columns = ROW
        rows = (row_of(a_record(number), "{}") for number in range(SESSIONS))
        self._database.write(
            lambda connection: connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
        )
        self._turns = Turns(monotonic=lambda: self.time, sleep=self.pass_time)
        self._write, self._database.write = self._database.write, self.write  # type: ignore[method-assign]

    def pass_time(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds

    def write(self, *arguments: Any, **options: Any) -> Any:
        began = self.time
        self.time += (2 + len(self.steps)) / 64  # seconds that a float has exactly
        self.steps.append((began, self.time))
        return self._write(*arguments, **options)


@pytest.fixture
def store(tmp_path: Path) -> TimedStore:
    return TimedStore(tmp_path / "sessions.sqlite3")


def of_one_user(store: TimedStore) -> int:
    return len(store.remove_user("user", NOW))


def by_handles(store: TimedStore) -> int:
    return len(store.remove(handles_of(store, "user", NOW), NOW))


def of_everybody(store: TimedStore) -> int:
    return sum(revoke_everybody(store, NOW + SESSIONS))


def that_expired(store: TimedStore) -> int:
    return EmbeddedCore(Config(), store, clock=lambda: a_record().expires_at).sweep()


@pytest.mark.parametrize("delete", [of_one_user, by_handles, of_everybody, that_expired])
def test_the_lock_is_free_between_two_steps_for_as_long_as_it_was_taken(
    store: TimedStore, delete: Callable[[TimedStore], int]
) -> None:
    assert delete(store) == SESSIONS
    assert len(store.steps) == 3
    for (began, ended), (begins_again, _) in pairwise(store.steps):
        assert begins_again - ended >= ended - began
    assert store.time == store.steps[-1][1], "nobody waits after the last one"


def test_also_when_sessions_that_began_meanwhile_make_the_steps_smaller(store: TimedStore) -> None:
    """Each page of everybody's sessions then has some that are left alone."""
    older = SESSIONS - 200
    assert sum(revoke_everybody(store, NOW + older)) == older
    for (began, ended), (begins_again, _) in pairwise(store.steps[:3]):
        assert begins_again - ended >= ended - began


def test_those_who_log_out_wait_for_no_large_deletion(store: TimedStore) -> None:
    others = [a_record(SESSIONS + number, user_id=f"other {number}") for number in range(4)]
    for record in others:
        store.create(record, "{}")
    store.steps.clear()
    store.remove_user("user", NOW)
    assert store.remove([others[0].handle], NOW) == [others[0].handle]
    assert store.remove_user("other 1", NOW) == [others[1].handle]
    assert store.remove([others[3].handle, others[2].handle], NOW) == [others[3].handle, others[2].handle]
    assert all(ended == begins for (_, ended), (begins, _) in pairwise(store.steps[2:]))


def test_a_step_that_failed_counts_too(store: TimedStore) -> None:
    def fail(*arguments: Any, **options: Any) -> Any:
        store.time += 0.05
        raise SuperTokensGeneralError("the disk is full")

    works, store._database.write = store._database.write, fail  # type: ignore[method-assign]
    with pytest.raises(SuperTokensGeneralError):
        store.remove_user("user", NOW)
    store._database.write = works  # type: ignore[method-assign]
    assert len(store.remove_user("user", NOW)) == SESSIONS
    assert store.steps[0][0] == pytest.approx(0.1)


def test_a_step_that_took_long_itself_is_followed_by_a_bounded_pause(store: TimedStore) -> None:
    for seconds in (0.1, 7.0, 0.0):
        with store._turns.turn():
            store.pass_time(seconds or 0.001)
    assert store.time == pytest.approx(0.1 + 0.1 + 7.0 + 0.15 + 0.001)
