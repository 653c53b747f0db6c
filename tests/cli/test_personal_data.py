# SPDX-License-Identifier: Apache-2.0
"""`supertokens sessions export`, `forget-clients`, and what `list` shows of clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from supertokens.core import EmbeddedCore
from supertokens.engine.noted_client import NotedClient

from ..service.running import Service  # noqa: TID252 - tests is no package that could be imported by its name
from .conftest import Run

NO_HANDLE = "6e9a1f0c-3f2b-4c57-9b52-0c1f3ad1c7e5"
PHONE = NotedClient("Phone \u00fc", "192.0.2.7")


def create(core: EmbeddedCore, user: str = "ada", noted: NotedClient | None = PHONE) -> str:
    return core.create_session(user, {"role": "admin"}, {"cart": ["\x1b[2J"]}, anti_csrf=False, noted=noted).handle


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_sessions_of_a_user_are_exported_one_a_line(run: Run, core: EmbeddedCore, database: str) -> None:
    handles = {create(core), create(core, noted=None)}
    create(core, "grace")
    result = run("sessions", "export", "ada", database)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout
    exported = lines(result.stdout)
    assert {each["handle"] for each in exported} == handles
    known = core.session(exported[0]["handle"])
    listed = json.loads(run("sessions", "list", "ada", database, "--json").stdout)
    shown = json.loads(run("sessions", "show", known.handle, database, "--json").stdout)
    assert exported[0] == {**listed[0], **shown}, "all that the other commands tell"
    assert run("sessions", "export", "nobody", database).output == ""


def test_clients_are_forgotten_once_somebody_has_said_so(run: Run, core: EmbeddedCore, database: str) -> None:
    create(core), create(core), create(core, noted=None)
    other = create(core, "grace")
    refused = run("sessions", "forget-clients", "ada", database)
    assert refused.exit_code == 2
    assert "add --yes to proceed" in refused.stderr
    assert {each.client for each in core.sessions("ada")} == {PHONE, NotedClient()}
    assert run("sessions", "forget-clients", "ada", database, "--yes").output == (
        "Erased User-Agent and address from 2 sessions.\n"
    )
    assert {each.client for each in core.sessions("ada")} == {NotedClient()}
    assert len(core.sessions("ada")) == 3
    assert [(each.handle, each.client) for each in core.sessions("grace")] == [(other, PHONE)]
    assert json.loads(run("sessions", "forget-clients", "ada", database, "--json").stdout) == {"forgotten": 0}


def test_the_list_shows_when_a_session_was_seen_and_whose_client_it_is(
    run: Run, core: EmbeddedCore, database: str
) -> None:
    create(core)
    heading, _, row = run("sessions", "list", "ada", database).output.splitlines()
    for column in ("created (UTC)", "last seen (UTC)", "expires (UTC)", "address", "client"):
        assert column in heading
    assert row[heading.index("address") :].split() == ["192.0.2.7", "Phone", "\u00fc"]


def test_all_others_are_ended_and_none_for_a_handle_that_is_not_the_users(
    run: Run, core: EmbeddedCore, database: str
) -> None:
    kept, ended, other = create(core), create(core), create(core, "grace")
    for spared in (NO_HANDLE, other, "", kept.upper()):
        result = run("sessions", "revoke", "--user", "ada", "--except", spared, database, "--yes")
        assert (result.exit_code, "nothing was ended" in result.stderr) == (1, True)
    assert set(core.session_handles("ada")) == {kept, ended}
    result = run("sessions", "revoke", "--user", "ada", "--except", kept, database, "--yes")
    assert result.output == "1 session ended.\n"
    assert (core.session_handles("ada"), core.session_handles("grace")) == ([kept], [other])
    for arguments in ([kept, "--except", kept], ["--all", "--except", kept]):
        assert run("sessions", "revoke", *arguments, database, "--yes").exit_code == 2


def test_a_service_is_asked_for_all_of_it(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("urllib3", reason="install the extra: pip install 'supertokens-sessions[remote]'")
    key = "key-of-twenty-characters"
    with Service(tmp_path, {"api_keys": key}, api_key=key) as service:
        fields = {"notedUserAgent": "Phone", "notedAddress": "192.0.2.7"}
        asked = {"userId": "ada", "userDataInJWT": {"n": 1}, "userDataInDatabase": {"m": 2}, "enableAntiCsrf": False}
        kept = service.request("POST", "/recipe/session", asked | fields).json()["session"]["handle"]
        service.create("ada")
        (tmp_path / "app.yaml").write_text(f"hosts: {service.url}\napi_key: {key}\n")
        where = ["--with-config", "app.yaml"]
        exported = lines(run("sessions", "export", "ada", *where).stdout)
        assert [(each["user_agent"], each["address"]) for each in exported] == [("Phone", "192.0.2.7"), (None, None)]
        assert (exported[0]["jwt_payload"], exported[0]["session_data"]) == ({"n": 1}, {"m": 2})
        forgotten = run("sessions", "forget-clients", "ada", *where, "--yes")
        assert forgotten.output == "Erased User-Agent and address from 1 session.\n"
        assert {each["address"] for each in lines(run("sessions", "export", "ada", *where).stdout)} == {None}
        revoked = run("sessions", "revoke", "--user", "ada", "--except", kept, *where, "--yes")
        assert revoked.output == "1 session ended.\n"
        assert [each["handle"] for each in lines(run("sessions", "export", "ada", *where).stdout)] == [kept]
