# SPDX-License-Identifier: Apache-2.0
"""A file that an earlier version wrote is carried over. The one in `written_by_schema_1` was made by the last commit
with schema 1; beside it are the tokens that clients hold for its sessions.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.sealing import Sealer
from supertokens.errors import SuperTokensGeneralError, SuperTokensUnauthorisedError
from supertokens.stores import sqlite
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

WRITTEN: Final = Path(__file__).parent / "written_by_schema_1"
TOKENS: Final = json.loads((WRITTEN / "tokens.json").read_text())
PAYLOAD: Final = {"role": "admin", "n": 1.0, "nothing": None}
NEWEST: Final = len(sqlite._SCHEMA)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(WRITTEN / "sessions.db", tmp_path / "sessions.sqlite3"))


@pytest.fixture
def core(path: Path, clock: FakeClock) -> EmbeddedCore:
    """A core of this version, at the moment at which the file was written."""
    return EmbeddedCore(Config(), SqliteStore(path), clock=clock)


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def refresh(core: EmbeddedCore, name: str, client: str | None = "browser") -> str:
    token = TOKENS[name]["refresh_token"]
    return core.refresh(token, anti_csrf=False, anti_csrf_mode="if_sent", client=client).refresh_token.text


def test_sessions_of_schema_1_still_verify_and_refresh(core: EmbeddedCore) -> None:
    for name in ("new", "used"):
        verified = core.verify(TOKENS[name]["access_token"], check_anti_csrf=False, check_database=True)
        assert (verified.user_id, verified.handle) == (name, TOKENS[name]["handle"])
        assert verified.jwt_payload == PAYLOAD
        assert refresh(core, name) not in (TOKENS[name]["refresh_token"], None)
    assert core.session_data(TOKENS["new"]["handle"]) == {"kept": 1}
    token = core.verify(
        TOKENS["new"]["access_token"], check_anti_csrf=True, anti_csrf_token=TOKENS["new"]["anti_csrf_token"]
    )
    assert token.user_id == "new"


def test_where_the_rotation_stands_is_kept(core: EmbeddedCore) -> None:
    """When and to whom the newest pair was handed out, too: the same client gets it again, another one does not."""
    assert refresh(core, "parent of pending") == TOKENS["pending"]["refresh_token"]
    assert refresh(core, "parent of used") == TOKENS["used"]["refresh_token"], "a straggler"
    assert refresh(core, "parent of pending", client="another") != TOKENS["pending"]["refresh_token"]
    first = core.verify(TOKENS["pending"]["access_token"], check_anti_csrf=False)
    assert first.new_access_token is not None, "a child of current, handed out by the earlier version"


def test_what_was_revoked_is_not_there(core: EmbeddedCore) -> None:
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, "gone")


def test_all_keys_are_kept(path: Path) -> None:
    statement = "SELECT id, purpose, created_at, material FROM key ORDER BY id"
    before = rows(path, statement)
    assert {purpose for _, purpose, *_ in before} == {"dynamic", "static", "refresh"}
    SqliteStore(path).migrate()
    assert rows(path, statement) == before


def test_keys_that_the_earlier_version_has_sealed_are_known_as_sealed(path: Path, clock: FakeClock) -> None:
    secret = hashlib.sha256(b"an encryption key").digest()
    sealer = Sealer([secret])
    with closing(sqlite3.connect(path)) as connection, connection:
        for key_id, material in connection.execute("SELECT id, material FROM key").fetchall():
            sealed = sealer.seal(material, key_id, sealer.first, bytes)
            connection.execute("UPDATE key SET material = ? WHERE id = ?", (sealed, key_id))
    assert SqliteStore(path).read_keys(0).sealed_with == sealer.first
    core = EmbeddedCore(Config(encryption_key=(secret,)), SqliteStore(path), clock=clock)
    assert refresh(core, "new")
    assert not core.keys.awaits_sealing(clock())


def test_keys_in_the_clear_are_known_as_such(path: Path) -> None:
    assert SqliteStore(path).read_keys(0)[2:] == (None, False)


def test_migrate_tells_the_versions(path: Path) -> None:
    assert SqliteStore(path).migrate() == (1, NEWEST)
    assert SqliteStore(path).migrate() == (NEWEST, NEWEST)
    assert SqliteStore(path.with_name("new.sqlite3")).migrate() == (0, NEWEST)


def test_what_is_carried_over_has_the_tables_of_a_new_file(path: Path) -> None:
    new = path.with_name("new.sqlite3")
    for each in (path, new):
        SqliteStore(each).migrate()
    columns = "SELECT name, sql IS NULL, (SELECT json_group_array(name || type) FROM pragma_table_info(s.name))"
    statement = f"{columns} FROM sqlite_schema AS s ORDER BY name"
    assert rows(path, statement) == rows(new, statement)


def test_many_that_open_it_at_once_carry_it_over_once(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: SqliteStore(path).read_keys(0), range(8)))
    assert keys == [keys[0]] * 8
    assert rows(path, "PRAGMA user_version") == [(NEWEST,)]


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(path, "SELECT * FROM session ORDER BY handle"), rows(path, "SELECT sql FROM sqlite_schema")
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_SCHEMA", (*sqlite._SCHEMA, "ALTER TABLE session DROP COLUMN none"))
        with pytest.raises(SuperTokensGeneralError, match="no such column"):
            SqliteStore(path).migrate()
    assert rows(path, "PRAGMA user_version") == [(1,)]
    assert (rows(path, "SELECT * FROM session ORDER BY handle"), rows(path, "SELECT sql FROM sqlite_schema")) == before


def test_a_store_that_may_not_write_says_how_to_carry_it_over(path: Path) -> None:
    with pytest.raises(SuperTokensGeneralError, match="run 'supertokens migrate'"):
        SqliteStore(path, mode="ro").read_keys(0)
    assert rows(path, "PRAGMA user_version") == [(1,)]


def test_a_file_from_before_files_were_marked_is_ours(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x53544B53,)
        connection.execute("PRAGMA application_id = 0")
    assert SqliteStore(path).migrate() == (1, NEWEST)
    assert rows(path, "PRAGMA application_id") == [(0x53544B53,)]
