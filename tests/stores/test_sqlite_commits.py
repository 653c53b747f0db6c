# SPDX-License-Identifier: Apache-2.0
"""Writes that wait together are committed together, and a write that has returned is in the file, whatever happens."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_commits
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_commits import Write, transaction
from supertokens.testing.store_contract import a_record, handles_of

NOW = 1_700_000_000_000


class Watched(sqlite3.Connection):
    """Calls `before` and `after` with each statement."""

    before: Callable[[str], object] = staticmethod(lambda _: None)
    after: Callable[[str], object] = staticmethod(lambda _: None)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
        type(self).before(sql)
        try:
            return super().execute(sql, *parameters)
        finally:
            type(self).after(sql)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[Watched]:
    """What connections are from now on."""
    connection, connect = type("Connection", (Watched,), {}), sqlite3.connect

    def watched_connect(*args: Any, factory: type[sqlite3.Connection] | None = None, **more: Any) -> sqlite3.Connection:
        if factory is None:
            factory = connection
        elif factory is not sqlite3.Connection:
            factory = type("Connection", (connection, factory), {})
        return connect(*args, factory=factory, **more)

    monkeypatch.setattr(sqlite3, "connect", watched_connect)
    return connection


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path, busy_timeout=100)
    made._database.commits.writer.monotonic = lambda: 0.0  # the first commit has a mark, those of a test have none
    made.create(a_record(0), "{}")
    yield made
    made.close()


def together(store: SqliteStore, *writes: Callable[[], object]) -> list[Future[object]]:
    """What became of `writes`, each in a thread of its own, and all of them in one queue, in this order."""
    commits = store._database.commits
    with ThreadPoolExecutor(len(writes)) as threads:
        with commits._committing:
            futures = []
            for number, write in enumerate(writes):
                futures.append(threads.submit(write))
                while len(commits._waiting) <= number:
                    pass
        commits._waiting[0].wake()
    assert commits._waiting == []
    return futures


def creating(store: SqliteStore, number: int) -> Callable[[], object]:
    return lambda: store.create(a_record(number), "{}")


def in_the_file(path: Path) -> set[str]:
    with closing(sqlite3.connect(path, factory=sqlite3.Connection)) as another:
        return {handle for (handle,) in another.execute("SELECT handle FROM session")}


def test_writes_that_wait_together_are_committed_together(path: Path, store: SqliteStore) -> None:
    """What shares a commit shares its fsync: nine sessions come to few pages more than one does."""
    wal = path.with_name(path.name + "-wal")
    frames_before = wal.stat().st_size
    for future in together(store, *(creating(store, number) for number in range(1, 10))):
        assert future.result() == []
    frames = (wal.stat().st_size - frames_before) // (4096 + 24)
    one_by_one = 9 * 4  # pages of the table and of its three indices
    assert 0 < frames <= one_by_one // 2
    assert in_the_file(path) == {a_record(number).handle for number in range(10)}


def test_threads_that_write_again_and_again_are_committed_together(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    commits, batches = store._database.commits, []
    settle = commits._settle

    def counting(writes: list[Write]) -> None:
        batches.append(len(writes))
        settle(writes)

    commits._settle = counting  # type: ignore[method-assign]
    fewest = []
    for attempt in range(3):  # a busy machine may let one thread run at a time for long
        batches.clear()
        numbers = range(400 * attempt, 400 * (attempt + 1))
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: store.create(a_record(number), "{}"), numbers))
        assert (sum(batches), len(handles_of(store, "user", NOW))) == (400, len(numbers) * (attempt + 1))
        fewest.append(len(batches))
        if fewest[-1] <= 200:
            break
    assert min(fewest) <= 200, "eight threads share a commit at least by twos"
    store.close()


def test_one_bad_write_fails_alone(path: Path, store: SqliteStore) -> None:
    good, twice, gone, bad = together(
        store,
        creating(store, 1),
        creating(store, 0),
        lambda: store.remove([a_record(0).handle], NOW),
        lambda: store._database.write(lambda connection: 1 // 0),
    )
    assert good.result() == []
    assert isinstance(twice.exception(), SuperTokensGeneralError)
    assert gone.result() == [a_record(0).handle]
    assert isinstance(bad.exception(), ZeroDivisionError)
    assert in_the_file(path) == {a_record(1).handle}


def test_a_bug_in_one_write_leaves_nothing_behind(path: Path, store: SqliteStore) -> None:
    def buggy(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM session")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store._database.write(buggy)
    assert in_the_file(path) == {a_record(0).handle}


def test_a_file_that_stays_locked_is_waited_for_at_most_twice_however_many_write(
    path: Path, watched: type[Watched], store: SqliteStore
) -> None:
    tries: list[str] = []
    watched.before = lambda sql: tries.append(sql) if sql.startswith(("BEGIN", "INSERT")) else None  # type: ignore[method-assign]
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        tries.clear()
        futures = together(
            store,
            *(creating(store, number) for number in range(1, 11)),
            lambda: store.remove([a_record(0).handle], NOW),
        )
        errors = [future.exception() for future in futures]
        assert len(tries) <= 2
        another.execute("ROLLBACK")
    assert all(isinstance(error, SuperTokensGeneralError) and "locked" in str(error) for error in errors)
    causes = {id(error.__cause__) for error in errors if error}
    assert len(causes) == len(errors), "what is raised in a thread is its own"
    store.create(a_record(1), "{}")
    assert in_the_file(path) == {a_record(0).handle, a_record(1).handle}


class Interrupted(BaseException):
    """What a signal handler raises; Ctrl-C does the like."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("with_a_bad_one", [False, True], ids=["all good", "one of them bad"])
