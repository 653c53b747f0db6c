# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import Store
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import StoreContract
from supertokens.testing.store_contract import a_record, handles_of

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
        SqliteStore(tmp_path / "file" / "sessions.sqlite3").read_keys(0)
    assert isinstance(failure.value.__cause__, OSError)


def test_a_file_that_is_no_database_is_an_error_and_is_left_alone(path: Path) -> None:
    path.write_bytes(b"precious notes, not a database" * 100)
    with pytest.raises(SuperTokensGeneralError) as failure:
        SqliteStore(path).get(a_record().handle, NOW)
    assert isinstance(failure.value.__cause__, sqlite3.DatabaseError)
    assert path.read_bytes() == b"precious notes, not a database" * 100


def test_a_database_of_a_newer_version_is_refused(path: Path) -> None:
    SqliteStore(path).read_keys(0)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SuperTokensGeneralError, match="newer version"):
        SqliteStore(path).read_keys(0)


@pytest.mark.parametrize("version", [0, 1, 7])
@pytest.mark.parametrize("application", [0, 1234])
def test_a_database_of_another_program_is_left_as_it_is(path: Path, version: int, application: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE session (id)")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {application}")
    before = path.read_bytes()
    for use in (lambda store: store.read_keys(0), SqliteStore.migrate):
        for mode in ("rwc", "rw", "ro"):
            with pytest.raises(SuperTokensGeneralError, match="belongs to another program"):
                use(SqliteStore(path, mode=mode))  # type: ignore[arg-type]
    assert path.read_bytes() == before


def test_to_migrate_what_is_no_database_is_an_error_too(path: Path) -> None:
    path.write_text("precious notes, not a database" * 100)
    with pytest.raises(SuperTokensGeneralError, match="not a database"):
        SqliteStore(path).migrate()
    assert path.read_text() == "precious notes, not a database" * 100


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
    assert handles_of(full, "user", NOW) == [a_record(1).handle]
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


def test_a_store_shows_that_it_takes_writes_without_changing_anything(path: Path) -> None:
    store = SqliteStore(path)
    store.create(a_record(1), "{}")
    log = path.with_name(f"{path.name}-wal")
    before = log.stat().st_size
    store.prove_writable(100)
    assert log.stat().st_size > before, "something was written"
    assert store.get(a_record(1).handle, NOW) is not None
    assert store.migrate()[0] == store.migrate()[1], "the version of the schema is what it was"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(SuperTokensGeneralError, match="database is locked"):
            store.prove_writable(100)
        assert time.monotonic() - begun < 5, "although the store itself would wait for 10 seconds"
    store.prove_writable(100)
    store.close()


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
    assert len(handles_of(store, "user", NOW)) == 200


def test_what_does_not_change_the_expiry_writes_one_page_and_no_index(path: Path) -> None:
    """A refresh that hands out a child changes its row only; SQLite would write an index for the same value, too."""
    store, wal = SqliteStore(path), path.with_name(path.name + "-wal")
    store._database.commits.writer.monotonic = lambda: 0.0  # no mark but in the first commit
    was = a_record()
    store.create(was, "{}")
    for expires_at, pages in ((was.expires_at, 1), (was.expires_at + 1, 2)):
        becomes = replace(was, expires_at=expires_at, lineage=was.lineage._replace(newest=was.lineage.newest + 1))
        before = wal.stat().st_size
        assert store.rotate(was, becomes, durable=False)
        assert wal.stat().st_size - before == pages * (4096 + 24)
        was = becomes
    found = store.get(was.handle, 0)
    assert found is not None
    assert found.record == was
    store.close()


def test_no_secret_shows_in_a_repr_and_the_path_does(path: Path) -> None:
    assert str(path) in repr(SqliteStore(path))
