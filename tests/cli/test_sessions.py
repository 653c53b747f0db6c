# SPDX-License-Identifier: Apache-2.0
"""`supertokens sessions`: look at them, end them."""

from __future__ import annotations

import json
import sqlite3
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from supertokens.core import EmbeddedCore, everybody, system_clock
from supertokens.stores.base import EVERYBODY
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import handles_of

from ..service.running import Service  # noqa: TID252 - tests is no package that could be imported by its name
from .conftest import Run

NO_HANDLE = "6e9a1f0c-3f2b-4c57-9b52-0c1f3ad1c7e5"


def create(core: EmbeddedCore, user: str = "ada") -> str:
    issued = core.create_session(user, {"role": "admin", "n": None}, {"cart": [1, 2.5]}, anti_csrf=False)
    return issued.handle


def all_handles(core: EmbeddedCore) -> set[str]:
    return set(handles_of(core.store, EVERYBODY, system_clock()))


# Looking


def test_the_sessions_of_a_user_are_listed_oldest_first(run: Run, core: EmbeddedCore, database: str) -> None:
    handles = [create(core), create(core)]
    create(core, "grace")
    result = run("sessions", "list", "ada", database)
    assert result.exit_code == 0
    lines = [line.split()[0] for line in result.output.splitlines() if ":" in line]
    assert lines == core.session_handles("ada")
    assert sorted(lines) == sorted(handles)


