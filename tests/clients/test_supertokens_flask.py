# SPDX-License-Identifier: Apache-2.0
"""The real supertokens-flask 1.4.1, the last of the 1.0 era, with the Flask of today."""

from __future__ import annotations

import json
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.service.clocked import Services

from .conftest import API_KEYS, Deploy, Deployment
from .running import App
from .visitor import Visitor

SDK = "supertokens-flask"
pytestmark = pytest.mark.xdist_group(SDK)

GIVEN = {"role": "admin", "nothing": None, "deep": {"a": [1, 2.5, None, {"b": None}], "ö": "\u2028\U0001f600", "c": {}}}
CARRIED = {"role": "admin", "deep": {"a": [1, 2.5, None, {}], "ö": "\u2028\U0001f600", "c": {}}}
"""Tokens of that era carry no null members; the core keeps them (docs/protocol/cdi2.md#fields)."""
REFRESH = "/session/refresh"
UNAUTHORISED = (401, {"error": "unauthorised"})
TRY_REFRESH = (401, {"error": "try refresh token"})
THEFT = (401, {"error": "token theft detected"})

_numbers = count(1)


def a_user() -> str:
    """One that no other test has."""
    return f"user-{next(_numbers)}"


def logged_in(deployment: Deployment, **login: Any) -> Visitor:
    visitor = deployment.visitor()
    answer = visitor.post("/login", {"user": a_user(), "payload": GIVEN, "data": GIVEN} | login)
    assert answer.status == 200, answer
    return visitor


def shown(visitor: Visitor, path: str = "/me", method: str = "GET", body: object = None) -> Any:
    answer = visitor.request(method, path, body)
    assert answer.status == 200, answer
    return answer.json()


def refused(visitor: Visitor, path: str = "/me", method: str = "GET", **options: Any) -> tuple[int, Any]:
    answer = visitor.request(method, path, **options)
    return answer.status, answer.json()


def sessions(deployment: Deployment, user: str) -> Any:
    return shown(deployment.visitor(), f"/sessions/{user}")


def test_it_speaks_the_newest_version_of_its_family(plain: Deployment) -> None:
    logged_in(plain)
    assert plain.wire.lines.count("GET /apiversion") == 1
    session = next(asked for asked in plain.wire.asked if asked.line == "POST /session")
    assert session.headers["cdi-version"] == "2.3"


def test_a_new_session_is_what_it_was_made_of(plain: Deployment) -> None:
    user = a_user()
    visitor = logged_in(plain, user=user)
    found = shown(visitor)
    assert (found["user"], found["payload"]) == (user, CARRIED)
    assert sessions(plain, user) == [found["handle"]]
    assert shown(visitor, f"/stored/{found['handle']}") == GIVEN
    assert shown(visitor, "/data") == GIVEN


def test_a_session_comes_as_three_cookies_and_a_header(plain: Deployment) -> None:
    visitor = plain.visitor()
    answer = visitor.post("/login", {"user": a_user(), "payload": {}, "data": {}})
    jar = {cookie.name: cookie for cookie in visitor.browser.jar.values()}
    assert {name: cookie.path for name, cookie in jar.items()} == {
        "sAccessToken": "/",
        "sIdRefreshToken": "/",
        "sRefreshToken": REFRESH,
    }
    assert all(cookie.http_only and cookie.same_site == "Lax" and cookie.domain is None for cookie in jar.values())
    assert answer.headers["id-refresh-token"].startswith(f"{jar['sIdRefreshToken'].value};")
    assert "anti-csrf" not in answer.headers


def test_a_check_does_not_ask_the_core(plain: Deployment) -> None:
    visitor = logged_in(plain)
    shown(visitor)
    with plain.wire.new() as asked:
        for _ in range(5):
            shown(visitor)
    assert asked == []


def test_a_check_needs_no_core_but_a_refresh_does(plain: Deployment) -> None:
    visitor = logged_in(plain)
    shown(visitor)
    plain.service.kill()
    try:
        shown(visitor)
        assert visitor.post(REFRESH).status == 500
    finally:
        plain.service.start()
    shown(visitor, REFRESH, "POST")


def test_a_tampered_token_asks_for_a_refresh_and_gets_one(plain: Deployment) -> None:
    visitor = logged_in(plain)
    good = visitor.browser.value("sAccessToken")
    assert good is not None
    head, payload, signature = good.split(".")
    tampered = f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    visitor.browser.take([("Set-Cookie", f"sAccessToken={tampered}; Path=/")])
    assert refused(visitor) == TRY_REFRESH
    shown(visitor, REFRESH, "POST")
    shown(visitor)


def test_a_refresh_gives_new_tokens_and_the_same_session(plain: Deployment) -> None:
    visitor = logged_in(plain)
    before, old = shown(visitor), dict(visitor.browser.jar)
    assert shown(visitor, REFRESH, "POST") == before
    assert all(visitor.browser.jar[key].value != cookie.value for key, cookie in old.items())
    assert shown(visitor) == before


