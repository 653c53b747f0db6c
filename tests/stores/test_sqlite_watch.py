# SPDX-License-Identifier: Apache-2.0
"""The file is removed or replaced while it is in use."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_forks
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_forks import PROCESS
from supertokens.testing.store_contract import a_record, handles_of

from .test_sqlite_forks import in_a_child, own_connections

NOW = 1_700_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


class Seconds:
    """A clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def store(path: Path, seconds: Seconds) -> Iterator[SqliteStore]:
    made = SqliteStore(path, synchronous="normal")
    made._database.watch.monotonic = seconds
    made.create(a_record(1), "{}")
    assert made.get(a_record(1).handle, NOW) is not None
    yield made
    made.close()


def copy_of(path: Path, name: str) -> Path:
    """Back the database up into a file beside it."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(path.with_name(name))) as target:
        source.backup(target)
    return path.with_name(name)


def another_program(path: Path) -> Path:
    other = path.with_name("other")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    return other


def replaced_by_a_backup(path: Path) -> None:
    copy_of(path, "backup").replace(path)


def replaced_by_an_older_copy(path: Path) -> None:
    shutil.copy(path, path.with_name("older"))
    path.with_name("older").replace(path)


def replaced_by_another_programs(path: Path) -> None:
    another_program(path).replace(path)


def moved_away(path: Path) -> None:
    path.rename(path.with_name("moved"))


def without_its_log(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def without_the_index_of_its_log(path: Path) -> None:
    path.with_name(path.name + "-shm").unlink()


def replaced_with_its_log(path: Path) -> None:
    backup = copy_of(path, "backup")
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    backup.rename(path)
    SqliteStore(path).read_keys(NOW)


DISASTERS = pytest.mark.parametrize("disaster", [
    Path.unlink, moved_away, replaced_by_a_backup, replaced_by_an_older_copy, replaced_by_another_programs,
    without_its_log, without_the_index_of_its_log, replaced_with_its_log,
], ids=lambda disaster: disaster.__name__)  # fmt: skip


@DISASTERS
def test_a_write_after_it_is_refused_with_what_to_do(
    path: Path, store: SqliteStore, disaster: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    disaster(path)
    for write in (
        lambda: store.create(a_record(2), "{}"),
        lambda: store.remove([a_record(1).handle], NOW),
        lambda: store.prove_writable(1000),
    ):
        with pytest.raises(SuperTokensGeneralError, match=r"was (removed|replaced) while it was in use.*restore"):
            write()
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1, "said once"
    assert str(path) in errors[0].getMessage()


@DISASTERS
def test_reads_notice_it_within_a_second(
    path: Path, store: SqliteStore, seconds: Seconds, disaster: Callable[[Path], None]
) -> None:
    disaster(path)
    seconds.now += 0.99
    store.get(a_record(1).handle, NOW)
    seconds.now += 0.01
    for _ in range(2):
        with pytest.raises(SuperTokensGeneralError, match=r"was (removed|replaced)"):
            store.get(a_record(1).handle, NOW)


@DISASTERS
def test_what_is_at_the_path_by_then_is_left_as_it_is(
    path: Path, store: SqliteStore, disaster: Callable[[Path], None]
) -> None:
    """Closing a connection to the old file would copy the log into that, and remove the log at the path."""
    disaster(path)
    before = {file.name: file.read_bytes() for file in sorted(path.parent.iterdir())}
    with pytest.raises(SuperTokensGeneralError):
        store.create(a_record(2), "{}")
    store._database.close_idle()
    store.close()
    del store
    after = {file.name: file.read_bytes() for file in sorted(path.parent.iterdir())}
    assert {name: len(content) for name, content in after.items()} == {
        name: len(content) for name, content in before.items()
    }
    assert after == before


def test_a_file_that_comes_back_is_used_again(path: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    moved_away(path)
    with pytest.raises(SuperTokensGeneralError):
        store.create(a_record(2), "{}")
    path.with_name("moved").rename(path)
    store.create(a_record(2), "{}")
    moved_away(path)
    with pytest.raises(SuperTokensGeneralError):
        store.create(a_record(3), "{}")
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 2


def test_another_file_is_not_opened_after_a_fork_either(path: Path, store: SqliteStore) -> None:
    """Nothing is open across a fork, but what was open is remembered."""
    os.close(os.open(path.with_name("keeps the inode"), os.O_CREAT))
    assert in_a_child(lambda: store.read_keys(NOW)) == "done"
    assert own_connections(path) == 0
    replaced_by_a_backup(path)
    with pytest.raises(SuperTokensGeneralError, match=r"was replaced"):
        store.create(a_record(2), "{}")
    assert "was replaced" in in_a_child(lambda: store.create(a_record(2), "{}"))


def test_a_fork_does_not_wait_for_what_is_never_closed(path: Path, store: SqliteStore) -> None:
    moved_away(path)
    store.close()
    assert own_connections(path) > 0
    began = time.monotonic()
    PROCESS._before_fork()
    PROCESS._after_fork_in_parent()
    assert time.monotonic() - began < sqlite_forks.MAX_WAIT_S
    assert in_a_child(lambda: SqliteStore(path.with_name("other.sqlite3")).read_keys(NOW)) == "done"
    path.with_name("moved").rename(path)
    assert "lazy-apps" in in_a_child(lambda: SqliteStore(path).read_keys(NOW))


def test_a_store_that_was_closed_opens_what_is_there(path: Path, store: SqliteStore) -> None:
    backup = copy_of(path, "backup")
    store.close()
    backup.replace(path)
    store.create(a_record(2), "{}")
    assert handles_of(store, "user", NOW) == [a_record(1).handle, a_record(2).handle]


def test_nobody_misses_the_log_that_sqlite_removes_with_the_last_connection(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def close(connection: sqlite3.Connection) -> None:
        closed(connection)
        store._database.check_file()  # as another thread does, that begins just now
        looks.append(connection)

    closed = PROCESS.close
    monkeypatch.setattr(PROCESS, "close", close)
    store._database.close_idle()
    assert len(looks) == 2


def test_nobody_misses_a_log_that_was_replaced_by_another_one_of_ours_since_the_look(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look() -> object:
        found = real_look()
        monkeypatch.undo()
        store._database.close_idle()
        for name in ("keeps an inode", "and that of the index"):
            os.close(os.open(store._database.path.with_name(name), os.O_CREAT))
        assert store.get(a_record(1).handle, NOW) is not None
        return found

    real_look = store._database.watch._look
    monkeypatch.setattr(store._database.watch, "_look", look)
    inode = os.stat(f"{store._database.path}-wal").st_ino
    store._database.check_file()
    assert os.stat(f"{store._database.path}-wal").st_ino != inode


def test_a_store_that_is_closed_while_a_thread_reads_is_used_again(path: Path, store: SqliteStore) -> None:
    with store._database.opened():
        store.close()
        store.create(a_record(2), "{}")
    store._database.close_idle()
    store._database.check_file()
    assert len(handles_of(store, "user", NOW)) == 2


def test_a_store_that_is_closed_while_a_thread_reads_remembers_which_file_it_was(
    path: Path, store: SqliteStore
) -> None:
    with store._database.opened():
        store.close()
        replaced_by_a_backup(path)
        with pytest.raises(SuperTokensGeneralError, match=r"was replaced"):
            store.create(a_record(2), "{}")
