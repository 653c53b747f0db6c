# SPDX-License-Identifier: Apache-2.0
"""Who may call, and how keys change while the service runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from supertokens.service.api_keys import ApiKeys

from .conftest import StartService
from .running import Service

ONE, TWO, THREE = "key1-aaaaaaaaaaaaaaaaaaaa", "key2=BBBBBBBBBBBBBBBBBBBB", "key3-cccccccccccccccccccc"
SESSION = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}


def status_with(service: Service, *headers: tuple[str, str], version: str = "5.4") -> int:
    path = "/recipe/session/user" if version >= "3" else "/session/user"
    return service.request("GET", path, version=version, headers=headers, query={"userId": "u"}).status


def test_each_key_opens_both_families_and_nothing_else_does(start_service: StartService) -> None:
    service = start_service({"api_keys": f"{ONE}, {TWO}"})
    for version in ("1.0", "2.3", "3.0", "5.4"):
        for key in (ONE, TWO, f"  {TWO} "):
            assert status_with(service, ("api-key", key), version=version) == 200
        for key in ("", ONE[:-1], ONE.upper(), f"{ONE}, {TWO}", f"{ONE}x"):
            assert status_with(service, ("api-key", key), version=version) == 401
        assert status_with(service, version=version) == 401
    refused = service.request("GET", "/session/user", version="2.3", query={"userId": "u"})
    assert refused.text == "Invalid API key\n"


def test_a_bearer_key_counts_in_the_modern_family_where_there_is_no_other(start_service: StartService) -> None:
    service = start_service({"api_keys": ONE})
    assert status_with(service, ("authorization", f"Bearer {ONE}")) == 200
    assert status_with(service, ("authorization", ONE)) == 200
    assert status_with(service, ("authorization", f"Bearer {TWO}")) == 401
    assert status_with(service, ("authorization", f"Bearer {ONE}"), ("api-key", "wrong")) == 401
    assert status_with(service, ("authorization", f"Bearer {ONE}"), version="2.3") == 401


def test_some_paths_need_no_key(start_service: StartService) -> None:
    service = start_service({"api_keys": ONE})
    for path in ("/hello", "/config?pid=1", "/.well-known/jwks.json", "/health", "/ready", "/openapi.json", "/"):
        assert service.request("GET", path).status == 200, path
    for path in ("/apiversion", "/recipe/jwt/jwks", "/user/id?userId=u"):
        assert service.request("GET", path).status == 401, path


def test_keys_in_a_file_are_changed_without_a_restart(start_service: StartService, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{ONE}\n")
    file.chmod(0o600)
    service = start_service({"api_keys_file": str(file)})
    assert status_with(service, ("api-key", ONE)) == 200
    replacement = tmp_path / "keys.new"
    replacement.write_text(f"{TWO}\n{THREE}\n")
    replacement.chmod(0o600)
    replacement.replace(file)
    deadline = time.monotonic() + 10
    while status_with(service, ("api-key", ONE)) == 200:
        assert time.monotonic() < deadline, "the old key still opens"
    assert status_with(service, ("api-key", TWO)) == status_with(service, ("api-key", THREE)) == 200


def test_a_file_that_breaks_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "keys"
    file.write_text(ONE)

    def read(path: Path) -> tuple[str, ...]:
        if not path.read_text():
            raise ValueError("no keys")
        return (path.read_text(),)

    keys = ApiKeys((), file, read, clock=lambda: now[0])
    file.write_text("")
    now[0] = 5.0
    assert keys.accept(ONE)
    assert not keys.accept(None)
    file.write_text(TWO)
    now[0] = 5.5
    assert keys.accept(ONE), "looked at once a second"
    now[0] = 6.0
    assert keys.accept(TWO)
    assert not keys.accept(ONE)


def test_a_file_without_keys_does_not_start_an_open_service(tmp_path: Path) -> None:
    def read(path: Path) -> tuple[str, ...]:
        raise ValueError("no keys")

    with pytest.raises(ValueError, match="no keys"):
        ApiKeys((), tmp_path / "missing", read)


def test_whoever_guesses_keys_shows_in_the_log_and_cannot_fill_it(caplog: pytest.LogCaptureFixture) -> None:
    moment = 0.0
    keys = ApiKeys((ONE,), clock=lambda: moment)
    for _ in range(1000):
        assert not keys.accept("guess-aaaaaaaaaaaaaaaaaaaa")
    assert keys.accept(ONE)
    moment = 61.0
    assert not keys.accept(None)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.rpartition(": ")[2] for line in lines] == ["1", "1001"]
    assert "guess" not in caplog.text
