# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_connections
from supertokens.stores.base import Store
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_connections import _Ticket
from supertokens.testing import StoreContract
from supertokens.testing.store_contract import a_record

NOW = 1_700_000_000_000


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        made = SqliteStore(tmp_path / "sessions.sqlite3", synchronous="normal")
        yield made
        made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


def file_mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nothing_is_opened_before_the_first_use(path: Path) -> None:
    SqliteStore(path)
    assert not path.exists()


def test_the_folder_and_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = tmp_path / "new" / "folder" / "sessions.sqlite3"
        store = SqliteStore(path)
        store.create(a_record(), "{}")
        assert file_mode(path.parent) == 0o700
        assert [file_mode(path.with_name(path.name + end)) for end in ("", "-wal", "-shm")] == [0o600] * 3
    finally:
        os.umask(old)


def test_a_folder_that_cannot_be_made_gives_an_error_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SuperTokensGeneralError, match="'database'") as failure:
        SqliteStore(tmp_path / "file" / "sessions.sqlite3").read_keys()
    assert isinstance(failure.value.__cause__, OSError)


def test_a_file_that_is_no_database_is_an_error_and_is_left_alone(path: Path) -> None:
    path.write_bytes(b"precious notes, not a database" * 100)
    with pytest.raises(SuperTokensGeneralError) as failure:
        SqliteStore(path).get(a_record().handle, NOW)
    assert isinstance(failure.value.__cause__, sqlite3.DatabaseError)
    assert path.read_bytes() == b"precious notes, not a database" * 100


def test_a_database_of_a_newer_version_is_refused(path: Path) -> None:
    SqliteStore(path).read_keys()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SuperTokensGeneralError, match="newer version"):
        SqliteStore(path).read_keys()


def test_a_read_only_store_reads_and_refuses_to_write(path: Path) -> None:
    writer = SqliteStore(path)
    writer.create(a_record(), "{}")
    reader = SqliteStore(path, mode="ro")
    assert reader.get(a_record().handle, NOW) is not None
    for write in (
        lambda: reader.create(a_record(2), "{}"),
        lambda: reader.remove([a_record().handle], NOW),
        lambda: reader.update(a_record().handle, NOW, jwt_payload="{}"),
        lambda: reader.rotate(a_record(), a_record(), durable=True),
    ):
        with pytest.raises(SuperTokensGeneralError) as failure:
            write()
        assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
    found = writer.get(a_record().handle, NOW)
    assert found is not None
    assert found.record == a_record()


def test_a_full_disk_is_an_error_with_nothing_half_written_and_passes_with_the_cause(path: Path) -> None:
    SqliteStore(path).create(a_record(1), "{}")
    full = SqliteStore(path, pragmas={"max_page_count": 20})
    with pytest.raises(SuperTokensGeneralError, match="full") as failure:
        full.create(a_record(2), f'{{"large":"{"x" * 500_000}"}}')
    assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
    assert full.get(a_record(2).handle, NOW) is None
    assert full.handles_of_user("user", NOW) == [a_record(1).handle]
    assert full.remove([a_record(1).handle], NOW) == [a_record(1).handle], "a revoke still finds room"
    SqliteStore(path).create(a_record(2), f'{{"large":"{"x" * 500_000}"}}')
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_locked_database_is_waited_for_and_then_an_error(path: Path) -> None:
    store = SqliteStore(path, busy_timeout=50)
    store.create(a_record(1), "{}")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(SuperTokensGeneralError, match="locked") as failure:
        store.remove([a_record(1).handle], NOW)
    assert isinstance(failure.value.__cause__, sqlite3.OperationalError)
    assert store.get(a_record(1).handle, NOW) is not None, "readers are not blocked, and nothing was written"
    blocker.execute("COMMIT")
    blocker.close()
    assert store.remove([a_record(1).handle], NOW) == [a_record(1).handle]


def test_a_lock_that_is_released_in_time_is_not_noticed(path: Path) -> None:
    store = SqliteStore(path)
    store.create(a_record(1), "{}")
    blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.1, blocker.execute, ["COMMIT"])
    release.start()
    assert store.remove([a_record(1).handle], NOW) == [a_record(1).handle]
    release.join()
    blocker.close()


