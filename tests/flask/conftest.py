# SPDX-License-Identifier: Apache-2.0
"""An app with sessions, browsers that speak each dialect to it, and what their answers say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from supertokens.core import Core
from supertokens.errors import SuperTokensError
from supertokens.flask import SuperTokens, create_new_session, get_session, refresh_session, supertokens_middleware
from supertokens.testing import Browser, FakeClock
from tests.topologies import clock, make_core, pytest_generate_tests, topology

__all__ = ["clock", "make_core", "pytest_generate_tests", "topology"]

LEGACY = {"supertokens-sdk-name": "website", "supertokens-sdk-version": "4.2.0"}
MODERN = {"st-auth-mode": "cookie", "rid": "anti-csrf"}
HEADER_MODE = {"st-auth-mode": "header", "rid": "anti-csrf"}

OUR_COOKIES = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}
NOBODY = "nobody"
"""Who is there where no session is found."""


class Client:
    """A browser in front of the app: one jar, one dialect."""

    def __init__(self, app: flask.Flask, clock: FakeClock, dialect: dict[str, str], agent: str = "Firefox") -> None:
        self.browser = Browser(clock)
        self.dialect = dialect
        self.agent = agent
        self.app = app

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """One request with the cookies of the jar; what the response sets goes into it."""
        cookies = self.browser.cookie_header(path)
        sent = {"User-Agent": self.agent, **self.dialect, **({"Cookie": cookies} if cookies else {}), **(headers or {})}
        client: FlaskClient = self.app.test_client(use_cookies=False)
        response = client.open(path, method=method, headers=sent, **options)
        self.browser.take(response.headers)
        return response

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        return self.call("GET", path, headers)

    def post(self, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        return self.call("POST", path, headers, **options)


MakeApp = Callable[..., flask.Flask]


@pytest.fixture
def make_app(make_core: Callable[..., tuple[Core, Any]], clock: FakeClock) -> MakeApp:
    """An app on the test's core and clock; options are configuration keys."""

    def make(*, routes: bool = False, **options: Any) -> flask.Flask:
        app = flask.Flask("an_app")
        core, of_app = make_core(**options)
        extension = SuperTokens(app, core=core, routes=routes, **of_app)
        app.extensions["the core"] = core
        app.extensions["the extension"] = extension
        app.extensions["supertokens"].edge.clock = clock

        @app.post("/login")
        def login() -> flask.Response:
            response = flask.make_response("in")
            create_new_session(response, flask.request.args.get("user", "user"), {"role": "admin"}, {"cart": []})
            return response

        @app.route("/me", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
        @supertokens_middleware
        def me() -> dict[str, Any]:
            session = flask.g.supertokens
            return {"user": session.get_user_id(), "payload": session.get_jwt_payload()}

        @app.post("/session/refresh")
        def refresh() -> flask.Response:
            response = flask.make_response("refreshed")
            refresh_session(response)
            return response

        @app.post("/logout")
        @supertokens_middleware
        def logout() -> str:
            flask.g.supertokens.revoke_session()
            return "out"

        return app

    return make


@pytest.fixture
def app(make_app: MakeApp) -> flask.Flask:
    return make_app()


@pytest.fixture(params=["legacy", "modern", "plain"])
def dialect(request: pytest.FixtureRequest) -> dict[str, str]:
    """The headers of each kind of browser library."""
    return {"legacy": LEGACY, "modern": MODERN, "plain": {}}[request.param]


def logged_in(app: flask.Flask, clock: FakeClock, user: str = "ada", *, refreshed: bool = True) -> Client:
    """Return a browser; its access token is marked, unless it is not `refreshed`, so that its first use replaces it."""
    client = Client(app, clock, {})
    assert client.post(f"/login?user={user}").status_code == 200
    if refreshed:
        assert client.post("/session/refresh").status_code == 200
    return client


def set_cookies(response: TestResponse) -> dict[str, str]:
    """Return our cookies that are given a value, by name."""
    lines = response.headers.getlist("Set-Cookie")
    pairs = [line.partition(";")[0].partition("=") for line in lines]
    return {name: value for name, _, value in pairs if name in OUR_COOKIES and value}


def deleted(response: TestResponse) -> set[str]:
    """Return the names of our cookies that are deleted, and set nowhere."""
    names = {line.partition("=")[0] for line in response.headers.getlist("Set-Cookie") if "; Max-Age=0;" in line}
    return names - set_cookies(response).keys()


def who() -> str:
    """Look at the session as an audit log does, for which having none is no error."""
    try:
        return get_session(None, False).get_user_id()
    except SuperTokensError:
        return NOBODY