def test_a_write_that_returns_is_in_the_file_wherever_an_interrupt_comes(
    path: Path, watched: type[Watched], monkeypatch: pytest.MonkeyPatch, when: str, with_a_bad_one: bool
) -> None:
    """At every statement of a group in turn, until there is none so late."""
    monkeypatch.setattr(sqlite_commits, "_MAX_SLEEP_S", 0.01)
    interrupted_at = 0
    for point in range(100):
        name = path.with_name(f"{point}.sqlite3")
        store = SqliteStore(name, busy_timeout=100)
        for number in range(2):
            store.create(a_record(number), "{}")
        left = [point]

        def interrupt(_: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise Interrupted

        writes: list[Callable[[], object]] = [
            creating(store, 2),
            lambda store=store: store.remove([a_record(0).handle], NOW),  # type: ignore[misc]
            lambda store=store: store.update(a_record(1).handle, NOW, jwt_payload='{"new":1}'),  # type: ignore[misc]
        ]
        if with_a_bad_one:
            writes.append(creating(store, 1))
        setattr(watched, when, interrupt)
        futures = together(store, *writes)
        setattr(watched, when, lambda _: None)

        create, remove, update, *bad = futures
        file, payload = in_the_file(name), {"{}": False, '{"new":1}': True}
        assert create.exception() or a_record(2).handle in file
        if not remove.exception():
            assert remove.result() == [a_record(0).handle]
            assert a_record(0).handle not in file
        found = store.get(a_record(1).handle, NOW)
        assert found is not None
        assert update.exception() or (update.result() is True and payload.get(found.record.jwt_payload, True))
        assert all(isinstance(future.exception(), SuperTokensGeneralError | Interrupted) for future in bad)
        with closing(sqlite3.connect(name, timeout=0, isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")  # nobody is locked out
            another.execute("ROLLBACK")
        store.create(a_record(3), "{}")
        assert a_record(3).handle in in_the_file(name), "what is written later is in the file too"
        store.close()
        if left[0] >= 0:
            break
        interrupted_at += 1
        errors = [future.exception() for future in futures]
        assert sum(isinstance(error, Interrupted) for error in errors) == 1, "one thread was interrupted"
    assert interrupted_at > 4


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)", "COMMIT"])
def test_an_interrupted_transaction_is_not_left_open(watched: type[Watched], statement: str) -> None:
    def interrupt(sql: str) -> None:
        if sql == statement:
            raise Interrupted

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (n)")
        watched.after = interrupt  # type: ignore[method-assign]
        with pytest.raises(Interrupted), transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
        assert not connection.in_transaction


def test_a_transaction_that_was_left_open_all_the_same_takes_nothing_along(path: Path, store: SqliteStore) -> None:
    left_open = store._database.commits.writer._connection
    assert left_open is not None
    left_open.execute("BEGIN IMMEDIATE")
    store.create(a_record(1), "{}")
    assert a_record(1).handle in in_the_file(path)


def test_a_rollback_that_fails_locks_nobody_out(path: Path, watched: type[Watched], store: SqliteStore) -> None:
    def fail(sql: str) -> None:
        if sql == "ROLLBACK":
            raise sqlite3.OperationalError("disk I/O error")

    watched.before = fail  # type: ignore[method-assign]
    with pytest.raises(SuperTokensGeneralError, match="disk I/O error"):
        store._database.write(lambda connection: 1 // 0)
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None, factory=sqlite3.Connection)) as another:
        another.execute("BEGIN IMMEDIATE")
        another.execute("ROLLBACK")


def test_a_statement_that_an_interrupt_left_unfinished_holds_no_later_commit_back(
    path: Path, store: SqliteStore
) -> None:
    """SQLite commits a single statement only when no other one of its connection is still writing."""

    def interrupted(connection: sqlite3.Connection) -> None:
        unfinished = connection.execute("DELETE FROM session RETURNING handle")
        raise Interrupted(unfinished)

    with pytest.raises(Interrupted) as kept:  # as whoever logs a traceback keeps it
        store._database.write(interrupted)
    store.create(a_record(1), "{}")
    assert in_the_file(path) == {a_record(0).handle, a_record(1).handle}
    assert kept.value.args


def test_neighbours_of_an_interrupted_write_hear_of_it(path: Path, store: SqliteStore) -> None:
    def interrupted(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM session")
        raise Interrupted

    create, other = together(store, creating(store, 1), lambda: store._database.write(interrupted))
    errors = [create.exception(), other.exception()]
    assert sum(isinstance(error, Interrupted) for error in errors) == 1
    [heard] = [error for error in errors if not isinstance(error, Interrupted)]
    assert isinstance(heard, SuperTokensGeneralError)
    assert isinstance(heard.__cause__, Interrupted)
    assert in_the_file(path) == {a_record(0).handle}


def test_a_writer_that_was_interrupted_while_it_waited_holds_nobody_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first in the queue is the one that is woken; if it is gone by then, the next one looks for itself."""
    monkeypatch.setattr(sqlite_commits, "_MAX_SLEEP_S", 0.01)
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(1), "{}")
    commits = store._database.commits
    gone = Write(lambda _: None, durable=False)
    gone.woken = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        with commits._committing:
            commits._waiting.append(gone)
            write = threads.submit(store.create, a_record(2), "{}")
            while len(commits._waiting) < 2:
                pass
        write.result(timeout=10)
    assert gone.is_over
    assert gone.woken.is_set()
    assert store.get(a_record(2).handle, NOW) is not None
    store.close()


def test_an_interrupt_before_a_group_is_served_leaves_it_to_the_next_writer(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_commits, "_MAX_SLEEP_S", 0.01)
    commits = store._database.commits
    gather, interrupts = commits._gather, [Interrupted()]

    def interrupted() -> list[Write]:
        writes = gather()
        if interrupts:
            raise interrupts.pop()
        return writes

    monkeypatch.setattr(commits, "_gather", interrupted)
    errors = [future.exception() for future in together(store, creating(store, 1), creating(store, 2))]
    assert sorted(type(error) for error in errors if error) == [Interrupted]
    assert in_the_file(path) == {a_record(number).handle for number in range(3)}


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_the_level_of_a_commit_follows_its_most_demanding_write(store: SqliteStore, order: tuple[bool, bool]) -> None:
    def level(connection: sqlite3.Connection) -> object:
        return connection.execute("PRAGMA synchronous").fetchone()[0]

    def write(durable: bool) -> Callable[[], object]:
        return lambda: store._database.write(level, durable=durable)

    assert [write(durable)() for durable in (True, False, True)] == [2, 1, 2], "full, normal, full"
    assert [future.result() for future in together(store, *map(write, order))] == [2, 2], "full for both"


def test_an_interrupt_while_the_level_changes_leaves_no_durable_write_at_the_lower_one(
    watched: type[Watched], store: SqliteStore
) -> None:
    def level(connection: sqlite3.Connection) -> object:
        return connection.execute("PRAGMA synchronous").fetchone()[0]

    def interrupt(sql: str) -> None:
        if sql == "PRAGMA synchronous = normal":
            raise Interrupted

    watched.after = interrupt  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        store._database.write(level, durable=False)
    watched.after = lambda _: None  # type: ignore[method-assign]
    assert store._database.write(level) == 2
