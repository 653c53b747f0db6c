# SPDX-License-Identifier: Apache-2.0
"""Redirects to log in, optional sessions, ready-made routes, cross-site requests and signals, in Flask."""

from __future__ import annotations

import re
from typing import Any

import flask
import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from supertokens.core import Event
from supertokens.errors import SuperTokensCrossOriginError
from supertokens.flask import (
    SuperTokens,
    check_origin,
    create_new_session,
    current_session,
    get_session,
    next_url,
    session_created,
    session_refused,
    session_renewed,
    session_revoked,
    supertokens_middleware,
    token_theft_detected,
)
from supertokens.testing import FakeClock

from .conftest import MODERN, Client, MakeApp

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def app(make_app: MakeApp) -> flask.Flask:
    app = make_app(renewal="server", login_url="/login")

    @app.get("/optional")
    @supertokens_middleware(required=False)
    def optional() -> str:
        session = current_session()
        assert session is flask.g.supertokens or session is not None
        return flask.render_template_string("{{ current_session().get_user_id() if current_session() else 'nobody' }}")

    @app.get("/by-hand")
    def by_hand() -> str:
        session = get_session(None, False, required=False)
        return "nobody" if session is None else session.get_user_id()

    return app


def logged_in(app: flask.Flask, clock: FakeClock) -> Client:
    client = Client(app, clock, {})
    assert client.post("/login").status_code == 200
    return client


# Optional sessions


@pytest.mark.parametrize("path", ["/optional", "/by-hand"])
def test_a_public_page_serves_both_those_who_are_logged_in_and_those_who_are_not(
    app: flask.Flask, clock: FakeClock, path: str
) -> None:
    answer = Client(app, clock, {}).get(path)
    assert (answer.text, answer.headers.getlist("Set-Cookie")) == ("nobody", [])
    assert "Cache-Control" not in answer.headers, "it stays cacheable"
    assert answer.headers["Vary"] == "Cookie, Authorization"
    client = logged_in(app, clock)
    assert client.get(path).text == "user"
    clock.advance(hours=2)
    assert client.get(path).text == "user", "renewed"
    app.extensions["the core"].revoke_user("user")
    clock.advance(hours=2)
    assert client.get(path).text == "nobody"
    assert client.browser.jar == {}


