# SPDX-License-Identifier: Apache-2.0
"""What a process and its child do with the connections to a file, seen from within."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_forks
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_forks import PROCESS
from supertokens.testing.store_contract import a_record, handles_of
from tests.processes.forking import FORKS

NOW = 1_700_000_000_000
DEADLINE_S = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path, synchronous="normal")
    made.create(a_record(1), "{}")
    assert made.get(a_record(1).handle, NOW) is not None
    yield made
    made.close()


def in_a_child(action: Callable[[], object]) -> str:
    """Fork, and return what became of `action` there: "done", or the text of its error."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(DEADLINE_S)  # of a child that waits for ever
        try:
            action()
        except SuperTokensGeneralError as error:
            os.write(write_end, str(error).encode())
        except BaseException as error:  # noqa: BLE001 - its parent tells
            os.write(write_end, repr(error).encode())
        else:
            os.write(write_end, b"done")
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@contextmanager
def being_read(store: SqliteStore) -> Iterator[None]:
    """A thread reads, for as long as this lasts."""
    database, started = store._database, threading.Event()

    def long_read() -> None:
        reader = database.open_connection()
        reader.set_progress_handler(lambda: started.set() or int(ended.is_set()), 1000)  # type: ignore[func-returns-value]
        database._readers.append(reader)
        with pytest.raises(SuperTokensGeneralError, match="interrupted"):
            database.read("WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n", ())

    ended = threading.Event()
    thread = threading.Thread(target=long_read)
    thread.start()
    assert started.wait(DEADLINE_S)
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def hardly_any_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_forks, "MAX_WAIT_S", 0.05)


def own_connections(path: Path) -> int:
    return sum(opened.path == path for opened in PROCESS._own.values())


def test_nothing_is_open_across_a_fork_and_both_sides_go_on(path: Path, store: SqliteStore) -> None:
    def child() -> None:
        assert not [opened for opened in PROCESS._inherited if opened.path == path]
        assert own_connections(path) == 0
        store.create(a_record(2), "{}")
        assert store.get(a_record(1).handle, NOW) is not None

    assert own_connections(path) == 2
    assert in_a_child(child) == "done"
    assert own_connections(path) == 0
    assert store.get(a_record(2).handle, NOW) is not None
    assert store.remove([a_record(1).handle, a_record(2).handle], NOW) != []


def test_a_fork_waits_for_an_operation_that_ends_within_a_second(path: Path, store: SqliteStore) -> None:
    started = threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        started.set()
        time.sleep(0.2)  # what a write may take
        connection.execute("DELETE FROM session")

    thread = threading.Thread(target=store._database.write, args=[slow])
    thread.start()
    assert started.wait(DEADLINE_S)
    assert in_a_child(lambda: store.create(a_record(2), "{}")) == "done"
    thread.join()
    assert handles_of(store, "user", NOW) == [a_record(2).handle]


