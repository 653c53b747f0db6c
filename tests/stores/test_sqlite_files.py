# SPDX-License-Identifier: Apache-2.0
"""How the file is named, made and looked at; how large its log becomes."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_connections
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record

from .test_sqlite_forks import in_a_child

NOW = 1_700_000_000_000
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


def test_a_file_that_others_may_read_is_named_with_its_mode_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.touch(mode=0o644)
    path.chmod(0o644)
    store = SqliteStore(path)
    store.create(a_record(1), "{}")
    store.read_keys(NOW)
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"{path} has mode 0644" in warning
    assert f"chmod 600 {path}" in warning
    store.close()


def test_a_file_of_its_owner_only_is_no_reason_to_warn(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    SqliteStore(path).create(a_record(1), "{}")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_where_the_file_is_is_logged_once_in_each_process(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def said() -> list[str]:
        return [record.getMessage() for record in caplog.records if str(path) in record.getMessage()]

    def child() -> None:
        caplog.clear()
        store.read_keys(NOW)
        assert said() == [f"sessions are kept in {path}"]

    with caplog.at_level(logging.INFO, "supertokens"):
        store = SqliteStore(path)
        assert said() == []
        for _ in range(2):
            store.create(a_record(int.from_bytes(os.urandom(4))), "{}")
            store.read_keys(NOW)
            store.close()
        assert said() == [f"sessions are kept in {path}"]
        assert in_a_child(child) == "done"


def test_a_symbolic_link_to_nothing_is_refused_and_makes_nothing(path: Path) -> None:
    target = path.with_name("unmounted")
    path.symlink_to(target)
    with pytest.raises(SuperTokensGeneralError, match=r"symbolic link to '.*unmounted'.*'database'"):
        SqliteStore(path).read_keys(NOW)
    assert not target.exists()


def test_a_symbolic_link_to_a_file_is_followed(path: Path) -> None:
    SqliteStore(path.with_name("target")).create(a_record(1), "{}")
    path.symlink_to(path.with_name("target"))
    assert SqliteStore(path).get(a_record(1).handle, NOW) is not None


@pytest.mark.parametrize("name", [b"caf\xe9", b"a%20b?mode=ro#x&y=1", "ünï ☃".encode(), b"new\nline"])
def test_a_folder_of_any_name_works(tmp_path: Path, name: bytes, caplog: pytest.LogCaptureFixture) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    store = SqliteStore(folder / "sessions.sqlite3")
    with caplog.at_level(logging.INFO, "supertokens"):
        store.create(a_record(1), "{}")
    assert os.listdir(os.fsencode(folder))[0].startswith(b"sessions.sqlite3")
    caplog.text.encode()  # fit to be written to a log
    store.close()
    assert os.listdir(os.fsencode(folder)) == [b"sessions.sqlite3"]
    (folder / "sessions.sqlite3").unlink()
    (folder / "sessions.sqlite3").mkdir()
    with pytest.raises(SuperTokensGeneralError) as failure:
        store.read_keys(NOW)
    str(failure.value).encode()


AS_NOBODY = """
import os, sys
from pathlib import Path
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_connections
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record

os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
try:
    SqliteStore(Path(sys.argv[1])).create(a_record(1), "{}")
except SuperTokensGeneralError as error:
    print(error)
"""


def said_as_nobody(path: Path) -> str:
    command = [sys.executable, "-c", AS_NOBODY, str(path), str(NOBODY)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may write into, and not below one of pytest's, which others may not enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as another user: run the tests as root")
def test_a_file_that_root_made_first_is_an_error_with_owner_mode_and_cure(open_folder: Path) -> None:
    path = open_folder / "sessions.sqlite3"
    store = SqliteStore(path)
    store.read_keys(NOW)
    store.close()
    said = said_as_nobody(path)
    assert f"{path} belongs to root and has mode 0600" in said
    assert "runs as nobody" in said
    assert "chown nobody" in said
    os.chown(path, NOBODY, NOBODY)
    assert said_as_nobody(path) == ""
    open_folder.chmod(0o755)
    assert "write into that folder" in said_as_nobody(path)


def test_a_log_shrinks_after_a_long_read(path: Path) -> None:
    store = SqliteStore(path, synchronous="normal")
    wal = path.with_name(path.name + "-wal")
    store.create(a_record(1), "{}")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM session").fetchone()
        number = 2
        while wal.stat().st_size < 24 << 20:
            store.create(a_record(number), f'"{"x" * 30_000}"')
            number += 1
        reader.execute("COMMIT")
    for _ in range(3):
        number += 1
        store.create(a_record(number), "{}")
    assert wal.stat().st_size <= 8 << 20
    store.close()


def test_a_large_log_begins_anew_although_somebody_always_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_connections, "_MAX_LOG_BYTES", 1 << 20)
    monkeypatch.setattr(sqlite_connections, "_WAIT_FOR_READERS_MS", 60_000)
    monkeypatch.setattr(sqlite_connections, "_BETWEEN_TRIES_S", 0)
    store = SqliteStore(path, synchronous="normal")
    store.create(a_record(1), "{}")
    began, ended = threading.Event(), threading.Event()

    def read() -> None:
        readers = [sqlite3.connect(path, isolation_level=None) for _ in range(2)]
        for number in count():
            reader = readers[number % 2]
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM key").fetchone()
            began.set()
            if number:
                readers[1 - number % 2].execute("COMMIT")
            if ended.wait(0.001):
                break
        for reader in readers:
            reader.close()

    def first_salt() -> bytes:
        return path.with_name(path.name + "-wal").read_bytes()[16:20]

    thread = threading.Thread(target=read)
    thread.start()
    assert began.wait(60)
    salt = first_salt()
    for number in range(2, 200):
        store.create(a_record(number), f'"{"x" * 20_000}"')
    ended.set()
    thread.join()
    assert first_salt() != salt
    store.close()


def test_a_large_statement_needs_no_folder_for_temporary_files(path: Path) -> None:
    store = SqliteStore(path)
    store.create(a_record(1), "{}")
    assert store._database.read("PRAGMA temp_store", ()) == [(2,)]
    store.close()