def test_an_expired_token_still_asks_a_library_to_refresh(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app()
    app.add_url_rule("/optional", "optional", supertokens_middleware(required=False)(lambda: "page"))
    client = Client(app, clock, MODERN)
    client.post("/login")
    clock.advance(hours=2)
    assert client.get("/optional").json["message"] == "try refresh token"  # type: ignore[index]


# Redirects


def test_a_navigation_without_a_session_is_sent_to_log_in_and_a_call_is_not(app: flask.Flask, clock: FakeClock) -> None:
    client = Client(app, clock, {})
    answer = client.get("/me?page=2", PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Fme%3Fpage%3D2")
    assert client.get("/me").status_code == 401


def test_a_log_in_page_may_be_an_endpoint_of_a_blueprint_below_a_mount_point(
    make_app: MakeApp, clock: FakeClock
) -> None:
    app = make_app(renewal="server", login_url="account.log_in")
    account = flask.Blueprint("account", __name__, url_prefix="/account")
    account.add_url_rule("/log-in", "log_in", lambda: "form")
    app.register_blueprint(account)
    answer = app.test_client().get("/me", base_url="http://localhost/shop", headers=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/shop/account/log-in?next=%2Fshop%2Fme")


def test_a_path_as_log_in_page_is_below_the_mount_point(app: flask.Flask) -> None:
    answer = app.test_client().get("/me", base_url="http://localhost/shop", headers=PAGE)
    assert answer.headers["Location"] == "/shop/login?next=%2Fshop%2Fme"


def test_a_handler_of_the_application_takes_the_place_of_the_redirect(app: flask.Flask, clock: FakeClock) -> None:
    app.extensions["the extension"].set_unauthorised_error_handler(lambda _: ("my page", 403))
    assert Client(app, clock, {}).get("/me", PAGE).text == "my page"


@pytest.mark.parametrize(
    ("query", "goes_to"), [("?next=/notes", "/notes"), ("?next=//evil.example", "/home"), ("", "/home")]
)
def test_next_url_is_a_path_of_this_site(app: flask.Flask, query: str, goes_to: str) -> None:
    with app.test_request_context(f"/login{query}"):
        assert next_url("/home") == goes_to
    with app.test_request_context("/login", method="POST", data={"next": "/form"}):
        assert next_url() == "/form"


# Cross-site requests


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_cross_site_request_is_403_before_any_token_is_looked_at(
    app: flask.Flask, clock: FakeClock, method: str
) -> None:
    client = logged_in(app, clock)
    clock.advance(hours=2)
    answer = client.call(method, "/me", EVIL)
    assert answer.status_code == 403
    assert answer.json == {"error": "cross-origin request", "message": "cross-origin request"}
    assert answer.headers.getlist("Set-Cookie") == []
    assert client.call(method, "/me", {"Sec-Fetch-Site": "same-origin"}).status_code == 200


HANDSHAKE = {"Connection": "Upgrade", "Upgrade": "websocket"}


@pytest.mark.parametrize("required", [True, False])
def test_a_websocket_of_another_site_is_403_although_its_handshake_is_a_get(
    app: flask.Flask, clock: FakeClock, required: bool
) -> None:
    view = supertokens_middleware(required=required)(lambda: "open")
    app.add_url_rule("/socket", "socket", view, websocket=True)
    client = logged_in(app, clock)
    clock.advance(hours=2)
    for site in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        answer = client.get("/socket", {**HANDSHAKE, **site})
        assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (403, [])
    assert client.get("/socket", {**HANDSHAKE, "Origin": "http://localhost"}).text == "open"


@pytest.mark.parametrize("options", [{"enable_anti_csrf": True}, {"anti_csrf": "none"}, {}], ids=str)
def test_a_websocket_asks_for_no_value_where_the_origin_does_not_decide(
    make_app: MakeApp, clock: FakeClock, options: dict[str, Any]
) -> None:
    app = make_app(**options)
    app.add_url_rule("/socket", "socket", supertokens_middleware(lambda: "open"), websocket=True)
    assert logged_in(app, clock).get("/socket", {**HANDSHAKE, **EVIL}).text == "open"


def test_a_log_in_from_another_site_is_legitimate_unless_the_app_asks(app: flask.Flask, clock: FakeClock) -> None:
    @app.post("/strict-login")
    def strict_login() -> str:
        check_origin()
        create_new_session(None, "user")
        return "in"

    client = Client(app, clock, {})
    assert client.post("/login", EVIL).status_code == 200
    assert client.post("/strict-login", EVIL).status_code == 403
    assert client.post("/strict-login", PAGE).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "origin", "status"),
    [
        (1, "https://shop.example.com", 200),
        (1, "https://evil.example", 403),
        (1, "http://127.0.0.1:8000", 403),
        # What a client says of itself counts for nothing where no proxy was announced.
        (0, "https://shop.example.com", 403),
        (0, "http://127.0.0.1:8000", 200),
    ],
)
def test_behind_a_proxy_the_origin_is_compared_with_the_host_that_the_proxy_names(
    app: flask.Flask, clock: FakeClock, proxies: int, origin: str, status: int
) -> None:
    """Of a browser that does not send Sec-Fetch-Site."""
    app.wsgi_app = ProxyFix(app.wsgi_app, x_host=proxies, x_proto=proxies)  # type: ignore[method-assign]
    client = logged_in(app, clock)
    forwarded = {"Host": "127.0.0.1:8000", "X-Forwarded-Host": "shop.example.com", "X-Forwarded-Proto": "https"}
    assert client.post("/me", {**forwarded, "Origin": origin}).status_code == status


def test_a_bearer_client_is_exempt(app: flask.Flask, clock: FakeClock) -> None:
    login = Client(app, clock, {"st-auth-mode": "header"}).post("/login")
    bearer = {"Authorization": f"Bearer {login.headers['st-access-token']}", **EVIL}
    assert Client(app, clock, {}).post("/me", bearer).status_code == 200


def test_the_error_is_none_of_the_four_and_is_caught_by_its_own_name(app: flask.Flask, clock: FakeClock) -> None:
    app.register_error_handler(SuperTokensCrossOriginError, lambda _: ("not from there", 403))
    assert logged_in(app, clock).post("/me", EVIL).text == "not from there"


# Ready-made routes


@pytest.fixture
def routed(make_app: MakeApp) -> flask.Flask:
    return make_app(
        renewal="server", login_url="/login", api_base_path="/auth", refresh_api_path="/auth/session/refresh",
        routes=True,
    )  # fmt: skip


def test_the_refresh_api_and_the_sign_out_are_there(routed: flask.Flask, clock: FakeClock) -> None:
    client = Client(routed, clock, MODERN)
    client.post("/login")
    clock.advance(hours=2)
    assert client.post("/auth/session/refresh").json == {"status": "OK"}
    assert client.get("/me").status_code == 200
    answer = client.post("/auth/signout")
    assert (answer.json, answer.headers["front-token"]) == ({"status": "OK"}, "remove")
    assert client.browser.jar == {}
    assert routed.extensions["the core"].session_handles("user") == []


def test_the_keys_are_published_for_every_cache(routed: flask.Flask) -> None:
    found = routed.test_client().get("/auth/jwt/jwks.json")
    assert {(key["kty"], key["use"], key["alg"]) for key in found.json["keys"]} == {("RSA", "sig", "RS256")}
    assert (found.content_type, found.vary.as_set()) == ("application/json", set())
    assert 1 <= found.cache_control.max_age <= 86_400
    assert not found.cache_control.private


def test_a_form_that_signs_out_goes_home_and_a_cross_site_one_is_refused(routed: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(routed, clock)
    assert client.post("/auth/signout", EVIL).status_code == 403
    assert routed.extensions["the core"].session_handles("user") != []
    clock.advance(hours=2)
    answer = client.post("/auth/signout", PAGE)
    assert (answer.status_code, answer.headers["Location"], client.browser.jar) == (303, "/", {})
    assert routed.extensions["the core"].session_handles("user") == [], "also with an expired access token"
    assert client.post("/auth/signout", PAGE).headers.getlist("Set-Cookie") == []


# Signals


def test_signals_tell_what_happened_and_hold_no_token(app: flask.Flask, clock: FakeClock) -> None:
    heard: list[tuple[str, str | None]] = []

    def listen(sender: Any, event: Event) -> None:
        assert sender is app
        heard.append((event.kind, event.user_id))
        assert not [name for name in event.__struct_fields__ if "token" in name]

    signals = (session_created, session_renewed, session_revoked, token_theft_detected, session_refused)
    for signal in signals:
        signal.connect(listen, sender=app)
    client = logged_in(app, clock)
    thief = Client(app, clock, {}, agent="curl")
    thief.browser.jar.update(client.browser.jar)
    clock.advance(hours=2)
    client.get("/me")
    client.get("/me")
    client.post("/me", EVIL)
    thief.get("/me")
    assert heard == [
        ("created", "user"), ("renewed", "user"), ("refused", None), ("theft", "user"), ("revoked", None),
    ]  # fmt: skip


def test_a_listener_that_fails_changes_nothing(
    app: flask.Flask, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    session_created.connect(fail, sender=app)
    assert logged_in(app, clock).get("/me").status_code == 200
    assert "a listener failed" in caplog.text


def test_a_second_extension_of_another_app_hears_nothing(app: flask.Flask, clock: FakeClock) -> None:
    other = flask.Flask("another")
    other.testing = True
    SuperTokens(other)
    heard: list[object] = []
    session_created.connect(lambda sender, event: heard.append(event), sender=other, weak=False)
    logged_in(app, clock)
    assert heard == []


@pytest.mark.embedded_only("what is sent does not depend on where the core is")
def test_a_log_in_of_pages_sends_three_fifths_of_what_one_for_libraries_does(
    make_app: MakeApp, clock: FakeClock
) -> None:
    def sent(**options: Any) -> str:
        headers = Client(make_app(**options), clock, {}).post("/login").headers
        return "".join(f"{name}: {value}\r\n" for name, value in headers if not name.startswith("Content-"))

    # The first version told neither the age of a cookie nor caches.
    at_first = re.sub(r"; Max-Age=\d+|Vary: .*\r\n", "", sent())
    assert len(sent(renewal="server")) <= 0.6 * len(at_first)


def test_the_cookies_of_pages_have_their_age_alone(app: flask.Flask, clock: FakeClock) -> None:
    lines = Client(app, clock, {}).post("/login").headers.getlist("Set-Cookie")
    assert len(lines) == 2
    assert all("; Max-Age=" in line and "Expires" not in line for line in lines)