def test_the_list_for_programs_has_times_in_ms(run: Run, core: EmbeddedCore, database: str) -> None:
    issued = core.create_session("ada", {"role": "admin"}, {"cart": [1, 2.5]}, anti_csrf=False)
    known = core.session(issued.handle)

    def listed(*whose: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(run("sessions", "list", *whose, database, "--json").stdout)
        return found

    shown = {"handle": known.handle, "user_id": "ada", "created_at": known.created_at, "expires_at": known.expires_at}
    shown |= {"last_seen_at": known.created_at, "remember": True, "user_agent": None, "address": None}
    assert listed("ada") == listed("--all") == [shown | {"refreshed_at": None}]
    before = system_clock()
    core.refresh(issued.refresh_token.text, anti_csrf=False)
    [refreshed] = listed("ada")
    assert before <= refreshed["refreshed_at"] <= system_clock()
    assert listed("--all") == [refreshed]
    assert refreshed | {"refreshed_at": None} == shown | {"refreshed_at": None}


def test_a_user_without_sessions_has_an_empty_list(run: Run, database: str) -> None:
    result = run("sessions", "list", "nobody", database)
    assert (result.exit_code, result.output) == (0, "No sessions of nobody.\n")
    assert json.loads(run("sessions", "list", "nobody", database, "--json").stdout) == []


def test_the_sessions_of_everybody_are_listed_with_their_users_up_to_a_limit(
    run: Run, core: EmbeddedCore, database: str
) -> None:
    assert run("sessions", "list", "--all", database).output == "No sessions.\n"
    handles = {create(core, f"user-{number}"): f"user-{number}" for number in range(5)}

    def listed(*options: str) -> dict[str, str]:
        result = run("sessions", "list", "--all", database, *options)
        assert result.exit_code == 0
        return dict(line.split()[:2] for line in result.stdout.splitlines() if "user-" in line)

    assert listed() == listed("--limit=5") == handles
    assert len(listed("--limit=3")) == 3
    assert listed("--limit=3").items() <= handles.items()
    assert run("sessions", "list", "--all", database, "--limit=5").stderr == ""
    limited = run("sessions", "list", "--all", database, "--limit=3", "--json")
    assert len(json.loads(limited.stdout)) == 3
    assert limited.stderr == "Showing 3 of 5 sessions; use --limit to see more.\n"


def test_the_limit_holds_for_a_user_too_and_the_oldest_are_shown(run: Run, core: EmbeddedCore, database: str) -> None:
    for _ in range(3):
        create(core)
    result = run("sessions", "list", "ada", database, "--limit=2", "--json")
    assert [each["handle"] for each in json.loads(result.stdout)] == core.session_handles("ada")[:2]
    assert result.stderr == "Showing 2 of 3 sessions; use --limit to see more.\n"


def test_sessions_are_counted(run: Run, core: EmbeddedCore, database: str) -> None:
    for user in ("ada", "ada", "grace"):
        create(core, user)
    assert run("sessions", "list", "--all", "--count", database).output == "3 sessions.\n"
    assert run("sessions", "list", "grace", "--count", database).output == "1 session.\n"
    assert json.loads(run("sessions", "list", "--all", "--count", database, "--json", "--limit=1").stdout) == {
        "count": 3
    }


@pytest.mark.parametrize("arguments", [[], ["ada", "--all"], ["--all", "--limit=0"], ["--all", "--limit=-1"]])
def test_whose_sessions_are_listed_has_to_be_said_once(run: Run, database: str, arguments: list[str]) -> None:
    assert run("sessions", "list", *arguments, database).exit_code == 2


def test_no_service_lists_the_sessions_of_everybody(run: Run) -> None:
    result = run("sessions", "list", "--all", SUPERTOKENS_HOSTS="http://localhost:1")
    assert result.exit_code == 2
    assert "--all needs the database itself" in result.stderr


def test_a_session_is_shown_with_payload_and_data(run: Run, core: EmbeddedCore, database: str) -> None:
    handle = create(core)
    output = run("sessions", "show", handle, database).output
    assert all(text in output for text in (handle, "ada", '{"role": "admin", "n": null}', '{"cart": [1, 2.5]}'))
    known = core.session(handle)
    assert json.loads(run("sessions", "show", handle, database, "--json").stdout) == {
        "handle": handle,
        "user_id": "ada",
        "jwt_payload": {"role": "admin", "n": None},
        "created_at": known.created_at,
        "expires_at": known.expires_at,
        "remember": True,
        "auth_time": known.created_at,
        "session_data": {"cart": [1, 2.5]},
    }


@pytest.mark.parametrize("arguments", [["show"], ["revoke", "--yes"]])
@pytest.mark.parametrize("handle", [NO_HANDLE, "no handle", ""])
def test_a_session_that_is_not_there_is_an_error(run: Run, database: str, arguments: list[str], handle: str) -> None:
    result = run("sessions", *arguments, "--", handle) if not handle else run("sessions", *arguments, handle, database)
    assert result.exit_code == 1
    assert "there is no " in result.stderr
    assert result.stdout == ""


def test_what_users_chose_themselves_cannot_steer_the_terminal(run: Run, core: EmbeddedCore, database: str) -> None:
    user = "ada\x1b[2J\x07[bold red]\r\n\u202e"
    issued = core.create_session(user, {"\x1b]0;x": "[/]\x9b"}, {}, anti_csrf=False)
    handle = issued.handle
    outputs = (
        run("sessions", "show", handle, database).output,
        run("sessions", "list", user, database).output,
        run("sessions", "list", f"{user}!", database).output,
        run("sessions", "show", handle, database, "--json").output,
        run("sessions", "revoke", handle, database, "--yes").output,
    )
    for output in outputs:
        assert not set(output) & {"\x1b", "\x07", "\x9b", "\r", "\u202e"}
    assert "ada\\x1b[2J\\x07[bold red]\\r\\n\\u202e" in outputs[0]


# Ending


@pytest.mark.parametrize("how", [[], ["--user", "ada"], ["--all"]])
def test_nothing_is_ended_where_nobody_can_be_asked(
    run: Run, core: EmbeddedCore, database: str, how: list[str]
) -> None:
    handle = create(core)
    result = run("sessions", "revoke", *(how or [handle]), database)
    assert result.exit_code == 2
    assert "add --yes to proceed" in result.stderr
    assert all_handles(core) == {handle}


def test_one_session_is_ended(run: Run, core: EmbeddedCore, database: str) -> None:
    ended, other = create(core), create(core)
    result = run("sessions", "revoke", ended, database, "--yes")
    assert (result.exit_code, result.output) == (0, "1 session ended.\n")
    assert all_handles(core) == {other}


def test_the_sessions_of_a_user_are_ended(run: Run, core: EmbeddedCore, database: str) -> None:
    create(core), create(core)
    other = create(core, "grace")
    result = run("sessions", "revoke", "--user", "ada", database, "--yes", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"revoked": 2})
    assert all_handles(core) == {other}


