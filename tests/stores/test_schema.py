# SPDX-License-Identifier: Apache-2.0
"""A file that an earlier version wrote is carried over. The one in `written_by_schema_N` was made by the last commit
with schema N; beside it are the tokens that clients hold for its sessions.
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

VERSIONS: Final = (1, 4)
Tokens = dict[str, dict[str, Any]]
PAYLOAD: Final = {"role": "admin", "n": 1.0, "nothing": None}
NEWEST: Final = len(sqlite._SCHEMA)


@pytest.fixture(params=VERSIONS, ids=lambda version: f"schema {version}")
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def written(version: int) -> Path:
    return Path(__file__).parent / f"written_by_schema_{version}"


@pytest.fixture
def tokens(written: Path) -> Tokens:
    read: Tokens = json.loads((written / "tokens.json").read_text())
    return read


@pytest.fixture
def path(tmp_path: Path, written: Path) -> Path:
    return Path(shutil.copy(written / "sessions.db", tmp_path / "sessions.sqlite3"))


@pytest.fixture
def core(path: Path, clock: FakeClock) -> EmbeddedCore:
    """A core of this version, at the moment at which the file was written."""
    return EmbeddedCore(Config(), SqliteStore(path), clock=clock)


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def refresh(core: EmbeddedCore, token: dict[str, Any], client: str | None = "browser") -> str:
    text = token["refresh_token"]
    return core.refresh(text, anti_csrf=False, anti_csrf_mode="if_sent", client=client).refresh_token.text


def test_sessions_of_an_earlier_schema_still_verify_and_refresh(core: EmbeddedCore, tokens: Tokens) -> None:
    for name in ("new", "used"):
        verified = core.verify(tokens[name]["access_token"], check_anti_csrf=False, check_database=True)
        assert (verified.user_id, verified.handle) == (name, tokens[name]["handle"])
        assert verified.jwt_payload == PAYLOAD
        assert refresh(core, tokens[name]) not in (tokens[name]["refresh_token"], None)
    assert core.session_data(tokens["new"]["handle"]) == {"kept": 1}
    token = core.verify(
        tokens["new"]["access_token"], check_anti_csrf=True, anti_csrf_token=tokens["new"]["anti_csrf_token"]
    )
    assert token.user_id == "new"


def test_where_the_rotation_stands_is_kept(core: EmbeddedCore, tokens: Tokens) -> None:
    """When and to whom the newest pair was handed out, too: the same client gets it again, another one does not."""
    assert refresh(core, tokens["parent of pending"]) == tokens["pending"]["refresh_token"]
    assert refresh(core, tokens["parent of used"]) == tokens["used"]["refresh_token"], "a straggler"
    assert refresh(core, tokens["parent of pending"], client="another") != tokens["pending"]["refresh_token"]
    first = core.verify(tokens["pending"]["access_token"], check_anti_csrf=False)
    assert first.new_access_token is not None, "a child of current, handed out by the earlier version"


def test_what_is_carried_over_is_remembered_and_lives_as_long_as_it_was_promised(
    core: EmbeddedCore, tokens: Tokens, path: Path, clock: FakeClock
) -> None:
    """A session in use since long before is not taken for idle: when it was last seen, no one has noted."""
    handle = tokens["used"]["handle"]
    SqliteStore(path).migrate()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE session SET created_at = created_at - ?", (500 * 86_400_000,))
    told = core.session(handle)
    assert (told.remember, told.expires_at) == (True, clock() + 144_000 * 60_000)
    clock.advance(days=99)
    child = core.refresh(tokens["used"]["refresh_token"], anti_csrf=False, client="browser")
    core.verify(child.access_token.text, check_anti_csrf=False, client="browser")
    assert core.session(handle).expires_at == clock() + 144_000 * 60_000
    found = core.store.get(handle, clock())
    assert found is not None
    assert found.record.last_seen_at == clock()


def test_the_absolute_limit_counts_for_what_is_carried_over(path: Path, tokens: Tokens, clock: FakeClock) -> None:
    core = EmbeddedCore(Config(session_max_lifetime=7200), SqliteStore(path), clock=clock)
    assert core.session(tokens["new"]["handle"]).expires_at == clock() + 7_200_000


def test_what_was_revoked_is_not_there(core: EmbeddedCore, tokens: Tokens) -> None:
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, tokens["gone"])


def test_all_keys_are_kept(path: Path) -> None:
    statement = "SELECT id, purpose, created_at, material FROM key ORDER BY id"
    before = rows(path, statement)
    assert {purpose for _, purpose, *_ in before} == {"dynamic", "static", "refresh"}
    SqliteStore(path).migrate()
    assert rows(path, statement) == before


@pytest.mark.parametrize("version", [1], indirect=True)
def test_keys_that_the_earlier_version_has_sealed_are_known_as_sealed(
    path: Path, clock: FakeClock, tokens: Tokens
) -> None:
    secret = hashlib.sha256(b"an encryption key").digest()
    sealer = Sealer([secret])
    with closing(sqlite3.connect(path)) as connection, connection:
        for key_id, material in connection.execute("SELECT id, material FROM key").fetchall():
            sealed = sealer.seal(material, key_id, sealer.first, bytes)
            connection.execute("UPDATE key SET material = ? WHERE id = ?", (sealed, key_id))
    assert SqliteStore(path).read_keys(0).sealed_with == sealer.first
    core = EmbeddedCore(Config(encryption_key=(secret,)), SqliteStore(path), clock=clock)
    assert refresh(core, tokens["new"])
    assert not core.keys.awaits_sealing(clock())


def test_keys_in_the_clear_are_known_as_such(path: Path) -> None:
    assert SqliteStore(path).read_keys(0)[2:] == (None, False, None)


def test_migrate_tells_the_versions(path: Path, version: int) -> None:
    assert SqliteStore(path).migrate() == (version, NEWEST)
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


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    before = rows(path, "SELECT * FROM session ORDER BY handle"), rows(path, "SELECT sql FROM sqlite_schema")
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_SCHEMA", (*sqlite._SCHEMA, "ALTER TABLE session DROP COLUMN none"))
        with pytest.raises(SuperTokensGeneralError, match="no such column"):
            SqliteStore(path).migrate()
    assert rows(path, "PRAGMA user_version") == [(version,)]
    assert (rows(path, "SELECT * FROM session ORDER BY handle"), rows(path, "SELECT sql FROM sqlite_schema")) == before


def test_a_store_that_may_not_write_says_how_to_carry_it_over(path: Path, version: int) -> None:
    with pytest.raises(SuperTokensGeneralError, match="run 'supertokens migrate'"):
        SqliteStore(path, mode="ro").read_keys(0)
    assert rows(path, "PRAGMA user_version") == [(version,)]


@pytest.mark.parametrize("version", [1], indirect=True)
def test_a_file_from_before_files_were_marked_is_ours(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0x53544B53,)
        connection.execute("PRAGMA application_id = 0")
    assert SqliteStore(path).migrate() == (version, NEWEST)
    assert rows(path, "PRAGMA application_id") == [(0x53544B53,)]