def test_the_first_check_after_a_refresh_tells_the_core_and_later_ones_do_not(plain: Deployment) -> None:
    visitor = logged_in(plain)
    shown(visitor, REFRESH, "POST")
    with plain.wire.new() as first:
        shown(visitor)
    with plain.wire.new() as later:
        shown(visitor)
    assert [asked.line for asked in first] == ["POST /session/verify"]
    assert "accessToken" in json.loads(first[0].answer)
    assert later == []


def test_a_payload_that_is_replaced_shows_at_once_and_stays(plain: Deployment) -> None:
    visitor = logged_in(plain)
    assert shown(visitor, "/payload", "POST", {"a": None, "b": [None]})["payload"] == {"b": [None]}
    assert shown(visitor)["payload"] == {"b": [None]}
    shown(visitor, REFRESH, "POST")
    # The token of this one carries its parent's hash: it is replaced before any check has confirmed it.
    found = shown(visitor, "/payload", "POST", GIVEN)
    assert found["payload"] == CARRIED
    shown(visitor, REFRESH, "POST")
    assert shown(visitor)["payload"] == CARRIED
    assert shown(visitor, f"/stored/{found['handle']}") == GIVEN


def test_a_payload_that_is_replaced_by_handle_reaches_the_token_with_the_next_refresh(plain: Deployment) -> None:
    visitor = logged_in(plain)
    handle = shown(visitor)["handle"]
    shown(plain.visitor(), f"/stored/{handle}", "PUT", {"plan": "free"})
    assert shown(visitor)["payload"] == CARRIED
    shown(visitor, REFRESH, "POST")
    assert shown(visitor)["payload"] == {"plan": "free"}


def test_session_data_is_replaced_as_it_was_given(plain: Deployment) -> None:
    visitor = logged_in(plain, data={})
    assert shown(visitor, "/data") == {}
    assert shown(visitor, "/data", "POST", GIVEN) == GIVEN


def test_a_logout_ends_the_session_on_both_sides(plain: Deployment) -> None:
    user = a_user()
    visitor = logged_in(plain, user=user)
    stolen = visitor.copy()
    answer = visitor.post("/logout")
    assert answer.headers["id-refresh-token"] == "remove"
    assert not visitor.holds_a_session
    assert sessions(plain, user) == []
    assert refused(stolen, REFRESH, "POST") == UNAUTHORISED
    assert not stolen.holds_a_session


def test_all_sessions_of_a_user_are_revoked_and_nobody_elses(plain: Deployment) -> None:
    user = a_user()
    first, second, other = logged_in(plain, user=user), logged_in(plain, user=user), logged_in(plain)
    handles = [shown(each)["handle"] for each in (first, second)]
    assert sorted(shown(plain.visitor(), f"/sessions/{user}", "DELETE")) == sorted(handles)
    assert refused(first, REFRESH, "POST") == UNAUTHORISED
    assert refused(second, REFRESH, "POST") == UNAUTHORISED
    shown(other, REFRESH, "POST")


def test_with_blacklisting_a_revoked_session_is_refused_at_once(deploy: Deploy) -> None:
    deployment = deploy({"access_token_blacklisting": True})
    user = a_user()
    visitor = logged_in(deployment, user=user)
    shown(visitor)
    shown(deployment.visitor(), f"/sessions/{user}", "DELETE")
    assert refused(visitor) == UNAUTHORISED
    assert not visitor.holds_a_session


def test_without_grace_an_old_token_is_theft_once_its_child_was_used(strict: Deployment) -> None:
    user = a_user()
    visitor = logged_in(strict, user=user)
    thief = visitor.copy()
    shown(visitor, REFRESH, "POST")
    shown(visitor)
    # The value is the visitor's, and of the first refresh token: the thief has it as well.
    assert refused(thief, REFRESH, "POST") == THEFT
    assert not thief.holds_a_session
    assert sessions(strict, user) == []
    assert refused(visitor, REFRESH, "POST") == UNAUTHORISED


def test_with_grace_a_straggler_gets_what_the_others_have(plain: Deployment) -> None:
    visitor = logged_in(plain)
    straggler = visitor.copy()
    shown(visitor, REFRESH, "POST")
    shown(visitor)
    shown(straggler, REFRESH, "POST")
    assert straggler.browser.value("sRefreshToken") == visitor.browser.value("sRefreshToken")
    assert straggler.browser.id_refresh_token == visitor.browser.id_refresh_token


def test_with_grace_a_token_of_two_generations_ago_is_theft(plain: Deployment) -> None:
    user = a_user()
    visitor = logged_in(plain, user=user)
    thief = visitor.copy()
    for _ in range(2):
        shown(visitor, REFRESH, "POST")
        shown(visitor)
    assert refused(thief, REFRESH, "POST") == THEFT
    assert sessions(plain, user) == []