@pytest.mark.parametrize("user", ["", "everybody", "EVERYBODY", "None", "*", "%"])
def test_no_name_of_a_user_ends_the_sessions_of_everybody(
    run: Run, core: EmbeddedCore, database: str, user: str
) -> None:
    handle = create(core)
    result = run("sessions", "revoke", "--user", user, database, "--yes")
    assert (result.exit_code, result.output) == (0, "0 sessions ended.\n")
    assert all_handles(core) == {handle}


def test_the_sessions_of_everybody_are_ended(run: Run, core: EmbeddedCore, database: str) -> None:
    for number in range(7):
        create(core, f"user {number}")
    result = run("sessions", "revoke", "--all", database, "--yes")
    assert (result.exit_code, result.output) == (0, "7 sessions ended.\n")
    assert all_handles(core) == set()
    assert run("sessions", "revoke", "--all", database).output == "0 sessions ended.\n", "there is nothing to ask"


def test_everybodys_sessions_are_ended_some_at_a_time_and_later_ones_are_left_alone(
    core: EmbeddedCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everybody, "_SESSIONS_AT_ONCE", 2)
    for _ in range(5):
        create(core)
    start = system_clock() + 1
    later: set[str] = set()
    counts = []
    monkeypatch.setattr(core, "_clock", lambda: start)
    for count in islice(everybody.revoke_everybody(core.store, start), 10):
        counts.append(count)
        later.add(create(core))
    assert sum(counts) == 5
    assert max(counts) <= 2
    assert all_handles(core) == later


@pytest.mark.parametrize("arguments", [[], [NO_HANDLE, "--all"], ["--user", "a", "--all"], [NO_HANDLE, "--user", "a"]])
def test_exactly_one_way_to_say_whose_sessions_end_is_needed(
    run: Run, core: EmbeddedCore, database: str, arguments: list[str]
) -> None:
    handle = create(core)
    assert run("sessions", "revoke", *arguments, database, "--yes").exit_code == 2
    assert all_handles(core) == {handle}


# Where


def test_a_database_that_is_not_there_is_an_error_and_is_not_made(run: Run, tmp_path: Path) -> None:
    for arguments in (["list", "ada"], ["show", NO_HANDLE], ["revoke", "--all", "--yes"]):
        result = run("sessions", *arguments)
        assert result.exit_code == 1
        assert f"there is no database {tmp_path / 'supertokens.sqlite3'}; give " in result.stderr
        assert "--database" in result.stderr
        assert "--with-config" in result.stderr
    assert not (tmp_path / "supertokens.sqlite3").exists()


def test_the_database_of_a_config_file_and_of_the_environment_is_used(
    run: Run, core: EmbeddedCore, database: str, tmp_path: Path
) -> None:
    handle = create(core)
    (tmp_path / "config.yaml").write_text("database: sqlite:///sessions.sqlite3\nhost: 0.0.0.0\n")
    assert handle in run("sessions", "list", "ada", "--with-config", "config.yaml").output
    assert handle in run("sessions", "list", "ada", SUPERTOKENS_CONFIG="config.yaml").output
    assert handle in run("sessions", "list", "ada", SUPERTOKENS_DATABASE="sessions.sqlite3").output


