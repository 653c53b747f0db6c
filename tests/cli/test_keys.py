# SPDX-License-Identifier: Apache-2.0
"""`supertokens keys`, `migrate` and `config check`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.core.keys import AWAITS_SEALING
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.stores import sqlite
from supertokens.stores.sqlite import SqliteStore

from .conftest import Run

KEY = "key-of-twenty-characters"
SEALING = "7c0e1f9a5d3b48e2906fa1c4d7b85326e94a0d1c63f7528bb1e8094fd2a6c35e"
OTHER_SEALING = "b91d4e7703fa2c58e6a10d9f4b73c8256ef0a41b8d92573ac4167ef3085db2c9"


def kids(run: Run, database: str) -> dict[str, str]:
    """The keys for access tokens, and the use of each."""
    found = json.loads(run("keys", "list", database, "--json").stdout)
    return {key["id"]: key["use"] for key in found if key["purpose"] == "access tokens"}


def test_keys_are_listed_with_their_use_and_without_their_secret(run: Run, core: EmbeddedCore, database: str) -> None:
    output = run("keys", "list", database)
    assert output.exit_code == 0
    for key in core.store.read_keys(0).keys:
        assert key.id in output.stdout
        assert key.material.hex() not in output.stdout
    listed = json.loads(run("keys", "list", database, "--json").stdout)
    assert [(key["purpose"], key["use"]) for key in listed] == [
        ("access tokens", "signs"),
        ("static", "signs"),
        ("refresh tokens", "new sessions"),
    ]
    assert all(set(key) == {"id", "purpose", "use", "created_at"} for key in listed)


def test_a_new_key_waits_for_its_turn_and_the_old_one_stays_good(run: Run, core: EmbeddedCore, database: str) -> None:
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    (old,) = kids(run, database)
    result = run("keys", "rotate", database, "--json")
    made = json.loads(result.stdout)
    assert (result.exit_code, made["old_key_refused_within"]) == (0, None)
    assert kids(run, database) == {made["id"]: "next", old: "signs"}
    core.keys._read(system_clock())
    assert core.verify(issued.access_token.text, check_anti_csrf=False).user_id == "ada"


def test_with_now_the_old_key_is_dropped_and_the_command_says_how_soon(
    run: Run, core: EmbeddedCore, database: str
) -> None:
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    (old,) = kids(run, database)
    refused = run("keys", "rotate", "--now", database)
    assert refused.exit_code == 2
    assert kids(run, database) == {old: "signs"}
    result = run("keys", "rotate", "--now", database, "--yes")
    assert result.exit_code == 0
    assert "refused everywhere within 60 seconds" in result.output
    (new,) = kids(run, database)
    assert new != old
    assert new in result.output
    core.keys._read(system_clock())
    with pytest.raises(SuperTokensTryRefreshTokenError):
        core.verify(issued.access_token.text, check_anti_csrf=False)
    assert core.refresh(issued.refresh_token.text, anti_csrf=False).user_id == "ada", "nobody is logged out"


def test_sealed_keys_need_their_key(run: Run, tmp_path: Path) -> None:
    assert run("migrate").exit_code == 0
    assert run("keys", "rotate", SUPERTOKENS_ENCRYPTION_KEY=SEALING).exit_code == 0
    result = run("keys", "list")
    assert result.exit_code == 1
    assert "encryption_key" in result.stderr
    assert SEALING not in result.stderr
    for way in ("--with-config", "SUPERTOKENS_ENCRYPTION_KEY ", "SUPERTOKENS_ENCRYPTION_KEY_FILE"):
        assert way in result.stderr, "the message names a remedy"


# keys seal, keys replace


def secrets_of(core: EmbeddedCore) -> list[bytes]:
    return [key.material for key in core.store.read_keys(0).keys]


def test_sealing_seals_with_the_first_key_and_leaves_nothing_in_the_file(
    run: Run, core: EmbeddedCore, database: str
) -> None:
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    plain = secrets_of(core)
    result = run("keys", "seal", database, SUPERTOKENS_ENCRYPTION_KEY=SEALING)
    assert (result.exit_code, result.output) == (
        0, "3 keys are now sealed with the first key of 'encryption_key', as all later ones will be.\n",
    )  # fmt: skip
    core.close()
    path = Path(database.removeprefix("--database="))
    content = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    assert not any(secret in content for secret in plain)
    with pytest.raises(SuperTokensGeneralError, match="give it to this process too"):
        core.keys._read(system_clock())
    changed = f"{OTHER_SEALING},{SEALING}"
    again = run("keys", "seal", database, "--json", SUPERTOKENS_ENCRYPTION_KEY=changed)
    assert json.loads(again.stdout) == {"sealed": 3}
    assert run("keys", "list", database, SUPERTOKENS_ENCRYPTION_KEY=SEALING).exit_code == 1
    config = Config(encryption_key=OTHER_SEALING)
    after = EmbeddedCore(config, core.store)
    assert after.verify(issued.access_token.text, check_anti_csrf=False).user_id == "ada"


def test_sealing_without_a_key_says_where_it_may_be_given(run: Run, core: EmbeddedCore, database: str) -> None:
    result = run("keys", "seal", database)
    assert result.exit_code == 2
    assert "there is no 'encryption_key' to seal with: give the service's config.yaml" in result.stderr
    assert "SUPERTOKENS_ENCRYPTION_KEY_FILE" in result.stderr


def test_a_lost_key_is_answered_with_new_keys_and_new_sessions(run: Run, core: EmbeddedCore, database: str) -> None:
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    before = {key.id for key in core.store.read_keys(0).keys}
    assert run("keys", "seal", database, SUPERTOKENS_ENCRYPTION_KEY=SEALING).exit_code == 0
    assert run("keys", "list", database).exit_code == 1
    refused = run("keys", "replace", database)
    assert refused.exit_code == 2
    assert len(core.session_handles("ada")) == 1
    result = run("keys", "replace", database, "--yes", SUPERTOKENS_ENCRYPTION_KEY=OTHER_SEALING)
    assert result.output == (
        "All keys are replaced, and all users are logged out (1 session).\n"
        "Old tokens are refused everywhere within 60 seconds.\n"
    )
    assert core.session_handles("ada") == []
    stored = core.store.read_keys(0)
    assert before.isdisjoint(key.id for key in stored.keys)
    after = EmbeddedCore(Config(encryption_key=OTHER_SEALING), core.store)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        after.verify(issued.access_token.text, check_anti_csrf=False)
    with pytest.raises(SuperTokensUnauthorisedError):
        after.refresh(issued.refresh_token.text, anti_csrf=False)
    assert after.create_session("ada", {}, {}, anti_csrf=False).user_id == "ada"


def test_config_check_warns_of_a_key_that_is_not_sealed_with(run: Run, core: EmbeddedCore, tmp_path: Path) -> None:
    core.create_session("ada", {}, {}, anti_csrf=False)
    file = tmp_path / "config.yaml"
    database = tmp_path / "sessions.sqlite3"

    def warnings(keys: str, *options: str) -> list[str]:
        file.write_text(f"database: {database}\nencryption_key: '{keys}'\n")
        result = run("config", "check", file, "--json", *options)
        assert result.exit_code == 0
        found: list[str] = json.loads(result.stdout)["warnings"]
        return found

    for options in ((), ("--app",)):
        assert warnings(SEALING, *options) == [AWAITS_SEALING]
    assert f"Warning: {AWAITS_SEALING}" in run("config", "check", file).stderr
    assert run("keys", "seal", "--with-config", file).exit_code == 0
    assert warnings(SEALING) == []
    assert warnings(f"{OTHER_SEALING},{SEALING}") == [AWAITS_SEALING]
    assert warnings(f"{SEALING},{OTHER_SEALING}") == []
    database.write_bytes(b"no database at all" * 100)
    assert warnings(SEALING)[0].startswith("cannot tell whether the keys are sealed: the session database")
    database.unlink()
    assert warnings(SEALING) == []
    assert not database.exists(), "a check makes nothing"


def test_rotating_with_a_wrong_date_in_the_store_says_the_truth(run: Run, core: EmbeddedCore, database: str) -> None:
    year = 365 * 86_400_000
    core.keys.rotate(system_clock() + year, drop_old=False)
    made = json.loads(run("keys", "rotate", database, "--json").stdout)["id"]
    listed = kids(run, database)
    assert listed[made] == "signs", "at once, since it succeeds one dated ahead"
    assert sorted(listed.values()) == ["signs", "verifies", "verifies"]


def test_the_database_of_an_app_that_signs_with_es256_gets_no_key_of_another_kind(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "app.sqlite3"
    app = EmbeddedCore(Config(access_token_signing_algorithm="ES256"), SqliteStore(path))
    issued = app.create_session("ada", {}, {}, anti_csrf=False)
    purposes = {key.purpose for key in app.store.read_keys(0).keys}
    listed = json.loads(run("keys", "list", "--database", path, "--json").stdout)
    assert [(key["purpose"], key["use"]) for key in listed] == [
        ("access tokens, ES256", "signs"),
        ("static, ES256", "signs"),
        ("refresh tokens", "new sessions"),
    ]
    made = json.loads(run("keys", "rotate", "--now", "--database", path, "--yes", "--json").stdout)["id"]
    assert {key.purpose for key in app.store.read_keys(0).keys} == purposes
    app.keys._read(system_clock())
    assert app.keys.ring_for_signing(system_clock()).signing_key(system_clock()).kid == made
    with pytest.raises(SuperTokensTryRefreshTokenError):
        app.verify(issued.access_token.text, check_anti_csrf=False)
    file = tmp_path / "config.yaml"
    file.write_text("access_token_signing_algorithm: ES256\n")
    assert run("keys", "list", "--database", path, "--with-config", file).exit_code == 0
    for start in (("config", "check", file), ("start", "--with-config", file)):
        refused = run(*start)
        assert refused.exit_code != 0
        assert "'access_token_signing_algorithm' (ES256) is not for services: the SuperTokens SDKs" in refused.stderr
    assert run("config", "check", "--app", file).exit_code == 0
    app.close()


# migrate


def test_a_database_that_is_not_there_gets_its_tables(run: Run, tmp_path: Path) -> None:
    file, newest = tmp_path / "supertokens.sqlite3", len(sqlite._SCHEMA)
    result = run("migrate")
    assert (result.exit_code, result.output) == (0, f"Created the tables in {file} (schema version {newest}).\n")
    result = run("migrate")
    assert (result.exit_code, result.output) == (0, f"{file} already has schema version {newest}: nothing to do.\n")
    assert json.loads(run("migrate", "--json").stdout) == {"before": newest, "now": newest}
    assert file.stat().st_mode & 0o777 == 0o600


def test_sessions_survive_a_migration(run: Run, core: EmbeddedCore, database: str) -> None:
    handle = core.create_session("ada", {}, {}, anti_csrf=False).handle
    assert "nothing to do" in run("migrate", database).output
    assert core.session_handles("ada") == [handle]


def test_a_database_of_a_newer_program_is_left_alone(run: Run, core: EmbeddedCore, tmp_path: Path) -> None:
    file = tmp_path / "sessions.sqlite3"
    core.close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    result = run("migrate", "--database", file)
    assert result.exit_code == 1
    assert "was written by a newer version" in result.stderr


# config check


def test_a_good_file_is_shown_with_the_source_of_each_setting(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"port: 3568\napi_keys: {KEY}\nencryption_key: '{SEALING}'\npostgresql_user: root\n")
    result = run("config", "check", file, COOKIE_DOMAIN="example.com")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.strip()}
    assert rows["port"] == ["3568", str(file)]
    assert rows["cookie_domain"] == ["example.com", "environment,", "COOKIE_DOMAIN"]
    assert rows["refresh_token_validity"] == ["144000", "minutes", "default"]
    assert rows["api_keys"][:4] == ["1", "set,", "not", "shown"]
    assert "hosts" not in rows
    assert "Warning: " in result.stderr
    assert "'postgresql_user' has no effect" in result.stderr
    for secret in (KEY, SEALING):
        assert secret not in result.output


def test_the_check_names_the_file_in_which_sessions_will_be_kept(run: Run, tmp_path: Path) -> None:
    def row(name: str, *options: str) -> str:
        lines = run("config", "check", "config.yaml", *options).stdout.splitlines()
        (found,) = [line for line in lines if line.startswith(f"{name} ")]
        return " ".join(found.split()[1:])

    file = tmp_path / "config.yaml"
    file.write_text("port: 3568\n")
    assert row("database") == f"{tmp_path / 'supertokens.sqlite3'} default"
    assert row("base_path") == "empty default"
    file.write_text("cookie_secure: true\n")
    assert row("database", "--app") == "supertokens.sqlite3 in the app's instance folder default"
    file.write_text("hosts: http://localhost:3567\n")
    assert row("database", "--app") == "unset default"
    file.write_text("database: sqlite:///folder/x.sqlite3\n")
    assert row("database") == f"{tmp_path / 'folder' / 'x.sqlite3'} {file}"


def test_the_check_lists_misspelt_names_in_the_environment(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("cookie_domain: example.com\n")
    misspelt = {"SUPERTOKENS_ENCRYPTION_KEY_FLIE": "/run/key", "SUPERTOKENS_API_KYES": KEY}
    hints = [
        f"environment: '{name}' is not a setting and has no effect; did you mean {meant}?"
        for name, meant in zip(
            sorted(misspelt), ("SUPERTOKENS_API_KEYS", "SUPERTOKENS_ENCRYPTION_KEY_FILE"), strict=True
        )
    ]
    assert run("config", "check", file, **misspelt).stderr.splitlines() == [f"Warning: {hint}" for hint in hints]
    assert json.loads(run("config", "check", "--json", "--app", file, **misspelt).stdout)["warnings"] == hints


def test_the_check_for_programs_shows_no_secret_either(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"api_keys: {KEY}\ndatabase: sqlite:///correct-horse.db\n")
    result = run("config", "check", file, "--json")
    checked = json.loads(result.stdout)
    assert checked["settings"]["api_keys"] == {"value": "1 set, not shown", "source": str(file)}
    assert checked["settings"]["database"]["value"] == "set, not shown"
    assert checked["settings"]["port"] == {"value": 3567, "source": "default"}
    assert checked["warnings"] == []
    assert "horse" not in result.output


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("port: x", "'port' must be a whole number"),
        ("prot: 1", "did you mean 'port'?"),
        ("host: 0.0.0.0", "set 'api_keys'"),
        ("a: b: c", "this is not YAML"),
    ],
)
def test_a_bad_file_is_an_error_that_names_the_problem(run: Run, tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)
    result = run("config", "check", file)
    assert result.exit_code == 1
    assert problem in result.stderr
    assert str(file) in result.stderr
    assert result.stdout == ""


def test_a_file_that_is_not_there_is_an_error(run: Run) -> None:
    result = run("config", "check", "nowhere.yaml")
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_the_file_of_an_app_is_checked_by_the_rules_for_apps(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("hosts: http://localhost:3567\n")
    assert "http://localhost:3567" in run("config", "check", "--app", file).stdout
    file.write_text("hosts: http://localhost:3567\naccess_token_validity: 60\n")
    result = run("config", "check", "--app", file)
    assert result.exit_code == 1
    assert "'access_token_validity' belongs to the core service" in result.stderr
