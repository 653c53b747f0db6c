# SPDX-License-Identifier: Apache-2.0
"""The extension: the verbs, the decorator, the handlers, and what is applied to which response."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import flask
import pytest

from supertokens.config import ConfigError
from supertokens.errors import (
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.flask import (
    SuperTokens,
    Supertokens,
    create_new_session,
    get_all_session_handles_for_user,
    get_cors_allowed_headers,
    get_jwt_payload,
    get_session,
    get_session_data,
    refresh_session,
    revoke_all_sessions_for_user,
    revoke_multiple_sessions,
    revoke_session,
    set_relevant_headers_for_options_api,
    supertokens_middleware,
    update_jwt_payload,
    update_session_data,
)
from supertokens.testing import FakeClock
from supertokens.transport import SessionEdge

from .conftest import HEADER_MODE, LEGACY, MODERN, Client, MakeApp

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def logged_in(app: flask.Flask, clock: FakeClock, dialect: dict[str, str] | None = None) -> Client:
    client = Client(app, clock, {} if dialect is None else dialect)
    assert client.post("/login").status_code == 200
    return client


def cookie_names(response: Any) -> list[str]:
    return [line.split("=")[0] for line in response.headers.getlist("Set-Cookie")]


def front_token(response: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(b64decode(response.headers["front-token"], validate=True))
    return decoded


# What each dialect gets


def test_a_legacy_library_gets_legacy_artefacts_only(app: flask.Flask, clock: FakeClock) -> None:
    response = Client(app, clock, LEGACY).post("/login")
    assert cookie_names(response) == ["sAccessToken", "sIdRefreshToken", "sRefreshToken"]
    token, expiry = response.headers["id-refresh-token"].split(";")
    assert int(expiry) == clock() + 144_000 * 60_000
    assert token in response.headers.getlist("Set-Cookie")[1]
    assert front_token(response) == {"ate": clock() + 3_600_000, "uid": "user", "up": {"role": "admin"}}
    assert response.headers["Access-Control-Expose-Headers"] == "front-token, id-refresh-token"
    assert "st-access-token" not in response.headers


def test_a_modern_library_gets_modern_artefacts_only(app: flask.Flask, clock: FakeClock) -> None:
    response = Client(app, clock, MODERN).post("/login")
    assert cookie_names(response) == ["sAccessToken", "sRefreshToken"]
    assert "id-refresh-token" not in response.headers
    front = front_token(response)
    assert (front["uid"], front["up"]["sub"], front["up"]["role"]) == ("user", "user", "admin")
    assert front["up"]["iat"] == clock() // 1000


def test_a_request_without_a_marker_gets_the_three_cookies_and_both_sets_of_headers(
    app: flask.Flask, clock: FakeClock
) -> None:
    response = Client(app, clock, {}).post("/login")
    assert cookie_names(response) == ["sAccessToken", "sIdRefreshToken", "sRefreshToken"]
    assert "id-refresh-token" in response.headers
    assert front_token(response)["up"]["sub"] == "user"


def test_header_mode_carries_the_tokens_in_headers_and_no_cookie(app: flask.Flask, clock: FakeClock) -> None:
    client = Client(app, clock, HEADER_MODE)
    response = client.post("/login")
    assert cookie_names(response) == []
    access, refresh = response.headers["st-access-token"], response.headers["st-refresh-token"]
    assert client.get("/me", {"Authorization": f"Bearer {access}"}).status_code == 200
    assert client.get("/me", {"Authorization": f"Bearer {refresh}"}).status_code == 401
    refreshed = client.post("/session/refresh", {"Authorization": f"Bearer {refresh}"})
    assert refreshed.status_code == 200
    first = client.get("/me", {"Authorization": f"Bearer {refreshed.headers['st-access-token']}"})
    assert first.headers["st-access-token"] != refreshed.headers["st-access-token"]
    assert cookie_names(first) == []
    out = client.post("/logout", {"Authorization": f"Bearer {first.headers['st-access-token']}"})
    assert (out.headers["st-access-token"], out.headers["front-token"]) == ("", "remove")


def test_an_authorization_header_of_the_applications_own_does_not_hide_the_cookie(
    app: flask.Flask, clock: FakeClock
) -> None:
    for dialect in (MODERN, LEGACY, {}):
        client = logged_in(app, clock, dialect)
        assert client.get("/me", {"Authorization": "Bearer of.another.system"}).status_code == 200


def test_cookies_are_http_only_with_every_attribute_explicit(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(cookie_domain=".Example.com", cookie_secure=True, cookie_same_site="strict")
    lines = Client(app, clock, {}).post("/login").headers.getlist("Set-Cookie")
    expires = format_datetime(datetime.fromtimestamp(clock() // 1000, UTC) + timedelta(days=100), usegmt=True)
    lives = f"Expires={expires}; Max-Age={100 * 24 * 3600}"
    ends = f"; Domain=example.com; {lives}; Secure; HttpOnly; Path={{}}; SameSite=Strict"
    assert [line.partition(";")[1] + line.partition(";")[2] for line in lines] == [
        ends.format("/"), ends.format("/"), ends.format("/session/refresh"),
    ]  # fmt: skip


def test_the_access_cookie_outlives_its_token_so_that_an_expired_one_is_still_shown(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = logged_in(app, clock)
    clock.advance(days=99)
    assert client.browser.value("sAccessToken") is not None
    clock.advance(days=2)
    assert client.browser.value("sAccessToken") is None


def test_no_cookie_lives_longer_than_browsers_allow(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(refresh_token_validity=60 * 24 * 1000)
    client = logged_in(app, clock)
    lives = {cookie.expires_at - clock() for cookie in client.browser.jar.values()}
    assert lives == {400 * 24 * 3_600_000}


def test_a_response_with_tokens_is_for_no_cache(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/cached-login")
    def view() -> flask.Response:
        response = flask.Response()
        response.headers["Cache-Control"] = "public, max-age=3600"
        create_new_session(response, "user")
        return response

    client = Client(app, clock, {})
    assert client.post("/cached-login").headers.getlist("Cache-Control") == ["no-store"]
    assert client.get("/me").headers.getlist("Cache-Control") == ["private"]


def test_headers_are_replaced_and_other_peoples_headers_stay(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/twice")
    def view() -> flask.Response:
        response = flask.Response()
        response.set_cookie("theirs", "1")
        response.headers["Access-Control-Expose-Headers"] = "x-theirs"
        create_new_session(response, "first")
        create_new_session(response, "second")
        return response

    client = Client(app, clock, {})
    response = client.post("/twice")
    assert sorted(cookie_names(response)) == ["sAccessToken", "sIdRefreshToken", "sRefreshToken", "theirs"]
    for name in ("id-refresh-token", "front-token", "Access-Control-Expose-Headers"):
        assert len(response.headers.getlist(name)) == 1
    assert response.headers["Access-Control-Expose-Headers"].startswith("x-theirs, ")
    assert client.get("/me").json["user"] == "second"  # type: ignore[index]


# Secure


@pytest.mark.parametrize(
    ("base_url", "environ", "secure"),
    [
        ("http://localhost:5000", {}, False),
        ("http://127.0.0.1", {}, False),
        ("http://[::1]:80", {"REMOTE_ADDR": "::1"}, False),
        ("https://localhost", {}, True),
        ("http://example.com", {}, True),
        ("http://localhost.example.com", {}, True),
        ("http://localhost", {"REMOTE_ADDR": "192.0.2.1"}, True),
        ("http://localhost", {"HTTP_X_FORWARDED_FOR": "192.0.2.1"}, True),
        ("http://localhost", {"HTTP_FORWARDED": "for=192.0.2.1"}, True),
        ("http://127.0.0.1", {"HTTP_X_FORWARDED_PROTO": "https"}, True),
        ("http://127.0.0.1", {"HTTP_X_FORWARDED_HOST": "example.com"}, True),
    ],
)
def test_cookies_are_secure_unless_browser_and_server_are_one_machine(
    app: flask.Flask, base_url: str, environ: dict[str, str], secure: bool
) -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1"} | environ
    response = app.test_client().post("/login", base_url=base_url, environ_base=environ)
    assert {"; Secure" in line for line in response.headers.getlist("Set-Cookie")} == {secure}


def test_a_browser_that_will_drop_the_cookie_gets_one_log_line(
    app: flask.Flask, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        app.test_client().post("/login", base_url="http://example.com")
    assert [record.message for record in caplog.records if "plain http" in record.message] != []
    assert len([record for record in caplog.records if "plain http" in record.message]) == 1


def test_the_host_prefix_binds_cookies_to_this_host(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(cookie_prefix="host")
    client = Client(app, clock, {})
    lines = client.post("/login").headers.getlist("Set-Cookie")
    assert all(line.startswith("__Host-s") and "; Path=/;" in line and "; Secure;" in line for line in lines)
    assert "Domain" not in "".join(lines)
    assert client.get("/me").status_code == 200
    assert client.post("/session/refresh").status_code == 200
    client.post("/logout")
    assert client.browser.jar == {}
    client.post("/login")
    assert client.get("/me", {"Cookie": client.browser.cookie_header("/me").replace("__Host-", "")}).status_code == 401


# Refresh and theft


def test_a_refresh_changes_everything_that_changes_and_the_older_pair_is_replaced(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = logged_in(app, clock, dialect)
    before = {name: client.browser.value(name) for name in ("sAccessToken", "sRefreshToken", "sIdRefreshToken")}
    assert client.post("/session/refresh").status_code == 200
    after = {name: client.browser.value(name) for name in before}
    assert all(before[name] != after[name] for name in before if before[name])


def test_a_refresh_without_a_token_is_unauthorised_and_says_the_end_by_headers_only(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = Client(app, clock, dialect)
    answer = client.post("/session/refresh")
    assert (answer.status_code, answer.json["error"]) == (401, "unauthorised")  # type: ignore[index]
    assert answer.headers.get("front-token") == (None if dialect == LEGACY else "remove")
    assert answer.headers.get("id-refresh-token") == (None if dialect == MODERN else "remove")
    assert cookie_names(answer) == [], "none came, and none is deleted"


@pytest.mark.parametrize("garbage", ["garbage", "a.b.c", "A" * 98, "A" * 119, "%00", "A" * 100_000])
def test_a_garbage_refresh_token_is_unauthorised(app: flask.Flask, clock: FakeClock, garbage: str) -> None:
    client = logged_in(app, clock)
    answer = client.post("/session/refresh", {"Cookie": f"sRefreshToken={garbage}"})
    assert answer.status_code == 401
    assert app.extensions["the core"].session_handles("user") != []


def test_two_tabs_that_refresh_together_stay_logged_in(app: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(app, clock)
    cookies = {"Cookie": client.browser.cookie_header("/session/refresh")}
    client.post("/session/refresh", cookies)
    one = client.browser.value("sRefreshToken")
    clock.advance(seconds=9)
    client.post("/session/refresh", cookies)
    assert client.browser.value("sRefreshToken") == one
    assert client.get("/me").status_code == 200


def stolen(app: flask.Flask, client: Client, clock: FakeClock) -> Client:
    """A thief with a refresh token whose successor has been used."""
    thief = Client(app, clock, client.dialect, agent="curl")
    thief.browser.jar.update(client.browser.jar)
    assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").status_code == 200
    return thief


def test_a_stolen_refresh_token_is_caught_and_the_session_revoked(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = logged_in(app, clock, dialect)
    answer = stolen(app, client, clock).post("/session/refresh")
    assert answer.status_code == 401
    assert answer.json == {"error": "token theft detected", "message": "token theft detected"}
    assert app.extensions["the core"].session_handles("user") == []
    assert client.post("/session/refresh").json["error"] == "unauthorised"  # type: ignore[index]
    assert client.browser.jar == {}


def test_on_theft_the_session_is_revoked_before_any_handler_runs(app: flask.Flask, clock: FakeClock) -> None:
    seen = []

    def handler(session_handle: str, user_id: str) -> tuple[str, int]:
        seen.append((session_handle, user_id, get_all_session_handles_for_user(user_id)))
        return "caught", 418

    app.extensions["the extension"].set_token_theft_detected_error_handler(handler)
    client = logged_in(app, clock)
    [handle] = app.extensions["the core"].session_handles("user")
    thief = stolen(app, client, clock)
    answer = thief.post("/session/refresh")
    assert (answer.status_code, answer.text) == (418, "caught")
    assert seen == [(handle, "user", [])]
    assert thief.browser.jar == {}, "the cookies are cleared on the handler's response"


def test_a_view_that_catches_the_theft_itself_finds_the_session_revoked(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/own/refresh")
    def view() -> tuple[str, int]:
        try:
            refresh_session(None)
        except SuperTokensTokenTheftError as theft:
            return f"{theft.user_id} {theft.session_handle} {get_all_session_handles_for_user(theft.user_id)}", 401
        return "ok", 200

    client = logged_in(app, clock)
    [handle] = app.extensions["the core"].session_handles("user")
    thief = stolen(app, client, clock)
    cookies = thief.browser.cookie_header("/session/refresh")
    assert thief.post("/own/refresh", {"Cookie": cookies}).text == f"user {handle} []"


# Anti-CSRF by the decorator


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD"])
def test_the_decorator_checks_every_method_but_get(make_app: MakeApp, clock: FakeClock, method: str) -> None:
    app = make_app(enable_anti_csrf=True)
    client = logged_in(app, clock)
    assert client.get("/me").status_code == 200
    assert client.call(method, "/me").status_code == 401
    assert client.browser.anti_csrf
    assert client.call(method, "/me", {"anti-csrf": client.browser.anti_csrf}).status_code == 200


def test_options_and_trace_pass_through(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(enable_anti_csrf=True)

    @app.route("/raw", methods=["OPTIONS", "TRACE", "GET"], provide_automatic_options=False)
    @supertokens_middleware
    def raw() -> str:
        return str("supertokens" in flask.g)

    client = Client(app, clock, {})
    assert [client.call(method, "/raw").text for method in ("OPTIONS", "TRACE")] == ["False", "False"]
    assert client.get("/raw").status_code == 401


@pytest.mark.parametrize(("argument", "get", "post"), [(None, 200, 401), (True, 401, 401), (False, 200, 200)])
def test_the_decorator_is_used_bare_with_parentheses_and_with_a_bool(
    make_app: MakeApp, clock: FakeClock, argument: bool | None, get: int, post: int
) -> None:
    app = make_app(enable_anti_csrf=True)
    decorator = supertokens_middleware() if argument is None else supertokens_middleware(argument)
    app.add_url_rule("/view", view_func=decorator(lambda: "in"), methods=["GET", "POST"], endpoint="view")
    client = logged_in(app, clock)
    assert client.get("/view").status_code == get
    assert client.post("/view").status_code == post


def test_anything_else_in_the_decorators_parentheses_is_refused() -> None:
    for wrong in ("yes", 1, [True]):
        with pytest.raises(TypeError):
            supertokens_middleware(wrong)  # type: ignore[arg-type]


def test_the_refresh_needs_no_anti_csrf_token_from_those_that_send_none_and_checks_it_when_sent(
    make_app: MakeApp, clock: FakeClock
) -> None:
    client = logged_in(make_app(enable_anti_csrf=True), clock)
    assert client.post("/session/refresh").status_code == 200
    assert client.browser.anti_csrf
    assert client.post("/session/refresh", {"anti-csrf": client.browser.anti_csrf}).status_code == 200
    assert client.post("/session/refresh", {"anti-csrf": "wrong"}).status_code == 401


def test_the_decorator_on_the_refresh_api_refreshes(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(enable_anti_csrf=True, refresh_api_path="/api/refresh")

    @app.post("/api/refresh", endpoint="decorated")
    @app.post("/api/refresh/", endpoint="with_slash")
    @supertokens_middleware(True)
    def decorated() -> str:
        return str(flask.g.supertokens.get_user_id())

    client = logged_in(app, clock)
    for path in ("/api/refresh", "/api/refresh/"):
        before = client.browser.value("sRefreshToken")
        clock.advance(hours=2)
        assert client.post(path).text == "user"
        assert client.browser.value("sRefreshToken") != before
        assert client.get("/me").status_code == 200


# The response that changes are applied to


def test_changes_are_applied_when_the_view_raised(app: flask.Flask, clock: FakeClock) -> None:
    @app.get("/broken")
    @supertokens_middleware
    def broken() -> str:
        raise ZeroDivisionError

    @app.get("/aborted")
    @supertokens_middleware
    def aborted() -> str:
        flask.abort(404)

    app.config["PROPAGATE_EXCEPTIONS"] = False
    for path, status in (("/broken", 500), ("/aborted", 404)):
        client = logged_in(app, clock)
        client.post("/session/refresh")
        answer = client.get(path)
        assert answer.status_code == status
        assert cookie_names(answer) == ["sAccessToken"]


def test_a_login_after_a_caught_unauthorised_error_is_not_cleared_again(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/ensure")
    def ensure() -> flask.Response:
        response = flask.Response()
        try:
            get_session(response, False)
        except SuperTokensUnauthorisedError:
            create_new_session(response, "anonymous")
        return response

    @app.post("/ensure-later")
    def ensure_later() -> str:
        try:
            get_session(None, False)
        except SuperTokensUnauthorisedError:
            create_new_session(None, "anonymous")
        return "in"

    for path in ("/ensure", "/ensure-later"):
        client = Client(app, clock, {})
        answer = client.post(path)
        assert "remove" not in (answer.headers["id-refresh-token"], answer.headers["front-token"])
        assert client.get("/me").json["user"] == "anonymous"  # type: ignore[index]


def test_a_logout_clears_the_cookies_and_ends_the_session(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = logged_in(app, clock, dialect)
    client.post("/session/refresh")
    answer = client.post("/logout")
    assert client.browser.jar == {}
    assert answer.headers.get("id-refresh-token") == (None if dialect == MODERN else "remove")
    assert answer.headers.get("front-token") == (None if dialect == LEGACY else "remove")
    assert app.extensions["the core"].session_handles("user") == []


def test_a_browser_that_logs_out_is_logged_out_also_where_the_session_had_gone_before(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = logged_in(app, clock)
    app.extensions["the core"].revoke_user("user")
    assert client.post("/logout").status_code == 200
    assert client.browser.jar == {}


def test_a_session_does_not_leak_into_the_next_request_of_one_app_context(app: flask.Flask, clock: FakeClock) -> None:
    @app.get("/open")
    def open_view() -> str:
        return str("supertokens" in flask.g)

    client = logged_in(app, clock)
    with app.app_context():
        assert client.get("/me").status_code == 200
        assert client.get("/open").text == "False"


def test_a_view_that_streams_still_has_its_session(app: flask.Flask, clock: FakeClock) -> None:
    seen = []
    app.teardown_request(lambda _: seen.append("supertokens" in flask.g))

    @app.get("/stream")
    @supertokens_middleware
    def stream() -> flask.Response:
        return flask.Response(flask.stream_with_context(str(flask.g.supertokens.get_user_id()) for _ in range(2)))

    assert logged_in(app, clock).get("/stream").text == "useruser"
    assert seen[-1] is True


def test_an_app_below_a_prefix_knows_its_refresh_api(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(refresh_api_path="/api/session/refresh")
    app.add_url_rule("/session/refresh", "decorated", supertokens_middleware(lambda: "fresh"), methods=["PUT"])
    app.view_functions["refresh"] = supertokens_middleware(lambda: "fresh")
    client = logged_in(app, clock)
    before = client.browser.value("sRefreshToken")
    answer = client.post("/session/refresh", {"Cookie": f"sRefreshToken={before}"}, base_url="http://localhost/api")
    assert answer.text == "fresh"
    assert client.browser.value("sRefreshToken") != before


def test_a_session_that_moves_to_header_mode_leaves_no_cookies_of_the_earlier_one(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = logged_in(app, clock, MODERN)
    client.dialect = HEADER_MODE
    client.post("/login")
    assert client.browser.value("sAccessToken") is None


def test_async_views_work_under_the_decorator(app: flask.Flask, clock: FakeClock) -> None:
    @app.get("/async")
    @supertokens_middleware
    async def view() -> str:
        await asyncio.sleep(0)
        return str(flask.g.supertokens.get_user_id())

    # In a thread of its own: the browser tests leave an event loop running in this one, and Flask refuses a second.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(logged_in(app, clock).get, "/async").result().text == "user"
        assert thread.submit(Client(app, clock, {}).get, "/async").result().status_code == 401


# The session object and the verbs by handle


def test_a_payload_update_is_seen_by_the_next_call(app: flask.Flask, clock: FakeClock, dialect: dict[str, str]) -> None:
    @app.post("/update")
    @supertokens_middleware
    def update() -> flask.Response:
        session = flask.g.supertokens
        old = session.get_access_token()
        session.update_jwt_payload({"role": "none"})
        assert session.get_jwt_payload() == {"role": "none"}
        assert session.get_access_token() != old
        return flask.jsonify(session.get_jwt_payload())

    client = logged_in(app, clock, dialect)
    answer = client.post("/update")
    assert cookie_names(answer) == ["sAccessToken"]
    assert client.get("/me").json["payload"] == {"role": "none"}  # type: ignore[index]


def test_a_payload_update_works_with_an_explicit_response_too(app: flask.Flask, clock: FakeClock) -> None:
    """The 1.x series failed with a KeyError here."""

    @app.post("/update")
    def update() -> flask.Response:
        response = flask.Response()
        get_session(response, True).update_jwt_payload({"role": "none"})
        return response

    client = logged_in(app, clock)
    client.post("/update")
    assert client.get("/me").json["payload"] == {"role": "none"}  # type: ignore[index]


def test_the_session_object_reads_and_replaces_its_data(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/data")
    @supertokens_middleware
    def data() -> flask.Response:
        session = flask.g.supertokens
        was = session.get_session_data()
        session.update_session_data({"cart": [1, None]})
        return flask.jsonify(was, session.get_session_data())

    assert logged_in(app, clock).post("/data").json == [{"cart": []}, {"cart": [1, None]}]


def test_a_session_that_ends_during_the_request_is_unauthorised_and_cleared(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/late")
    @supertokens_middleware
    def late() -> flask.Response:
        revoke_session(flask.g.supertokens.get_handle())
        verb = getattr(flask.g.supertokens, flask.request.args["verb"])
        return flask.jsonify(verb(*([{}] if "update" in flask.request.args["verb"] else [])))

    for verb in ("get_session_data", "update_session_data", "update_jwt_payload"):
        client = logged_in(app, clock)
        assert client.post(f"/late?verb={verb}").status_code == 401
        assert client.browser.jar == {}


def test_the_verbs_by_handle_work_on_any_session(app: flask.Flask, clock: FakeClock) -> None:
    logged_in(app, clock), logged_in(app, clock)
    with app.app_context():
        one, other = get_all_session_handles_for_user("user")
        assert get_session_data(one) == {"cart": []}
        update_session_data(one, {"a": 1})
        assert get_session_data(one) == {"a": 1}
        assert get_jwt_payload(one) == {"role": "admin"}
        update_jwt_payload(one, {"b": 2})
        assert get_jwt_payload(one) == {"b": 2}
        assert revoke_session(one) is True
        assert revoke_session(one) is False
        assert revoke_multiple_sessions([one, other, UNKNOWN]) == [other]
        assert revoke_all_sessions_for_user("user") == []
        for verb in (get_session_data, get_jwt_payload):
            with pytest.raises(SuperTokensUnauthorisedError):
                verb(one)
        for update in (update_session_data, update_jwt_payload):
            with pytest.raises(SuperTokensUnauthorisedError):
                update(one, {})


def test_preflight_headers_allow_what_the_libraries_send(app: flask.Flask) -> None:
    response = flask.Response(headers={"Access-Control-Allow-Headers": "content-type"})
    for _ in range(2):
        set_relevant_headers_for_options_api(response)
    assert response.headers["Access-Control-Allow-Headers"] == "content-type, " + ", ".join(get_cors_allowed_headers())
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert get_cors_allowed_headers() == [
        "anti-csrf", "supertokens-sdk-name", "supertokens-sdk-version", "rid", "fdi-version", "authorization",
        "st-auth-mode",
    ]  # fmt: skip


# Handlers, set-up, several apps


def test_each_error_has_a_handler_that_can_be_replaced(app: flask.Flask, clock: FakeClock) -> None:
    seen: list[Exception] = []
    extension = app.extensions["the extension"]
    extension.set_unauthorised_error_handler(lambda error: seen.append(error) or ("log in", 403))
    extension.set_try_refresh_token_error_handler(lambda error: seen.append(error) or ("refresh", 419))
    client = logged_in(app, clock)
    clock.advance(hours=2)
    answer = client.get("/me")
    assert (answer.text, answer.status_code, cookie_names(answer)) == ("refresh", 419, [])
    app.extensions["the core"].revoke_user("user")
    answer = client.post("/session/refresh")
    assert (answer.text, answer.status_code) == ("log in", 403)
    assert cookie_names(answer) != []
    first, second = seen
    assert isinstance(first, SuperTokensTryRefreshTokenError)
    assert isinstance(second, SuperTokensUnauthorisedError)


def test_two_apps_in_one_process_share_nothing(tmp_path: Path) -> None:
    apps = []
    for name, status in (("one", 440), ("two", 401)):
        app = flask.Flask(name, instance_path=str(tmp_path / name))
        app.config.update(SUPERTOKENS_SESSION_EXPIRED_STATUS_CODE=status, SUPERTOKENS_COOKIE_DOMAIN=f"{name}.example")
        SuperTokens(app)

        @app.post("/login")
        def login() -> str:
            create_new_session(None, "user")
            return "in"

        @app.get("/me")
        @supertokens_middleware
        def me() -> str:
            return "me"

        apps.append(app)
    one, two = apps
    cookies = one.test_client(use_cookies=False).post("/login").headers.getlist("Set-Cookie")
    assert all("Domain=one.example" in line for line in cookies)
    sent = {"Cookie": "; ".join(line.split(";")[0] for line in cookies)}
    assert one.test_client(use_cookies=False).get("/me", headers=sent).status_code == 200
    assert two.test_client(use_cookies=False).get("/me", headers=sent).status_code == 401
    assert one.test_client().get("/me").status_code == 440
    assert (tmp_path / "one" / "supertokens.sqlite3").exists()


def test_an_app_under_test_has_a_store_of_its_own_that_dies_with_it(tmp_path: Path) -> None:
    app = flask.Flask("tested", instance_path=str(tmp_path / "instance"))
    app.testing = True
    SuperTokens(app)
    with app.app_context():
        core = app.extensions["supertokens"].core
        core.create_session("user", {}, {}, anti_csrf=False)
    folder = core.store._database.path.parent
    assert folder.exists()
    assert not (tmp_path / "instance").exists()
    del app, core
    gc.collect()
    assert not folder.exists()


def test_init_app_serves_a_factory_and_the_spelling_of_the_older_documentation_works(tmp_path: Path) -> None:
    extension = Supertokens()
    app = flask.Flask("made", instance_path=str(tmp_path))
    extension.init_app(app)
    assert Supertokens is SuperTokens
    with app.test_request_context():
        assert create_new_session(flask.Response(), "user").get_user_id() == "user"


def test_a_wrong_setting_fails_at_start_up(tmp_path: Path) -> None:
    app = flask.Flask("wrong", instance_path=str(tmp_path))
    app.config["SUPERTOKENS_COOKIE_SAMESITE"] = "lax"
    with pytest.raises(ConfigError, match=r"(?i)cookie_same_site"):
        SuperTokens(app)
    with pytest.raises(ConfigError, match="cookie_secure"):
        SuperTokens(flask.Flask("wrong"), cookie_same_site="none", enable_anti_csrf=True)


def test_an_app_without_the_extension_says_what_to_do() -> None:
    with flask.Flask("bare").test_request_context(), pytest.raises(RuntimeError, match=r"SuperTokens\(app\)"):
        get_session(None, False)


def test_a_response_that_is_none_of_flasks_is_the_callers_mistake(app: flask.Flask) -> None:
    with app.test_request_context(), pytest.raises(TypeError, match=r"flask\.Response"):
        create_new_session("response", "user")  # type: ignore[arg-type]


def test_a_fork_while_another_thread_opens_the_core_leaves_a_child_that_can(app: flask.Flask) -> None:
    edge: SessionEdge = app.extensions["supertokens"].edge
    with edge._opening.own:
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # of a child that waits for ever
            opened = False
            try:
                opened = edge.core is not None
            finally:
                os._exit(0 if opened else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