def test_one_bad_write_does_not_fail_the_writes_that_were_committed_with_it(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(0), "{}")

    def create(number: int) -> bool:
        try:
            store.create(a_record(number), "{}")
        except SuperTokensGeneralError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(create, [number // 2 for number in range(400)]))
    assert outcomes.count(True) == 199, "each handle once, and the one that was there not again"
    assert len(store.handles_of_user("user", NOW)) == 200


def test_writes_that_wait_together_are_committed_together(path: Path) -> None:
    """What shares a commit shares its fsync: while one writer holds the file, eight others become one transaction."""
    store = SqliteStore(path)
    store.create(a_record(0), "{}")
    blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    frames_before = path.with_name(path.name + "-wal").stat().st_size
    with ThreadPoolExecutor(9) as threads:
        writes = [threads.submit(store.create, a_record(number), "{}") for number in range(1, 10)]
        while len(store._database._commits._waiting) < 8:
            pass
        blocker.execute("COMMIT")
        for write in writes:
            write.result()
    blocker.close()
    frames = (path.with_name(path.name + "-wal").stat().st_size - frames_before) // (4096 + 24)
    one_by_one = 9 * 4  # pages of the table and of its three indices
    assert 0 < frames <= one_by_one // 2


def test_threads_that_write_again_and_again_are_committed_together(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    commits, batches = store._database._commits, []
    serve = commits._serve

    def counting(tickets: list[_Ticket]) -> None:
        batches.append(len(tickets))
        serve(tickets)

    commits._serve = counting  # type: ignore[method-assign]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: store.create(a_record(number), "{}"), range(400)))
    assert (sum(batches), len(store.handles_of_user("user", NOW))) == (400, 400)
    assert len(batches) <= 200, "eight threads share a commit at least by twos"


def test_a_writer_that_was_interrupted_while_it_waited_holds_nobody_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first in the queue is the one that is woken; if it is gone by then, the next one looks for itself."""
    monkeypatch.setattr(sqlite_connections, "_LONGEST_SLEEP", 0.01)
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(1), "{}")
    commits, woken = store._database._commits, threading.Event()

    class Gone(_Ticket):
        def wake(self) -> None:
            woken.set()

    gone = Gone(lambda _: None, durable=False)
    with ThreadPoolExecutor(1) as threads:
        with commits._lock:
            commits._waiting.append(gone)
            write = threads.submit(store.create, a_record(2), "{}")
            while len(commits._waiting) < 2:
                pass
        write.result(timeout=10)
    assert gone.served
    assert woken.is_set()
    assert store.get(a_record(2).handle, NOW) is not None


def test_a_child_process_after_a_fork_uses_connections_of_its_own(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(1), "{}")
    inherited = [*store._database._readers, store._database._commits._connection]
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.create(a_record(2), "{}")
            store.get(a_record(1).handle, NOW)
            own = [*store._database._readers, store._database._commits._connection]
            os.write(write_end, b"own" if not set(map(id, own)) & set(map(id, inherited)) else b"shared")
        finally:
            os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    assert os.read(read_end, 10) == b"own"
    os.close(read_end)
    assert store.get(a_record(2).handle, NOW) is not None
    assert store.remove([a_record(1).handle, a_record(2).handle], NOW) != []


def test_a_fork_while_another_thread_writes_leaves_no_lock_behind_in_the_child(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(1), "{}")
    with store._database._commits._lock:
        child = os.fork()
        if child == 0:
            try:
                store.create(a_record(2), "{}")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    assert store.get(a_record(2).handle, NOW) is not None


def test_an_interrupt_in_one_writer_is_an_error_for_those_that_were_committed_with_it(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(1), "{}")

    def interrupted(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM session")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store._database.write(interrupted)
    assert store.get(a_record(1).handle, NOW) is not None


def test_a_bug_in_one_write_reaches_its_caller_alone(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(1), "{}")

    def buggy(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM session")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store._database.write(buggy)
    assert store.get(a_record(1).handle, NOW) is not None


def test_no_secret_shows_in_a_repr_and_the_path_does(path: Path) -> None:
    assert str(path) in repr(SqliteStore(path))


def test_a_revoked_session_leaves_a_tombstone_until_it_is_swept(path: Path) -> None:
    store = SqliteStore(path)
    store.create(a_record(1), "{}")
    store.create(a_record(2), "{}")
    store.remove([a_record(1).handle], NOW)
    store.remove_user("user", NOW + 1)
    rows = "SELECT handle, revoked_at FROM tombstone ORDER BY revoked_at"
    with sqlite3.connect(path) as connection:
        assert connection.execute(rows).fetchall() == [(a_record(1).handle, NOW), (a_record(2).handle, NOW + 1)]
        store.sweep(NOW, tombstones_before=NOW + 1, limit=10)
        assert connection.execute(rows).fetchall() == [(a_record(2).handle, NOW + 1)]
    connection.close()


def test_what_is_lost_in_a_crash_is_only_what_was_allowed_to_be(path: Path) -> None:
    """The level of a commit follows its most demanding write."""
    store = SqliteStore(path)
    levels = []
    commits = store._database._commits

    def level(connection: sqlite3.Connection) -> None:
        levels.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    for durable in (True, False, True):
        commits.run(level, durable=durable)
    assert levels == [2, 1, 2], "full, normal, full"