@pytest.mark.parametrize("hosts_in", ["variable", "file of the environment"])
def test_a_file_that_is_named_beats_the_services_that_the_environment_names(
    run: Run, core: EmbeddedCore, database: str, tmp_path: Path, hosts_in: str
) -> None:
    handle = create(core)
    (tmp_path / "config.yaml").write_text("database: sessions.sqlite3\naccess_token_validity: 900\n")
    (tmp_path / "app.yaml").write_text("hosts: http://localhost:1\n")
    named = {"SUPERTOKENS_HOSTS": "http://localhost:1", "SUPERTOKENS_API_KEY": "k" * 20}
    environ = named if hosts_in == "variable" else {"SUPERTOKENS_CONFIG": "app.yaml"}
    file = ["--with-config", "config.yaml"]
    assert handle in run("sessions", "list", "ada", *file, **environ).stdout
    assert run("sessions", "show", handle, *file, **environ).exit_code == 0
    assert run("keys", "list", *file, **environ).exit_code == 0
    assert run("keys", "rotate", "--now", "--yes", *file, **environ).exit_code == 0
    assert run("sessions", "revoke", "--all", "--yes", *file, **environ).output == "1 session ended.\n"
    refused = run("keys", "list", **environ)
    assert refused.exit_code == 2
    assert "--with-config" in refused.stderr
    assert "--database" in refused.stderr


def test_a_failure_of_the_database_is_a_message_and_no_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "supertokens.sqlite3").write_bytes(b"this is no database" * 100)
    result = run("sessions", "list", "ada")
    assert result.exit_code == 1
    assert "file is not a database" in result.stderr


@pytest.mark.parametrize("arguments", [["show", "no handle"], ["revoke", "no handle"], ["revoke", "--user", ""]])
def test_of_a_database_that_cannot_be_read_nothing_is_said_to_be_missing(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "supertokens.sqlite3"
    file.write_bytes(b"this is no database" * 100)
    broken = run("sessions", *arguments, "--yes" if arguments[0] == "revoke" else "--json")
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert "file is not a database" in broken.stderr
    file.unlink()
    store = SqliteStore(file)
    store.read_keys(0)
    store.close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    too_new = run("sessions", *arguments, "--yes" if arguments[0] == "revoke" else "--json")
    assert (too_new.exit_code, too_new.stdout) == (1, "")
    assert "was written by a newer version" in too_new.stderr


@pytest.mark.parametrize("named_in", ["environment", "file"])
def test_sessions_of_a_running_service_are_looked_after_through_it(run: Run, tmp_path: Path, named_in: str) -> None:
    pytest.importorskip("granian", reason="install the extra: pip install 'supertokens-sessions[service]'")
    pytest.importorskip("urllib3", reason="install the extra: pip install 'supertokens-sessions[remote]'")
    key = "key-of-twenty-characters"
    with Service(tmp_path, {"api_keys": key}, api_key=key) as service:
        handle = service.create("ada", {"role": "admin"}, {"cart": []})["session"]["handle"]
        other = service.create("ada")["session"]["handle"]
        if named_in == "environment":
            where, environ = [], {"SUPERTOKENS_HOSTS": service.url, "SUPERTOKENS_API_KEY": key}
        else:
            (tmp_path / "app.yaml").write_text(f"hosts: {service.url}\napi_key: {key}\n")
            where, environ = ["--with-config", "app.yaml"], {}
        assert handle in run("sessions", "list", "ada", *where, **environ).output
        shown = json.loads(run("sessions", "show", handle, "--json", *where, **environ).stdout)
        assert (shown["jwt_payload"], shown["session_data"]) == ({"role": "admin"}, {"cart": []})
        assert run("sessions", "revoke", handle, "--yes", *where, **environ).output == "1 session ended.\n"
        assert run("sessions", "show", handle, *where, **environ).exit_code == 1
        refused = run("sessions", "revoke", "--all", "--yes", *where, **environ)
        assert refused.exit_code == 2
        assert "--all needs the database itself" in refused.stderr
        assert run("keys", "list", *where, **environ).exit_code == 2
        assert run("sessions", "revoke", "--user", "ada", "--yes", *where, **environ).output == "1 session ended.\n"
        database = ["--database", tmp_path / "sessions.sqlite3"]
        assert other not in run("sessions", "list", "ada", *database, **environ).output, "a database that is named wins"
