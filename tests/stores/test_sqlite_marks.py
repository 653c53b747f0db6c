# SPDX-License-Identifier: Apache-2.0
"""A log beside a database file to which it does not belong, and, as often, one that does."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_marks
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record, handles_of

from .test_sqlite_watch import another_program, copy_of

NOW = 1_700_000_000_000


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_marks, "_BETWEEN_LOOKS_S", 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path, synchronous="normal")
    made.create(a_record(1), "{}")
    yield made
    made.close()


def checkpoint(path: Path, how: str = "RESTART") -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA wal_checkpoint({how})")


def write(store: SqliteStore, number: int) -> None:
    store._database.commits.writer._next_mark_at = 0  # a second after the last
    store.create(a_record(number), "{}")


def crashed(path: Path, name: str = "crashed") -> Path:
    """Copy the database with its log, as a crash leaves them at this moment. Return the database."""
    folder = path.parent / name
    folder.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(path.with_name(path.name + suffix), folder)
    return folder / path.name


def an_older_copy(path: Path, store: SqliteStore) -> Path:
    checkpoint(path)
    shutil.copy(path, path.with_name("copy"))
    write(store, 2)
    checkpoint(path)
    return path.with_name("copy")


def a_backup(path: Path, store: SqliteStore) -> Path:
    copy = copy_of(path, "copy")
    write(store, 2)
    checkpoint(path)
    return copy


def a_newer_copy(path: Path, store: SqliteStore) -> Path:
    for number in range(10, 13):
        write(store, number)
    return copy_of(path, "copy")


def another_databases(path: Path, store: SqliteStore) -> Path:
    other = SqliteStore(path.with_name("other.sqlite3"))
    for number in range(5):
        write(other, number)
    other.close()
    return path.with_name("other.sqlite3")


def another_programs(path: Path, store: SqliteStore) -> Path:
    return another_program(path)


def written_by_schema_1(path: Path, store: SqliteStore) -> Path:
    return Path(shutil.copy(Path(__file__).parent / "written_by_schema_1" / "sessions.db", path.with_name("copy")))


@pytest.mark.parametrize("what", [
    an_older_copy, a_backup, another_databases, another_programs, written_by_schema_1,
], ids=lambda what: what.__name__)  # fmt: skip
def test_a_start_beside_the_log_of_another_file_is_refused_and_touches_nothing(
    path: Path, store: SqliteStore, what: Callable[[Path, SqliteStore], Path]
) -> None:
    write(store, 9)
    other = what(path, store)
    write(store, 3)
    database = crashed(path)
    shutil.copy(other, database)  # into the same file, as `cp` does
    before = {file.name: file.read_bytes() for file in database.parent.iterdir()}
    for mode in ("rwc", "rw", "ro"):
        for use in (lambda store: store.read_keys(NOW), SqliteStore.migrate):
            with pytest.raises(SuperTokensGeneralError, match=r"sessions\.sqlite3-wal.* is not the log of"):
                use(SqliteStore(database, mode=mode))  # type: ignore[arg-type]
    assert {file.name: file.read_bytes() for file in database.parent.iterdir()} == before
    database.with_name(database.name + "-wal").unlink()  # as the text says
    if what in (an_older_copy, a_backup):
        assert a_record(1).handle in handles_of(SqliteStore(database), "user", NOW)


def test_a_newer_file_beside_an_older_log_is_refused(path: Path, store: SqliteStore) -> None:
    write(store, 2)
    database = crashed(path)
    shutil.copy(a_newer_copy(path, store), database)
    with pytest.raises(SuperTokensGeneralError, match="is not the log of"):
        SqliteStore(database).read_keys(NOW)


def test_a_file_that_is_no_database_is_not_made_one_by_a_log(path: Path, store: SqliteStore) -> None:
    database = crashed(path)
    database.write_bytes(b"precious notes, not a database" * 1000)
    with pytest.raises(SuperTokensGeneralError, match="not a database"):
        SqliteStore(database).read_keys(NOW)
    assert database.read_bytes() == b"precious notes, not a database" * 1000


def test_the_log_that_a_crash_leaves_is_always_accepted(path: Path) -> None:
    """Whatever was written, copied into the file in part or whole, and begun anew, by two processes."""
    rng = random.Random(5)
    stores = [SqliteStore(path, synchronous="normal", pragmas={"wal_autocheckpoint": 5}) for _ in range(2)]
    written: set[str] = set()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        for number in range(150):
            if rng.random() < 0.2:  # what it reads cannot be copied into the file yet
                reader.execute("COMMIT" if reader.in_transaction else "BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            store = rng.choice(stores)
            write(store, number) if rng.random() < 0.5 else store.create(a_record(number), "{}")
            written.add(a_record(number).handle)
            if rng.random() < 0.1:
                checkpoint(path, rng.choice(["PASSIVE", "TRUNCATE"]) if not reader.in_transaction else "PASSIVE")
            database = crashed(path, str(number))
            assert set(handles_of(SqliteStore(database), "user", NOW)) == written
            shutil.rmtree(database.parent)
    for store in stores:
        store.close()


def test_a_file_that_was_half_copied_when_the_power_failed_is_accepted(path: Path, store: SqliteStore) -> None:
    checkpoint(path)
    for number in range(2, 300):
        store.create(a_record(number), "{}")
    before = path.read_bytes()
    wal = path.with_name(path.name + "-wal").read_bytes()
    checkpoint(path, "PASSIVE")
    after = path.read_bytes()
    assert len(after) > len(before)
    for pages in range(len(after) // 4096):
        database = path.parent / str(pages) / path.name
        database.parent.mkdir()
        database.write_bytes(after[: pages * 4096] + before[pages * 4096 :])
        database.with_name(database.name + "-wal").write_bytes(wal)
        if pages:  # SQLite removes a log beside an empty file
            assert len(handles_of(SqliteStore(database), "user", NOW)) == 299
        shutil.rmtree(database.parent)


def test_a_log_that_begins_anew_is_marked_within_a_hundred_commits(path: Path, store: SqliteStore) -> None:
    store._database.commits.writer.monotonic = lambda: 0.0  # no second passes
    for number in range(2, 104):
        if number == 3:
            checkpoint(path)
        store.create(a_record(number), "{}")
    assert list(sqlite_marks._marks_in_log(store._database.file))
