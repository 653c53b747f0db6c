# SPDX-License-Identifier: Apache-2.0
"""A request's session in Flask: hooks, handlers, middleware, and apps inside of apps.

What needs no framework is in tests/transport, what every framework has to show in `IntegrationContract`, and what real
extensions of Flask do in tests/integration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import flask
import pytest
from flask.signals import request_finished
from werkzeug.wrappers import Response

from supertokens.core import Core
from supertokens.errors import (
    SuperTokensUnauthorisedError,
)
from supertokens.flask import (
    SuperTokens,
    create_new_session,
    current_session,
    get_session,
    revoke_session,
    supertokens_middleware,
)
from supertokens.testing import FakeClock

from .conftest import NOBODY, OUR_COOKIES, Client, MakeApp, deleted, logged_in, set_cookies, who

# Hooks that look at the session


def after_request(app: flask.Flask, seen: list[str]) -> None:
    @app.after_request
    def look(response: flask.Response) -> flask.Response:
        seen.append(who())
        return response


def after_this_request(app: flask.Flask, seen: list[str]) -> None:
    def look(response: flask.Response) -> flask.Response:
        seen.append(who())
        return response

    @app.before_request
    def arrange() -> None:
        flask.after_this_request(look)


def request_finished_signal(app: flask.Flask, seen: list[str]) -> None:
    def look(sender: flask.Flask, **_: object) -> None:
        seen.append(who())

    request_finished.connect(look, app, weak=False)


def teardown_request(app: flask.Flask, seen: list[str]) -> None:
    app.teardown_request(lambda _: seen.append(who()))


def middleware_inside(app: flask.Flask, seen: list[str]) -> None:
    """A request hook of a framework on top of Flask, which hands the response on by its own means."""
    dispatch = app.full_dispatch_request

    def full_dispatch_request() -> flask.Response:
        response = dispatch()
        seen.append(who())
        return response

    app.full_dispatch_request = full_dispatch_request  # type: ignore[method-assign]


HOOKS = pytest.mark.parametrize(
    "hook", [after_request, after_this_request, request_finished_signal, teardown_request, middleware_inside],
    ids=lambda hook: hook.__name__,
)  # fmt: skip


@HOOKS
@pytest.mark.parametrize("before", [NOBODY, "ada", "ada refreshed", "ada expired"])
def test_a_hook_that_looks_after_a_log_in_sees_it_and_undoes_nothing(
    app: flask.Flask, clock: FakeClock, hook: Callable[[flask.Flask, list[str]], None], before: str
) -> None:
    seen: list[str] = []
    hook(app, seen)
    client = Client(app, clock, {}) if before == NOBODY else logged_in(app, clock, refreshed="refreshed" in before)
    if before == "ada expired":
        clock.advance(hours=2)
    seen.clear()
    answer = client.post("/login?user=bob")
    assert seen == ["bob"]
    assert set_cookies(answer).keys() == OUR_COOKIES
    assert deleted(answer) == set()
    assert client.get("/me").json["user"] == "bob"  # type: ignore[index]
    assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").json["user"] == "bob"  # type: ignore[index]


@HOOKS
def test_a_hook_that_looks_after_a_log_out_brings_nothing_back(
    app: flask.Flask, clock: FakeClock, hook: Callable[[flask.Flask, list[str]], None]
) -> None:
    seen: list[str] = []
    hook(app, seen)
    client = logged_in(app, clock)
    seen.clear()
    assert deleted(client.post("/logout")) == OUR_COOKIES
    assert seen == [NOBODY]


@HOOKS
@pytest.mark.parametrize("protected", [True, False])
def test_a_hook_that_looks_after_the_application_has_refused_somebody_brings_nothing_back(
    app: flask.Flask, clock: FakeClock, hook: Callable[[flask.Flask, list[str]], None], protected: bool
) -> None:
    def suspended() -> str:
        raise SuperTokensUnauthorisedError("the account is suspended")

    app.add_url_rule("/suspended", view_func=supertokens_middleware(suspended) if protected else suspended)
    seen: list[str] = []
    hook(app, seen)
    client = logged_in(app, clock)
    seen.clear()
    answer = client.get("/suspended")
    assert (answer.status_code, answer.json) == (401, {"error": "unauthorised", "message": "unauthorised"})
    assert deleted(answer) == OUR_COOKIES
    assert seen == [NOBODY]


def test_when_a_request_is_torn_down_its_headers_have_left(app: flask.Flask, clock: FakeClock) -> None:
    happened = []

    @app.teardown_request
    def late(_: object) -> None:
        session = get_session(None, False)
        for verb in (lambda: create_new_session(None, "bob"), lambda: session.update_jwt_payload({"role": "none"})):
            try:
                verb()
            except RuntimeError as error:
                happened.append("headers have been sent" in str(error))

    client = logged_in(app, clock)
    happened.clear()
    answer = client.get("/me")
    assert happened == [True, True]
    assert set_cookies(answer).keys() == {"sAccessToken"}
    assert app.extensions["the core"].session_handles("bob") == []


# The environment


def copying(application: Callable[..., Any]) -> Callable[..., Any]:
    """A middleware that hands on a copy of the environment, as that of Flask-SocketIO does."""
    return lambda environ, start_response: application(dict(environ), start_response)


def rebuilding(application: Callable[..., Any]) -> Callable[..., Any]:
    """A middleware that hands on only what it knows."""

    def rebuilt(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        known = {name: value for name, value in environ.items() if name.isupper() or name.startswith("wsgi.")}
        result: Iterable[bytes] = application(known, start_response)
        return result

    return rebuilt


@pytest.fixture(params=["copied inside", "rebuilt inside", "copied outside", "passed by", "passed by and copied"])
def surrounded(
    request: pytest.FixtureRequest, make_core: Callable[..., tuple[Core, Any]], clock: FakeClock
) -> flask.Flask:
    """An app whose requests go through such middleware, or past the wrapper of the extension."""
    app = flask.Flask("an_app")
    core, of_app = make_core()
    inner = app.wsgi_app
    if request.param.endswith("inside"):
        app.wsgi_app = (copying if "copied" in request.param else rebuilding)(inner)  # type: ignore[method-assign]
    SuperTokens(app, core=core, **of_app)
    if request.param == "copied outside":
        app.wsgi_app = copying(app.wsgi_app)  # type: ignore[method-assign]
    if request.param.startswith("passed by"):  # as by a framework that took the application in its constructor
        app.wsgi_app = copying(inner) if "copied" in request.param else inner  # type: ignore[method-assign]

    @app.post("/login")
    def login() -> str:
        create_new_session(None, "ada", {"role": "admin"})
        return "in"

    @app.route("/me", methods=["GET", "POST"])
    @supertokens_middleware
    def me() -> str:
        return str(flask.g.supertokens.get_user_id())

    @app.post("/session/refresh")
    @supertokens_middleware
    def refresh() -> str:
        return "refreshed"

    @app.post("/logout")
    @supertokens_middleware
    def logout() -> str:
        revoke_session(flask.g.supertokens.get_handle())
        return "out"

    @app.get("/fails")
    @supertokens_middleware
    def fails() -> str:
        raise ZeroDivisionError

    return app


def test_a_session_lives_whatever_hands_the_environment_on(surrounded: flask.Flask, clock: FakeClock) -> None:
    client = Client(surrounded, clock, {})
    refused = client.get("/me")
    assert (refused.status_code, refused.headers["Vary"]) == (401, "Cookie, Authorization")
    login = client.post("/login")
    assert set_cookies(login).keys() == OUR_COOKIES
    assert login.headers["Cache-Control"] == "no-store"
    found = client.get("/me")
    assert (found.text, found.headers["Cache-Control"], set_cookies(found)) == ("ada", "private", {})
    assert found.headers["Vary"] == "Cookie, Authorization", "once"
    assert client.post("/session/refresh").status_code == 200
    surrounded.config["PROPAGATE_EXCEPTIONS"] = False
    failed = client.get("/fails")
    assert failed.status_code == 500
    assert set_cookies(failed).keys() == {"sAccessToken"}
    assert deleted(client.post("/logout")) == OUR_COOKIES
    assert client.browser.jar == {}


def test_asking_what_is_known_of_the_session_makes_no_response_vary_by_cookies(
    surrounded: flask.Flask, clock: FakeClock
) -> None:
    """A layout or a hook that asks on every request leaves stylesheets to shared caches."""
    known: list[str | None] = []

    @surrounded.after_request
    def note(response: flask.Response) -> flask.Response:
        session = current_session()
        known.append(None if session is None else session.get_user_id())
        return response

    @surrounded.get("/style.css")
    def style() -> str:
        return ""

    client = Client(surrounded, clock, {})
    client.post("/login")
    answer = client.get("/style.css")
    assert "Vary" not in answer.headers
    assert "Cache-Control" not in answer.headers
    client.get("/me")
    assert known == ["ada", None, "ada"]


def test_a_hook_that_is_the_first_to_look_has_its_changes_sent(surrounded: flask.Flask, clock: FakeClock) -> None:
    @surrounded.after_request
    def guest(response: flask.Response) -> flask.Response:
        if who() == NOBODY:
            create_new_session(None, "guest")
        return response

    @surrounded.get("/public")
    def public() -> str:
        return "for all"

    client = Client(surrounded, clock, {})
    assert set_cookies(client.get("/public")).keys() == OUR_COOKIES
    assert client.get("/me").text == "guest"


def test_a_view_without_its_protection_is_not_served(surrounded: flask.Flask, clock: FakeClock) -> None:
    @supertokens_middleware
    @surrounded.get("/vault")
    def vault() -> str:
        return "gold"

    surrounded.config["PROPAGATE_EXCEPTIONS"] = False
    for _ in range(2):
        answer = Client(surrounded, clock, {}).get("/vault")
        assert (answer.status_code, "gold" in answer.text) == (500, False)


def test_a_blueprints_handler_for_everything_does_not_replace_ours(surrounded: flask.Flask, clock: FakeClock) -> None:
    blueprint = flask.Blueprint("shop", "shop", url_prefix="/shop")
    blueprint.register_error_handler(Exception, lambda _: ("the shop is broken", 500))

    @blueprint.get("/me")
    @supertokens_middleware
    def me() -> str:
        return "in"

    surrounded.register_blueprint(blueprint)
    for _ in range(2):
        assert Client(surrounded, clock, {}).get("/shop/me").status_code == 401


# Requests inside of requests, apps inside of apps


def answered(app: flask.Flask, environ: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Have `app` answer a request on this environment and no copy of it."""
    answers: list[tuple[str, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None, /) -> Callable[[bytes], object]:
        answers.append((status, dict(headers)))
        return lambda data: None

    b"".join(app(environ, start_response))
    [answer] = answers
    return answer


def test_a_request_on_the_very_environment_of_another_leaves_its_session_alone(
    app: flask.Flask, clock: FakeClock
) -> None:
    bob, seen = Client(app, clock, {}), list[str]()

    @app.post("/outer")
    @supertokens_middleware
    def outer() -> str:
        environ = flask.request.environ
        own = {name: environ[name] for name in ("PATH_INFO", "HTTP_COOKIE", "REQUEST_METHOD")}
        environ.update(PATH_INFO="/me", HTTP_COOKIE=bob.browser.cookie_header("/me"), REQUEST_METHOD="GET")
        status, headers = answered(app, environ)
        environ.update(own)
        assert "Set-Cookie" in headers, "bob's own, on bob's answer"
        seen.extend([status, who(), flask.g.supertokens.get_user_id(), str(current_session())])
        flask.g.supertokens.update_jwt_payload({"role": "outer"})
        return "done"

    bob.browser.jar.update(logged_in(app, clock, "bob").browser.jar)
    ada = logged_in(app, clock)
    answer = ada.post("/outer")
    assert answer.text == "done"
    assert seen[:3] == ["200 OK", "ada", "ada"]
    assert set_cookies(answer).keys() == {"sAccessToken"}
    assert ada.get("/me").json == {"user": "ada", "payload": {"role": "outer"}}


def test_two_apps_that_share_an_environment_have_a_session_each(make_app: MakeApp, clock: FakeClock) -> None:
    """An app may answer for another, below a path of its own or in its own name."""
    inner = make_app(cookie_prefix="host", cookie_secure=True)
    outer = make_app()
    seen: list[str] = []

    @outer.post("/inner/<path:path>")
    @supertokens_middleware
    def pass_on(path: str) -> Response:
        environ = flask.request.environ
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/inner", f"/{path}"
        response = Response.from_app(inner, environ)
        seen.append(who())
        return response

    @outer.after_request
    def look(response: flask.Response) -> flask.Response:
        seen.append(who())
        return response

    client = logged_in(outer, clock)
    seen.clear()
    answer = client.post("/inner/login?user=bob")
    names = {line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie") if "=;" not in line}
    assert names == {f"__Host-{name}" for name in OUR_COOKIES} | {"sAccessToken"}
    assert seen == ["ada", "ada"]
    assert client.get("/me").json["user"] == "ada"  # type: ignore[index]
    assert client.post("/inner/me").json["user"] == "bob"  # type: ignore[index]
