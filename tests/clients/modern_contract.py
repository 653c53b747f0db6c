# SPDX-License-Identifier: Apache-2.0
"""What an app gets that uses one of today's SDKs, whichever language that is for: `ModernSdkContract`, for subclasses
in modules that name their SDK as `SDK`.

Two deployments: one with the defaults of both sides, and a strict one, with API keys, anti-CSRF values and no grace
period for refresh tokens.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import pytest

from .conftest import API_KEYS, Deploy, Deployment
from .visitor import Visitor

__all__ = ["ModernSdkContract"]

PAYLOAD: Final[dict[str, Any]] = {
    "role": "admin",
    "nothing": None,
    "deep": {"list": [1, 2.5, None, {"a": None}], "ö\u2028": "\U0001f600", "empty": {}, "none": []},
    "large": 2**53 - 1,
    "no": False,
}
ISSUER: Final = {"iss": "http://127.0.0.1/auth"}
"""The SDKs add this one to what the app gives them."""
OURS: Final = {
    "sub", "iat", "exp", "sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "antiCsrfToken", "rsub",
    "tId", "stt",
}  # fmt: skip
REFRESH: Final = "/auth/session/refresh"
UNAUTHORISED: Final = (401, {"message": "unauthorised"})
TRY_REFRESH: Final = (401, {"message": "try refresh token"})
THEFT: Final = (401, {"message": "token theft detected"})
_DEADLINE: Final = 10.0  # seconds

_numbers = count(1)


def a_user() -> str:
    """One that no other test has."""
    return f"user-{next(_numbers)}"


def user_part(payload: dict[str, Any]) -> dict[str, Any]:
    """A payload without the claims of the token itself."""
    return {name: value for name, value in payload.items() if name not in OURS}


def logged_in(deployment: Deployment, mode: str, **login: Any) -> Visitor:
    visitor = deployment.visitor(mode)
    answer = visitor.post("/login", {"user": a_user(), "payload": PAYLOAD, "data": {"cart": [1, None]}} | login)
    assert answer.status == 200, answer
    return visitor


def shown(visitor: Visitor, path: str = "/me", method: str = "GET", body: object = None) -> dict[str, Any]:
    answer = visitor.request(method, path, body)
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json()
    return found


def refused(visitor: Visitor, path: str = "/me", method: str = "GET", **options: Any) -> tuple[int, Any]:
    answer = visitor.request(method, path, **options)
    return answer.status, answer.json()


def refreshed(visitor: Visitor) -> None:
    assert visitor.post(REFRESH).status == 200


def refresh_token(visitor: Visitor) -> str:
    found = visitor.refresh_token or visitor.browser.value("sRefreshToken")
    assert found
    return found


def stored(deployment: Deployment, visitor: Visitor) -> Any:
    """The payload that the SDK finds in the core, without what it adds itself."""
    return deployment.visitor().get(f"/stored/{shown(visitor)['handle']}").json()


def sessions(deployment: Deployment, user: str) -> Any:
    return deployment.visitor().get(f"/sessions/{user}").json()


def eventually(true: Callable[[], bool]) -> None:
    """The SDKs do not ask for keys twice within half a second."""
    until = time.monotonic() + _DEADLINE
    while not true():
        assert time.monotonic() < until, "not within its time"


class ModernSdkContract:
    @pytest.fixture(params=["cookie", "header"])
    def mode(self, request: pytest.FixtureRequest) -> str:
        """How tokens travel."""
        return str(request.param)

    def test_a_session_is_made_by_asking_for_the_user_and_then_creating_it(self, plain: Deployment) -> None:
        with plain.wire.new() as asked:
            logged_in(plain, "cookie", user="somebody")
        about_sessions = [each for each in asked if not each.target.startswith("/apiversion")]
        assert [each.line for each in about_sessions] == [
            "GET /user/id?userId=somebody",
            "POST /public/recipe/session",
        ]
        assert json.loads(about_sessions[0].answer) == {"status": "UNKNOWN_USER_ID_ERROR"}
        assert {each.headers["cdi-version"] for each in about_sessions} == {"5.4"}
        assert about_sessions[1].fields["userDataInJWT"] == PAYLOAD | ISSUER

    def test_a_new_session_is_what_it_was_made_of(self, plain: Deployment, mode: str) -> None:
        user = a_user()
        visitor = logged_in(plain, mode, user=user)
        found = shown(visitor)
        assert found["user"] == user
        assert user_part(found["payload"]) == PAYLOAD | ISSUER
        assert visitor.front_token is not None
        assert user_part(visitor.front_token["up"]) == PAYLOAD | ISSUER
        assert sessions(plain, user) == [found["handle"]]
        assert shown(visitor, "/data") == {"cart": [1, None]}

    def test_tokens_travel_as_the_browser_asks(self, plain: Deployment) -> None:
        by_cookie, by_header = logged_in(plain, "cookie"), logged_in(plain, "header")
        jar = {cookie.name: cookie for cookie in by_cookie.browser.jar.values()}
        assert set(jar) == {"sAccessToken", "sRefreshToken"}
        assert all(cookie.http_only and cookie.same_site == "Lax" for cookie in jar.values())
        assert jar["sRefreshToken"].path == REFRESH
        assert by_cookie.access_token is None
        assert by_header.browser.jar == {}
        assert by_header.access_token is not None
        assert by_header.refresh_token is not None

    def test_a_check_does_not_ask_the_core(self, plain: Deployment, mode: str) -> None:
        visitor = logged_in(plain, mode)
        shown(visitor)
        with plain.wire.new() as asked:
            for _ in range(5):
                shown(visitor)
        assert asked == []

    def test_a_check_needs_no_core_once_the_keys_are_there(self, plain: Deployment) -> None:
        visitor = logged_in(plain, "cookie")
        shown(visitor)
        plain.service.kill()
        try:
            shown(visitor)
            assert visitor.get("/me/checked").status == 500
        finally:
            plain.service.start()
        shown(visitor, "/me/checked")

    def test_a_check_with_the_database_asks_the_core_once(self, plain: Deployment, mode: str) -> None:
        visitor = logged_in(plain, mode)
        with plain.wire.new() as asked:
            found = shown(visitor, "/me/checked")
        about_sessions = [each for each in asked if "jwks" not in each.target]
        assert [each.line for each in about_sessions] == ["POST /recipe/session/verify"]
        assert about_sessions[0].fields["checkDatabase"] is True
        assert user_part(found["payload"]) == PAYLOAD | ISSUER

    def test_a_tampered_token_asks_for_a_refresh_and_gets_one(self, plain: Deployment) -> None:
        visitor = logged_in(plain, "header")
        assert visitor.access_token is not None
        head, _, signature = visitor.access_token.rpartition(".")
        visitor.access_token = f"{head}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"
        assert refused(visitor) == TRY_REFRESH
        refreshed(visitor)
        shown(visitor)

    def test_a_refresh_gives_new_tokens_and_the_same_session(self, plain: Deployment, mode: str) -> None:
        visitor = logged_in(plain, mode)
        before, old = shown(visitor), refresh_token(visitor)
        refreshed(visitor)
        assert refresh_token(visitor) != old
        after = shown(visitor)
        assert (after["handle"], after["user"]) == (before["handle"], before["user"])
        assert user_part(after["payload"]) == PAYLOAD | ISSUER

    def test_the_first_check_after_a_refresh_tells_the_core_and_later_ones_do_not(
        self, plain: Deployment, mode: str
    ) -> None:
        visitor = logged_in(plain, mode)
        refreshed(visitor)
        with plain.wire.new() as first:
            shown(visitor)
        with plain.wire.new() as later:
            payload = shown(visitor)["payload"]
        assert [each.line for each in first if "jwks" not in each.target] == ["POST /recipe/session/verify"]
        assert "accessToken" in json.loads(first[-1].answer)
        assert later == []
        assert payload["parentRefreshTokenHash1"] is None

    def test_many_refreshes_in_a_row_stay_one_session(self, strict: Deployment, mode: str) -> None:
        visitor = logged_in(strict, mode)
        handle = shown(visitor)["handle"]
        for used in (True, False, True, False, False):
            refreshed(visitor)
            if used:
                shown(visitor)
        assert shown(visitor)["handle"] == handle

    def test_merges_around_a_refresh_leave_nothing_but_what_the_app_gave(self, plain: Deployment, mode: str) -> None:
        visitor = logged_in(plain, mode)
        first = shown(visitor, "/merge", "POST", {"more": {"x": None, "y": [None]}, "role": "user"})
        expected = PAYLOAD | ISSUER | {"more": {"x": None, "y": [None]}, "role": "user"}
        assert user_part(first["payload"]) == expected
        refreshed(visitor)
        # The token of this one carries its parent's hash: it is merged before any check has confirmed it.
        second = shown(visitor, "/merge", "POST", {"no": None, "again": 1.5})
        expected = {name: value for name, value in expected.items() if name != "no"} | {"again": 1.5}
        assert user_part(second["payload"]) == expected
        assert user_part(shown(visitor)["payload"]) == expected
        assert stored(plain, visitor) == expected
        refreshed(visitor)
        assert user_part(shown(visitor)["payload"]) == expected
        assert visitor.front_token is not None
        assert user_part(visitor.front_token["up"]) == expected

    def test_a_merge_by_handle_reaches_the_token_with_the_next_refresh(self, plain: Deployment) -> None:
        visitor = logged_in(plain, "cookie")
        handle = shown(visitor)["handle"]
        assert shown(plain.visitor(), f"/stored/{handle}", "PUT", {"role": None, "plan": "free"}) is True
        assert user_part(shown(visitor)["payload"]) == PAYLOAD | ISSUER
        refreshed(visitor)
        expected = {name: value for name, value in (PAYLOAD | ISSUER).items() if name != "role"} | {"plan": "free"}
        assert user_part(shown(visitor)["payload"]) == expected
        assert stored(plain, visitor) == expected

    def test_session_data_is_replaced_as_it_was_given(self, plain: Deployment) -> None:
        visitor = logged_in(plain, "cookie")
        assert shown(visitor, "/data", "POST", PAYLOAD) == PAYLOAD
        assert shown(visitor, "/data") == PAYLOAD

    @pytest.mark.parametrize("path", ["/logout", "/auth/signout"])
    def test_a_logout_ends_the_session_on_both_sides(self, plain: Deployment, mode: str, path: str) -> None:
        user = a_user()
        visitor = logged_in(plain, mode, user=user)
        shown(visitor)
        stolen = visitor.copy()
        assert visitor.post(path).status == 200
        assert not visitor.holds_a_session
        assert visitor.front_token is None
        assert sessions(plain, user) == []
        # An access token lives out its time, unless the app asks for more.
        shown(stolen)
        assert refused(stolen, "/me/checked") == UNAUTHORISED
        assert refused(stolen, REFRESH, "POST") == UNAUTHORISED

    def test_sessions_are_revoked_by_handle_and_by_user(self, plain: Deployment) -> None:
        user = a_user()
        first, second, third = (logged_in(plain, "cookie", user=user) for _ in range(3))
        handles = [shown(each)["handle"] for each in (first, second, third)]
        somebody = plain.visitor()
        assert shown(somebody, f"/session/{handles[0]}", "DELETE") is True
        assert shown(somebody, f"/session/{handles[0]}", "DELETE") is False
        assert refused(first, "/me/checked") == UNAUTHORISED
        assert not first.holds_a_session
        shown(second, "/me/checked")
        assert sorted(shown(somebody, f"/sessions/{user}", "DELETE")) == sorted(handles[1:])
        for visitor in (second, third):
            assert refused(visitor, REFRESH, "POST") == UNAUTHORISED
            assert not visitor.holds_a_session

    def test_without_grace_an_old_token_is_theft_once_its_child_was_used(self, strict: Deployment, mode: str) -> None:
        user = a_user()
        visitor = logged_in(strict, mode, user=user)
        thief = visitor.copy()
        refreshed(visitor)
        shown(visitor)
        assert refused(thief, REFRESH, "POST") == THEFT
        assert not thief.holds_a_session
        # The SDK revokes, as its default handler does.
        assert sessions(strict, user) == []
        assert refused(visitor, REFRESH, "POST") == UNAUTHORISED

    def test_without_grace_the_owner_is_the_one_to_notice_a_thief_who_came_first(self, strict: Deployment) -> None:
        user = a_user()
        visitor = logged_in(strict, "cookie", user=user)
        thief = visitor.copy()
        refreshed(thief)
        shown(thief)
        assert refused(visitor, REFRESH, "POST") == THEFT
        assert sessions(strict, user) == []
        assert refused(thief, "/me/checked") == UNAUTHORISED

    def test_with_grace_a_straggler_gets_what_the_others_have(self, plain: Deployment, mode: str) -> None:
        visitor = logged_in(plain, mode)
        straggler = visitor.copy()
        refreshed(visitor)
        shown(visitor)
        refreshed(straggler)
        assert refresh_token(straggler) == refresh_token(visitor)
        shown(straggler, "/me/checked")

    def test_with_grace_a_token_of_two_generations_ago_is_theft(self, plain: Deployment, mode: str) -> None:
        user = a_user()
        visitor = logged_in(plain, mode, user=user)
        thief = visitor.copy()
        for _ in range(2):
            refreshed(visitor)
            shown(visitor)
        assert refused(thief, REFRESH, "POST") == THEFT
        assert sessions(plain, user) == []

    def test_when_grace_is_over_an_old_token_is_theft(self, plain: Deployment) -> None:
        user = a_user()
        visitor = logged_in(plain, "cookie", user=user)
        thief = visitor.copy()
        refreshed(visitor)
        shown(visitor)
        plain.services.clock.advance(seconds=11)
        assert refused(thief, REFRESH, "POST") == THEFT
        assert sessions(plain, user) == []

    def test_the_anti_csrf_value_is_asked_for_where_tokens_are_cookies(self, strict: Deployment) -> None:
        visitor = logged_in(strict, "cookie")
        assert visitor.browser.anti_csrf is not None
        shown(visitor)
        shown(visitor, "/me", "POST")
        assert refused(visitor, method="POST", anti_csrf=False) == TRY_REFRESH
        refreshed(visitor)
        shown(visitor, "/me", "POST")
        visitor.browser.anti_csrf = "wrong"
        assert refused(visitor, method="POST") == TRY_REFRESH

    @pytest.mark.parametrize("value", [None, "wrong"])
    def test_a_refresh_without_the_anti_csrf_value_is_refused(self, strict: Deployment, value: str | None) -> None:
        visitor = logged_in(strict, "cookie")
        other = visitor.copy()
        visitor.browser.anti_csrf = value
        assert refused(visitor, REFRESH, "POST") == UNAUTHORISED
        assert not visitor.holds_a_session
        refreshed(other)

    def test_a_merge_keeps_the_anti_csrf_value_out_of_the_payload(self, strict: Deployment) -> None:
        visitor = logged_in(strict, "cookie")
        shown(visitor, "/merge", "POST", {"more": 1})
        refreshed(visitor)
        shown(visitor, "/merge", "POST", {"more": None})
        assert stored(strict, visitor) == PAYLOAD | ISSUER
        shown(visitor, "/me", "POST")

    def test_header_mode_needs_no_anti_csrf_value(self, strict: Deployment) -> None:
        visitor = logged_in(strict, "header")
        assert visitor.browser.anti_csrf is None
        shown(visitor, "/merge", "POST", {"more": 1})
        refreshed(visitor)
        shown(visitor, "/me", "POST")

    def test_the_api_key_is_sent_with_every_request(self, strict: Deployment) -> None:
        with strict.wire.new() as asked:
            logged_in(strict, "cookie")
        assert {each.headers["api-key"] for each in asked} == {API_KEYS[1]}

    def test_a_wrong_api_key_fails_and_nothing_is_made(self, deploy: Deploy) -> None:
        deployment = deploy({"api_keys": API_KEYS[0]}, api_key=API_KEYS[1], anti_csrf=None, dynamic_signing_key=False)
        user = a_user()
        answer = deployment.visitor("cookie").post("/login", {"user": user, "payload": {}, "data": {}})
        assert answer.status == 500
        assert {each.answer for each in deployment.wire.asked} == {b"Invalid API key\n"}
        deployment.service.api_key = API_KEYS[0]
        found = deployment.service.request("GET", "/recipe/session/user", query={"userId": user})
        assert found.json()["sessionHandles"] == []

    def test_a_rotation_of_keys_logs_nobody_out(self, plain: Deployment, mode: str) -> None:
        before = logged_in(plain, mode)
        shown(before)
        plain.rotate_keys()
        plain.services.clock.advance(minutes=3)
        after = logged_in(plain, mode)
        with plain.wire.new() as asked:
            eventually(lambda: after.get("/me").status == 200)
        assert {each.line for each in asked} == {"GET /.well-known/jwks.json"}
        shown(before)
        refreshed(before)
        shown(before)
        assert key_of(before) == key_of(after)

    def test_an_app_may_ask_for_the_key_that_is_never_rotated(self, deploy: Deploy) -> None:
        deployment = deploy({}, anti_csrf=None, dynamic_signing_key=False)
        visitor = logged_in(deployment, "cookie")
        shown(visitor)
        deployment.rotate_keys("--now", "--yes")
        deployment.services.clock.advance(minutes=3)
        with deployment.wire.new() as asked:
            shown(visitor)
        assert asked == []
        refreshed(visitor)
        shown(visitor, "/me/checked")
        assert key_of(visitor).startswith("s-")

    def test_a_key_that_was_dropped_costs_a_refresh(self, plain: Deployment) -> None:
        before = logged_in(plain, "header")
        shown(before)
        plain.rotate_keys("--now", "--yes")
        plain.services.clock.advance(minutes=3)
        after = logged_in(plain, "header")
        eventually(lambda: after.get("/me").status == 200)
        # From here on the SDK has the new keys only.
        assert refused(before) == TRY_REFRESH
        refreshed(before)
        shown(before)


def key_of(visitor: Visitor) -> str:
    """The id of the key that signed the access token."""
    text = visitor.access_token or visitor.browser.value("sAccessToken")
    assert text
    head = text.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
