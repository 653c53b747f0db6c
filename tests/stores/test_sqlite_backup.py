# SPDX-License-Identifier: Apache-2.0
"""A database in use is copied into a file, and made what that file says."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_backup
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record, handles_of

from .test_sqlite_marks import checkpoint, crashed

NOW = 1_700_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "instance").mkdir()
    return tmp_path / "instance" / "sessions.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path, synchronous="normal")
    for number in range(3):
        made.create(a_record(number), "{}")
    yield made
    made.close()


def handles(*numbers: int) -> list[str]:
    return [a_record(number).handle for number in numbers]


def of(path: Path) -> list[str]:
    return sorted(handles_of(SqliteStore(path), "user", NOW))


def nothing(done: int, total: int) -> None:
    pass


def test_a_backup_is_one_file_for_its_owner_with_everything_in_it(tmp_path: Path, store: SqliteStore) -> None:
    old = os.umask(0)
    try:
        assert store.back_up(tmp_path / "copy", overwrite=False, progress=nothing) == 3
    finally:
        os.umask(old)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy", "instance"]
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    assert of(tmp_path / "copy") == handles(0, 1, 2)


def test_a_backup_replaces_nothing_unless_that_is_asked_for(tmp_path: Path, store: SqliteStore) -> None:
    copy = tmp_path / "copy"
    copy.write_text("precious")
    (tmp_path / "dangling").symlink_to("nowhere")
    for target in (copy, tmp_path / "dangling"):
        with pytest.raises(FileExistsError):
            store.back_up(target, overwrite=False, progress=nothing)
    assert copy.read_text() == "precious"
    copy.chmod(0o644)
    assert store.back_up(copy, overwrite=True, progress=nothing) == 3
    assert of(copy) == handles(0, 1, 2)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_backup_is_never_put_in_the_place_of_a_database_in_use(
    tmp_path: Path, path: Path, store: SqliteStore
) -> None:
    other = SqliteStore(tmp_path / "other.sqlite3")
    other.create(a_record(7), "{}")
    checkpoint(tmp_path / "other.sqlite3", "TRUNCATE")  # its log is empty
    (tmp_path / "link").symlink_to(path)
    for target in (path, tmp_path / "link", tmp_path / "other.sqlite3"):
        with pytest.raises(SuperTokensGeneralError, match="is a database in use"):
            store.back_up(target, overwrite=True, progress=nothing)
    store.create(a_record(3), "{}")
    other.create(a_record(8), "{}")
    other.close()


def test_a_backup_has_one_state_however_much_is_written_meanwhile(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backup, "_PAGES_AT_ONCE", 1)
    done: list[tuple[int, int]] = []

    def write_and_note(pages: int, total: int) -> None:
        done.append((pages, total))
        store.create(a_record(1000 + len(done)), "{}")
        store.remove([a_record(len(done) % 3).handle], NOW)

    assert store.back_up(tmp_path / "copy", overwrite=False, progress=write_and_note) == 3
    assert of(tmp_path / "copy") == handles(0, 1, 2)
    assert len(done) > 5
    assert done[-1][0] == done[-1][1]


def test_what_fails_leaves_no_file_behind(tmp_path: Path, store: SqliteStore) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.back_up(tmp_path / "copy", overwrite=False, progress=interrupt)
    with pytest.raises(FileNotFoundError):
        store.back_up(tmp_path / "none" / "copy", overwrite=False, progress=nothing)
    assert [file.name for file in tmp_path.iterdir()] == ["instance"]


def test_an_older_database_can_be_backed_up_as_it_is(tmp_path: Path, path: Path) -> None:
    shutil.copy(Path(__file__).parent / "written_by_schema_1" / "sessions.db", path)
    before = path.read_bytes()
    assert SqliteStore(path).back_up(tmp_path / "copy", overwrite=False, progress=nothing) > 0
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name], "and nothing is left beside it"
    with closing(sqlite3.connect(tmp_path / "copy")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


# Restoring


def test_what_is_restored_is_seen_by_those_that_have_the_file_open(
    tmp_path: Path, path: Path, store: SqliteStore
) -> None:
    inode = path.stat().st_ino
    store.back_up(tmp_path / "copy", overwrite=False, progress=nothing)
    user = SqliteStore(path)
    user.remove(handles(0), NOW)
    user.create(a_record(5), "{}")
    assert store.restore(tmp_path / "copy", progress=nothing) == 3
    assert handles_of(user, "user", NOW) == handles_of(store, "user", NOW) == handles(0, 1, 2)
    user.create(a_record(6), "{}")
    assert path.stat().st_ino == inode
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}-shm", f"{path.name}-wal"]
    user.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_others_read_while_it_is_restored_and_write_afterwards(
    tmp_path: Path, path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backup, "_PAGES_AT_ONCE", 1)
    store.back_up(tmp_path / "copy", overwrite=False, progress=nothing)
    user = SqliteStore(path)
    user.create(a_record(5), "{}")
    writers: list[threading.Thread] = []

    def meanwhile(done: int, total: int) -> None:
        if done < total:
            assert handles_of(user, "user", NOW) == handles(0, 1, 2, 5)
        if not writers:
            writers.append(threading.Thread(target=user.create, args=[a_record(9), "{}"]))
            writers[0].start()

    store.restore(tmp_path / "copy", progress=meanwhile)
    writers[0].join()
    assert handles_of(user, "user", NOW) == handles(0, 1, 2, 9)
    user.close()


@pytest.mark.parametrize("what", ["damaged", "another program's", "no database", "empty", "beside another's log"])
def test_what_is_no_good_backup_changes_nothing(tmp_path: Path, path: Path, store: SqliteStore, what: str) -> None:
    source = tmp_path / "copy"
    store.back_up(source, overwrite=False, progress=nothing)
    if what == "damaged":
        pages = source.read_bytes()
        source.write_bytes(pages[: 3 * 4096] + b"\xff" * 4096 + pages[4 * 4096 :])
    elif what == "another program's":
        source.unlink()
        with closing(sqlite3.connect(source)) as connection:
            connection.execute("CREATE TABLE notes (text)")
    elif what == "no database":
        source.write_text("notes" * 1000)
    elif what == "empty":
        source.write_bytes(b"")
    else:
        for number in range(10, 12):
            checkpoint(path)
            store._database.commits.writer._next_mark_at = 0
            store.create(a_record(number), "{}")
        shutil.copy(path.with_name(path.name + "-wal"), f"{source}-wal")
    before = handles_of(store, "user", NOW)
    with pytest.raises(SuperTokensGeneralError):
        store.restore(source, progress=nothing)
    assert handles_of(store, "user", NOW) == before
    store.create(a_record(99), "{}")
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}-shm", f"{path.name}-wal"]


def test_a_restore_that_is_interrupted_changes_nothing(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backup, "_PAGES_AT_ONCE", 1)
    store.back_up(tmp_path / "copy", overwrite=False, progress=nothing)
    store.create(a_record(5), "{}")

    def interrupt(done: int, total: int) -> None:
        if done > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.restore(tmp_path / "copy", progress=interrupt)
    store.create(a_record(6), "{}")
    assert handles_of(store, "user", NOW) == handles(0, 1, 2, 5, 6)


def test_a_backup_of_an_earlier_version_is_carried_over(path: Path, store: SqliteStore) -> None:
    source = path.parent.parent / "old" / "copy"
    source.parent.mkdir()
    shutil.copy(Path(__file__).parent / "written_by_schema_1" / "sessions.db", source)
    before = source.read_bytes()
    assert store.restore(source, progress=nothing) > 0
    store.create(a_record(5), "{}")
    assert [file.name for file in source.parent.iterdir()] == ["copy"], "and nothing is left beside it"
    assert source.read_bytes() == before


def test_a_backup_of_a_crashed_database_is_restored_with_its_log(path: Path, store: SqliteStore) -> None:
    kept = crashed(path)
    assert kept.with_name(f"{path.name}-wal").stat().st_size > 0
    store.remove(handles(0), NOW)
    assert store.restore(kept, progress=nothing) == 3
    assert handles_of(store, "user", NOW) == handles(0, 1, 2)


def test_a_database_that_is_gone_is_made_again(tmp_path: Path, path: Path, store: SqliteStore) -> None:
    store.back_up(tmp_path / "copy", overwrite=False, progress=nothing)
    store.close()
    shutil.rmtree(path.parent)
    new = SqliteStore(path)
    assert new.restore(tmp_path / "copy", progress=nothing) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert handles_of(new, "user", NOW) == handles(0, 1, 2)
    new.close()


def test_a_crash_right_after_it_leaves_a_log_that_belongs_to_the_file(
    tmp_path: Path, path: Path, store: SqliteStore
) -> None:
    """Although the backup has a lower mark than the file: it gets a higher one."""
    store.back_up(tmp_path / "copy", overwrite=False, progress=nothing)
    for number in range(10, 15):
        store._database.commits.writer._next_mark_at = 0
        store.create(a_record(number), "{}")
    checkpoint(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")  # so that nothing of it is copied from the log yet
        reader.execute("SELECT count(*) FROM session").fetchone()
        store.restore(tmp_path / "copy", progress=nothing)
        assert of(crashed(path)) == handles(0, 1, 2)
        reader.execute("COMMIT")
    checkpoint(path)
    store._database.commits.writer._next_mark_at = 0
    store.create(a_record(20), "{}")
    assert of(crashed(path, "crashed again")) == handles(0, 1, 2, 20)
