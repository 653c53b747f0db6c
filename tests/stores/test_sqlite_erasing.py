# SPDX-License-Identifier: Apache-2.0
"""After sealing, not a byte of an unsealed key is left in the file, its WAL, its shared memory, or a backup of it."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.signing_keys import StoredKey
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_keys
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock
from supertokens.testing.store_contract import a_record, handles_of

KEY = hashlib.sha256(b"an encryption key").digest()
PIECE = 16
"""Bytes: any part of a key that is twice as long holds a whole piece."""


def traces(path: Path, secrets: list[bytes]) -> int:
    """How many pieces of the secrets are in the files of the database, and in a backup of it."""
    backup = path.with_name("backup.sqlite3")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    files = [*path.parent.glob(f"{path.name}*"), backup]
    content = b"".join(file.read_bytes() for file in files)
    backup.unlink()
    return sum(
        secret[start : start + PIECE] in content for secret in secrets for start in range(0, len(secret) - PIECE, PIECE)
    )


class Scribe:
    """Adds and removes keys among sessions that come and go, so that their pages are split, freed and used again."""

    def __init__(self, store: SqliteStore, seed: int) -> None:
        self.store = store
        self.chance = random.Random(seed)
        self.secrets: list[bytes] = []
        self.sessions = 0
        self.handles: list[str] = []

    def write(self, steps: int) -> None:
        for _ in range(steps):
            self.chance.choice([self.add, self.add, self.remove, self.sessions_come, self.sessions_go])()

    def add(self) -> None:
        number = len(self.secrets) + 1
        self.secrets.append(self.chance.randbytes(self.chance.choice([32, 1216, 1217, 1218])))
        stored = self.store.read_keys(0)
        key = StoredKey(f"d-{number:013d}", "dynamic", number, self.secrets[-1])
        assert self.store.add_key(key, stored.keys[-1].id if stored.keys else None, stored.sealed_with)

    def remove(self) -> None:
        ids = [key.id for key in self.store.read_keys(0).keys]
        self.store.remove_keys("dynamic", self.chance.sample(ids, min(len(ids), self.chance.randrange(3))))

    def sessions_come(self) -> None:
        for _ in range(self.chance.randrange(12)):
            self.sessions += 1
            record = a_record(self.sessions)
            self.store.create(record, f'"{self.chance.randbytes(self.chance.randrange(900)).hex()}"')
            self.handles.append(record.handle)

    def sessions_go(self) -> None:
        self.chance.shuffle(self.handles)
        gone = [self.handles.pop() for _ in range(self.chance.randrange(len(self.handles) + 1))]
        self.store.remove(gone, 0)

    def seal(self) -> None:
        keys = self.store.read_keys(0).keys
        sealed = [replace(key, material=self.chance.randbytes(len(key.material) + 40)) for key in keys]
        assert self.store.reseal_keys(keys, sealed, "aa")
        self.store.erase()


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_left_of_keys_that_were_ever_in_the_file(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "sessions.sqlite3"
    scribe = Scribe(SqliteStore(path, synchronous="normal", pragmas={"secure_delete": 0}), seed)
    scribe.add()
    scribe.write(50)
    assert traces(path, scribe.secrets) > 0
    scribe.seal()
    unsealed = list(scribe.secrets)
    assert traces(path, unsealed) == 0
    scribe.write(20)
    assert traces(path, unsealed) == 0


@pytest.mark.parametrize("seed", range(10))
def test_a_file_whose_keys_were_written_without_secure_delete_is_written_anew(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sessions.sqlite3"
    store = SqliteStore(path, synchronous="normal", pragmas={"secure_delete": 0})
    store.read_keys(0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM property")
    scribe = Scribe(store, seed)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_keys, "_SECURE_DELETE", "PRAGMA secure_delete = OFF")
        scribe.add()
        scribe.write(50)
    scribe.seal()
    assert traces(path, scribe.secrets) == 0
    assert handles_of(store, "user", 0) == sorted(scribe.handles)


def test_a_library_that_does_not_know_secure_delete_writes_the_file_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sessions.sqlite3"
    monkeypatch.setattr(sqlite_keys, "_SECURE_DELETE", "PRAGMA no_such_pragma")
    left = 0
    for seed in range(5):
        path.unlink(missing_ok=True)
        scribe = Scribe(SqliteStore(path, synchronous="normal", pragmas={"secure_delete": 0}), seed)
        scribe.add()
        scribe.write(50)
        scribe.seal()
        left += traces(path, scribe.secrets)
        scribe.store.close()
    assert left == 0


def test_the_keys_of_a_core_leave_the_file_while_other_processes_have_it_open(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "sessions.sqlite3"
    cores = [EmbeddedCore(Config(encryption_key=(KEY,)), SqliteStore(path), clock=clock) for _ in range(2)]
    plain = EmbeddedCore(Config(), SqliteStore(path), clock=clock)
    issued = plain.create_session("user", {}, {}, anti_csrf=False)
    secrets = [key.material for key in plain.store.read_keys(0).keys]
    for core in cores:
        core.verify(issued.access_token.text, check_anti_csrf=False)
    assert traces(path, secrets) > 0
    assert cores[0].keys.seal(clock()) == 3
    assert traces(path, secrets) == 0
    cores[1].refresh(issued.refresh_token.text, anti_csrf=False)
    assert traces(path, secrets) == 0


def test_a_reader_that_does_not_end_is_named_and_the_command_can_be_given_again(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sessions.sqlite3"
    core = EmbeddedCore(Config(), SqliteStore(path), clock=clock)
    core.create_session("user", {}, {}, anti_csrf=False)
    secrets = [key.material for key in core.store.read_keys(0).keys]
    monkeypatch.setattr(sqlite_keys, "_CHECKPOINT_WITHIN_S", 0.0)
    sealing = EmbeddedCore(Config(encryption_key=(KEY,)), SqliteStore(path, busy_timeout=50), clock=clock)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM session").fetchone()
        with pytest.raises(SuperTokensGeneralError, match="stop it, and seal again"):
            sealing.keys.seal(clock())
    sealing.keys.seal(clock())
    assert traces(path, secrets) == 0


def test_removing_all_keys_leaves_nothing_either(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite3"
    scribe = Scribe(SqliteStore(path, synchronous="normal", pragmas={"secure_delete": 0}), 1)
    scribe.add()
    scribe.write(50)
    scribe.store.remove_all_keys()
    scribe.store.erase()
    assert traces(path, scribe.secrets) == 0


def test_traces_are_found_where_they_are(tmp_path: Path) -> None:
    """The searching itself: in the file, in the WAL, and in a page that is not in use."""
    path = tmp_path / "sessions.sqlite3"
    scribe = Scribe(SqliteStore(path, pragmas={"secure_delete": 0}), 2)
    scribe.add()
    assert traces(path, scribe.secrets) > 0
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM key")
        connection.commit()
    assert traces(path, scribe.secrets) > 0
    everything: Any = path.read_bytes() + path.with_name(f"{path.name}-wal").read_bytes()
    assert scribe.secrets[0][:PIECE] in everything