def test_when_grace_is_over_an_old_token_is_theft(plain: Deployment) -> None:
    user = a_user()
    visitor = logged_in(plain, user=user)
    thief = visitor.copy()
    shown(visitor, REFRESH, "POST")
    shown(visitor)
    plain.services.clock.advance(seconds=11)
    assert refused(thief, REFRESH, "POST") == THEFT
    assert sessions(plain, user) == []


def test_the_anti_csrf_value_is_asked_for_but_by_get(strict: Deployment) -> None:
    visitor = logged_in(strict)
    assert visitor.browser.anti_csrf is not None
    shown(visitor)
    shown(visitor, "/me", "POST")
    assert refused(visitor, method="POST", anti_csrf=False) == TRY_REFRESH
    shown(visitor, REFRESH, "POST")
    shown(visitor, "/me", "POST")
    visitor.browser.anti_csrf = "wrong"
    assert refused(visitor, method="POST") == TRY_REFRESH


@pytest.mark.parametrize("value", [None, "wrong"])
def test_a_refresh_without_the_anti_csrf_value_is_refused(strict: Deployment, value: str | None) -> None:
    visitor = logged_in(strict)
    other = visitor.copy()
    visitor.browser.anti_csrf = value
    assert refused(visitor, REFRESH, "POST") == UNAUTHORISED
    assert not visitor.holds_a_session
    shown(other, REFRESH, "POST")


def test_a_replaced_payload_keeps_the_anti_csrf_value(strict: Deployment) -> None:
    visitor = logged_in(strict)
    assert shown(visitor, "/payload", "POST", {"more": 1})["payload"] == {"more": 1}
    shown(visitor, "/me", "POST")
    shown(visitor, REFRESH, "POST")
    assert shown(visitor, "/me", "POST")["payload"] == {"more": 1}


def test_the_api_key_is_sent_with_every_request(strict: Deployment) -> None:
    logged_in(strict)
    assert {asked.headers["api-key"] for asked in strict.wire.asked} == {API_KEYS[1]}


@pytest.mark.parametrize("wrong", [None, API_KEYS[1]])
def test_a_wrong_api_key_fails_and_nothing_is_made(deploy: Deploy, wrong: str | None) -> None:
    deployment = deploy({"api_keys": API_KEYS[0]}, api_key=wrong)
    assert deployment.visitor().post("/login", {"user": "somebody", "payload": {}, "data": {}}).status == 500
    assert {asked.answer for asked in deployment.wire.asked} == {b"Invalid API key\n"}
    deployment.service.api_key = API_KEYS[0]
    found = deployment.service.request("GET", "/session/user", version="2.3", query={"userId": "somebody"})
    assert found.json()["sessionHandles"] == []


def test_a_rotation_of_keys_logs_nobody_out(plain: Deployment) -> None:
    before = logged_in(plain)
    shown(before)
    plain.rotate_keys()
    plain.services.clock.advance(minutes=3)
    after = logged_in(plain)
    # The library holds one key: tokens of the other one go to the core, which knows both.
    for _ in range(2):
        shown(after)
        shown(before)
    shown(before, REFRESH, "POST")
    shown(before)


def test_a_key_that_was_dropped_costs_a_refresh(plain: Deployment) -> None:
    before = logged_in(plain)
    shown(before)
    plain.rotate_keys("--now", "--yes")
    plain.services.clock.advance(minutes=3)
    shown(logged_in(plain))
    assert refused(before) == TRY_REFRESH
    shown(before, REFRESH, "POST")
    shown(before)


def a_whole_life(visitor: Visitor, number: int) -> None:
    shown(visitor, "/login", "POST", {"user": "u", "payload": {"number": number}, "data": {}})
    handle = shown(visitor)["handle"]
    shown(visitor, REFRESH, "POST")
    assert shown(visitor)["payload"] == {"number": number}
    shown(visitor, "/payload", "POST", {"number": -number})
    shown(visitor, REFRESH, "POST")
    found = shown(visitor)
    assert (found["handle"], found["payload"]) == (handle, {"number": -number})


def test_a_host_that_is_killed_in_the_middle_costs_nobody_anything(
    sdk: str, client_services: Services, tmp_path: Path
) -> None:
    first = client_services.new()
    second = client_services.new(database=f"sqlite:///{first.database}")
    with App(sdk, tmp_path, hosts=f"{first.url};{second.url}", api_key=None) as app:
        # The second kill shows that what the first one has left was in use, and that the first came back.
        for victim in (first, second):
            killer = threading.Thread(target=victim.kill)
            for number in range(15):
                if number == 5:
                    killer.start()
                a_whole_life(Visitor(app.port, client_services.clock), number)
            killer.join()
            victim.start()
        assert len(shown(Visitor(app.port, client_services.clock), "/sessions/u")) >= 30