def test_operations_that_begin_while_a_fork_waits_are_done_after_it(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = []

    def create() -> None:
        store.create(a_record(2), "{}")
        created.append(own_connections(path))

    thread = threading.Thread(target=create)

    def see_a_writer_wait() -> None:
        thread.start()
        deadline = time.monotonic() + 0.1
        while time.monotonic() < deadline:
            assert thread.is_alive()
            assert own_connections(path) == 0

    PROCESS._before_fork()
    try:
        see_a_writer_wait()
    finally:
        PROCESS._after_fork_in_parent()
    thread.join(DEADLINE_S)
    assert created == [1]


def test_the_thread_that_forks_may_use_the_store_until_it_has_forked(path: Path, store: SqliteStore) -> None:
    """As a hook of the application may, which is called after this one."""
    PROCESS._before_fork()
    store.create(a_record(2), "{}")
    PROCESS._after_fork_in_parent()
    assert store.get(a_record(2).handle, NOW) is not None


@pytest.mark.usefixtures("hardly_any_patience")
def test_a_child_refuses_what_was_open_across_the_fork_and_leaves_it_alone(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def child() -> None:
        # A thread of its parent may have held a mutex of SQLite, for which it would wait for ever.
        monkeypatch.setattr(sqlite3, "connect", None)
        for use in (
            lambda: store.get(a_record(1).handle, NOW),
            lambda: store.create(a_record(2), "{}"),
            lambda: SqliteStore(path).read_keys(0),
            lambda: SqliteStore(path).migrate(),
            lambda: SqliteStore(path, mode="ro").read_keys(0),
            lambda: SqliteStore(path.with_name("other.sqlite3")).read_keys(0),
        ):
            with pytest.raises(SuperTokensGeneralError, match=r"lazy-apps.*close\(\)"):
                use()
        store.close()
        assert in_a_child(lambda: SqliteStore(path).read_keys(0)).startswith("the session database")

    with being_read(store):
        assert in_a_child(child) == "done"
        store.create(a_record(2), "{}")
    assert handles_of(store, "user", NOW) == [a_record(1).handle, a_record(2).handle]


ENDS_AS_PROGRAMS_DO = """
import ctypes, os, sys
from pathlib import Path
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record, handles_of
from tests.processes.forking import FORKS

store = SqliteStore(Path(sys.argv[1]))
store.create(a_record(1), "{}")
if ctypes.PyDLL(None).fork() != 0:
    os._exit(0)
os.read(0, 1)  # its parent has ended, and has closed nothing
if sys.argv[2] == "used":
    try:
        store.read_keys(0)
    except Exception as error:
        print(error)
    store.close()
"""


@pytest.mark.parametrize("store", ["used", "unused"])
def test_a_child_that_has_inherited_a_connection_leaves_the_log_even_when_it_ends(path: Path, store: str) -> None:
    """Closed in the child, the last connection that is known there deletes the log once the parent has gone."""
    command = [sys.executable, "-c", ENDS_AS_PROGRAMS_DO, str(path), store]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as parent:
        assert parent.wait(DEADLINE_S) == 0
        said, _ = parent.communicate(b".", DEADLINE_S)  # until the child has ended, too
    assert (b"lazy-apps" in said, b"Traceback" in said) == (store == "used", False)
    assert path.with_name(path.name + "-wal").exists()
    with closing(sqlite3.connect(path)) as another:
        assert another.execute("SELECT handle FROM session").fetchall() == [(a_record(1).handle,)]


@pytest.mark.parametrize("fork", FORKS.values(), ids=FORKS)
def test_a_child_that_was_forked_in_the_middle_of_a_write_does_not_commit_it(
    path: Path, store: SqliteStore, fork: Callable[[], int]
) -> None:
    children, used = [], []

    def write(connection: sqlite3.Connection) -> None:
        used.append(connection)
        connection.execute("UPDATE session SET user_id = 'other'")
        children.append(fork())

    try:
        store._database.write(write)
    except SuperTokensGeneralError as error:
        # A closed connection would raise, one that was rolled back would not be in a transaction.
        os._exit(7 if "was forked" in str(error) and used[0].in_transaction else 8)
    finally:
        if children == [0]:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 7
    assert handles_of(store, "other", NOW) == [a_record(1).handle]
    assert path.with_name(path.name + "-wal").exists()
    with closing(sqlite3.connect(path)) as another:
        assert another.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_operations_wait_until_the_last_of_several_forks_is_over(path: Path, store: SqliteStore) -> None:
    slower_may_end, slower_has_begun = threading.Event(), threading.Event()

    def fork_slowly() -> None:
        PROCESS._before_fork()
        slower_has_begun.set()
        slower_may_end.wait(DEADLINE_S)
        PROCESS._after_fork_in_parent()

    slower = threading.Thread(target=fork_slowly)
    slower.start()
    assert slower_has_begun.wait(DEADLINE_S)
    PROCESS._before_fork()
    PROCESS._after_fork_in_parent()
    reader = threading.Thread(target=store.read_keys, args=(0,))
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    slower_may_end.set()
    reader.join(DEADLINE_S)
    assert not reader.is_alive()
    slower.join()


def test_threads_that_fork_at_once_wait_for_each_other(path: Path, store: SqliteStore) -> None:
    said: list[str] = []
    threads = [
        threading.Thread(
            target=lambda number=number: said.append(in_a_child(lambda: store.create(a_record(number), "{}")))
        )
        for number in range(10, 18)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert said == ["done"] * 8
    assert len(handles_of(store, "user", NOW)) == 9


def test_a_store_that_is_no_longer_used_leaves_no_connection_and_no_log(path: Path) -> None:
    store = SqliteStore(path)
    store.create(a_record(1), "{}")
    del store
    gc.collect()
    assert own_connections(path) == 0
    assert not path.with_name(path.name + "-wal").exists()
