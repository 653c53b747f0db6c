# SPDX-License-Identifier: Apache-2.0
"""Flask-Caching keeps what a view returned: never one visitor's cookies, and only behind the check."""

from __future__ import annotations

import flask
import flask_caching
import pytest

from supertokens.flask import get_session, supertokens_middleware
from supertokens.testing import FakeClock

from .visitor import Visitor, set_cookies


@pytest.fixture
def app(app: flask.Flask) -> flask.Flask:
    """An app that keeps some of its pages for everybody."""
    cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    made = iter(range(1_000))

    @app.get("/news")
    @supertokens_middleware
    @cache.cached()
    def news() -> flask.Response:
        return flask.make_response(f"edition {next(made)}")

    @app.get("/front-page")
    @cache.cached()
    def front_page() -> flask.Response:
        response = flask.make_response(f"edition {next(made)}")
        get_session(None, False)
        return response

    return app


def test_a_kept_page_behind_the_check_is_for_those_with_a_session(
    app: flask.Flask, clock: FakeClock, visitor: Visitor
) -> None:
    visitor.log_in("ada")
    visitor.refresh()
    first_use = visitor.get("/news")
    assert list(set_cookies(first_use)) == ["sAccessToken"]
    assert visitor.get("/news").text == first_use.text

    nobody = Visitor(app, clock).get("/news")
    assert (nobody.status_code, nobody.get_json()["message"]) == (401, "unauthorised")
    assert nobody.headers.getlist("Set-Cookie") == []

    bob = Visitor(app, clock)
    bob.log_in("bob")
    same_page = bob.get("/news")
    assert same_page.text == first_use.text
    assert set_cookies(same_page) == {}
    assert {"cookie", "authorization"} <= {name.lower() for name in same_page.vary}


def test_a_kept_page_does_not_hold_the_cookies_of_its_first_visitor(
    app: flask.Flask, clock: FakeClock, visitor: Visitor
) -> None:
    visitor.log_in("ada")
    visitor.refresh()
    first_use = visitor.get("/front-page")
    assert list(set_cookies(first_use)) == ["sAccessToken"]
    again = Visitor(app, clock).get("/front-page")
    assert again.text == first_use.text
    assert again.headers.getlist("Set-Cookie") == []
    assert "front-token" not in again.headers
