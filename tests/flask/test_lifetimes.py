# SPDX-License-Identifier: Apache-2.0
"""`remember=` and the absolute limit as a browser sees them, in every dialect and both topologies."""

from __future__ import annotations

import flask
import pytest
from werkzeug.test import TestResponse

from supertokens.config import Config, ConfigError
from supertokens.core import EmbeddedCore
from supertokens.flask import create_new_session, supertokens_middleware
from supertokens.testing import FakeClock

from .conftest import OUR_COOKIES, Client, MakeApp

PAGES = {"renewal": "server"}


def lives(response: TestResponse) -> dict[str, int | None]:
    """Return the Max-Age of each of our cookies that is given a value; None for one without."""
    found: dict[str, int | None] = {}
    for line in response.headers.getlist("Set-Cookie"):
        name, _, rest = line.partition("=")
        if name in OUR_COOKIES and not rest.startswith(";"):
            assert ("Expires=" in rest) is ("Max-Age=" in rest)
            found[name] = int(rest.partition("Max-Age=")[2].partition(";")[0]) if "Max-Age=" in rest else None
    return found


def with_views(app: flask.Flask) -> flask.Flask:
    @app.post("/login-here")
    def login_here() -> str:
        create_new_session(None, "user", remember="remember" in flask.request.args)
        return "in"

    @app.post("/payload")
    @supertokens_middleware
    def payload() -> str:
        flask.g.supertokens.update_jwt_payload({"n": 1})
        return "changed"

    return app


def test_without_remember_no_cookie_outlasts_the_browser(
    make_app: MakeApp, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = Client(with_views(make_app()), clock, dialect)
    began = client.post("/login-here")
    for response in (began, client.post("/session/refresh"), client.get("/me"), client.post("/payload")):
        assert response.status_code == 200
        found = lives(response)
        assert "sAccessToken" in found
        assert set(found.values()) == {None}


def test_a_remembered_session_keeps_its_cookies(make_app: MakeApp, clock: FakeClock, dialect: dict[str, str]) -> None:
    client = Client(with_views(make_app()), clock, dialect)
    began = client.post("/login-here?remember")
    for response in (began, client.post("/session/refresh"), client.get("/me"), client.post("/payload")):
        assert set(lives(response).values()) == {144_000 * 60}


def test_pages_that_renew_do_not_remember_what_was_not_to_be(make_app: MakeApp, clock: FakeClock) -> None:
    client = Client(with_views(make_app(**PAGES)), clock, {})
    assert lives(client.post("/login-here")) == {"sAccessToken": None, "sRefreshToken": None}
    clock.advance(hours=23)
    assert lives(client.get("/me")) == {"sAccessToken": None, "sRefreshToken": None}
    assert lives(client.get("/me")) == {"sAccessToken": None}, "the first use of what was renewed"
    clock.advance(hours=24)
    assert client.get("/me").status_code == 401, "a day without use ends it"


def test_no_cookie_outlives_the_absolute_end(make_app: MakeApp, clock: FakeClock, dialect: dict[str, str]) -> None:
    client = Client(with_views(make_app(session_max_lifetime=7200)), clock, dialect)
    assert set(lives(client.post("/login-here?remember")).values()) == {7200}
    clock.advance(minutes=50)
    for response in (client.post("/session/refresh"), client.get("/me"), client.post("/payload")):
        assert set(lives(response).values()) == {7200 - 3000}
    clock.advance(minutes=50)
    assert client.post("/session/refresh").status_code == 200
    clock.advance(minutes=20)
    assert client.get("/me").status_code == 401
    assert client.post("/session/refresh").status_code == 401


def test_pages_renew_until_the_absolute_end_and_not_beyond(make_app: MakeApp, clock: FakeClock) -> None:
    """Near its end an access token lives for moments only; it dies with its session, so that nothing renews it."""
    app = with_views(make_app(**PAGES, session_max_lifetime=7200, access_token_validity=600))
    client = Client(app, clock, {})
    client.post("/login-here?remember")
    for _ in range(719):
        clock.advance(seconds=10)
        assert client.get("/me").status_code == 200
    clock.advance(seconds=9.999)
    assert client.get("/me").status_code == 200
    clock.advance(seconds=0.001)
    ended = client.get("/me")
    assert ended.status_code == 401
    assert lives(ended) == {}


@pytest.mark.embedded_only
def test_a_double_is_settled_as_a_cookie_of_the_sessions_own_life(make_app: MakeApp, clock: FakeClock) -> None:
    """A changed domain leaves doubles in every browser; the one that is kept is not remembered by that."""
    app = with_views(make_app(cookie_domain="example.com", older_cookie_domain=""))
    for path, life in (("/login-here", None), ("/login-here?remember", 144_000 * 60)):
        client = Client(app, clock, {})
        began = client.post(path)
        token = next(
            line.partition(";")[0] for line in began.headers.getlist("Set-Cookie") if line.startswith("sAccessToken=e")
        )
        settled = client.call("GET", "/me", {"Cookie": f"{token}; {token}; sIdRefreshToken=x"})
        assert settled.status_code == 200
        assert lives(settled)["sAccessToken"] == life
        core = app.extensions["the core"]
        assert isinstance(core, EmbeddedCore)
        core.revoke_user("user")
        settled = client.call("GET", "/me", {"Cookie": f"{token}; {token}; sIdRefreshToken=x"})
        assert lives(settled)["sAccessToken"] is None, "an access token without a record outlasts nothing"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"short_session_validity": 3600}, "must be longer than 'access_token_validity'"),
        ({"session_max_lifetime": 10}, "must be longer than 'refresh_token_rotation_grace_period'"),
        ({"session_max_lifetime": 0}, "session_max_lifetime"),
        ({"session_max_lifetime": True}, "session_max_lifetime"),
        ({"short_session_validity": -1}, "short_session_validity"),
    ],
)
def test_lives_that_cannot_be_meant_are_refused(options: dict[str, int], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Config(**options)  # type: ignore[arg-type]


def test_a_short_session_lives_a_day_or_two_access_tokens_long() -> None:
    for options, ms in (
        ({}, 86_400_000),
        ({"access_token_validity": 100_000}, 200_000_000),
        ({"access_token_validity": 600, "refresh_token_validity": 60}, 3_600_000),
        ({"short_session_validity": 7200}, 7_200_000),
    ):
        assert Config(**options).short_session_validity_ms == ms  # type: ignore[arg-type]
