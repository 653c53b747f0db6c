# SPDX-License-Identifier: Apache-2.0
"""Flask-WTF's CSRF protection beside ours: its value is kept in Flask's own session, in a cookie of its own."""

from __future__ import annotations

import flask
import flask_wtf
import pytest

from supertokens.flask import supertokens_middleware
from supertokens.testing import FakeClock

from .visitor import OURS, Visitor, set_cookies


@pytest.fixture
def app(app: flask.Flask) -> flask.Flask:
    """An app whose forms carry a value, and whose refresh API needs none."""
    app.secret_key = "of Flask's own session"
    csrf = flask_wtf.CSRFProtect(app)

    @app.get("/form")
    def form() -> str:
        return flask.render_template_string("{{ csrf_token() }}")

    @app.post("/order")
    @supertokens_middleware
    def order() -> str:
        return "ordered"

    @app.post("/webhook")
    @csrf.exempt
    @supertokens_middleware
    def webhook() -> str:
        return "heard"

    csrf.exempt(app.view_functions["refresh"])
    return app


def test_a_form_with_both_values_is_served_and_without_theirs_refused_before_ours_is_asked(
    app: flask.Flask, visitor: Visitor, clock: FakeClock
) -> None:
    value = visitor.get("/form").text
    assert visitor.post("/login?user=ada").status_code == 400
    assert visitor.cookies == set()
    logged_in = visitor.post("/login?user=ada", data={"csrf_token": value})
    assert set(set_cookies(logged_in)) == set(OURS)

    assert visitor.post("/order", data={"csrf_token": value}).text == "ordered"
    refused = visitor.post("/order")
    assert refused.status_code == 400
    assert set_cookies(refused) == {}

    visitor.refresh()
    first_use = visitor.post("/order", data={"csrf_token": value})
    assert first_use.text == "ordered"
    assert list(set_cookies(first_use)) == ["sAccessToken"]
    clock.advance(hours=2)
    assert visitor.post("/order").status_code == 400
    assert visitor.cookies == set(OURS)


def test_a_protected_view_can_be_exempt(app: flask.Flask, visitor: Visitor) -> None:
    assert visitor.post("/webhook").status_code == 401
    visitor.post("/login?user=ada", data={"csrf_token": visitor.get("/form").text})
    assert visitor.post("/webhook").text == "heard"


def test_both_cookies_are_kept_apart(app: flask.Flask, visitor: Visitor) -> None:
    value = visitor.get("/form").text
    visitor.post("/login?user=ada", data={"csrf_token": value})
    visitor.post("/logout", data={"csrf_token": value})
    assert visitor.cookies == set()
    assert visitor.browser.value("session") is not None
    visitor.post("/login?user=bob", data={"csrf_token": value})
    assert visitor.get("/me").get_json()["user"] == "bob"


def test_caches_hear_of_all_cookies_and_of_ours_once(app: flask.Flask, visitor: Visitor) -> None:
    @app.get("/greeting")
    @supertokens_middleware
    def greeting() -> str:
        return flask.render_template_string("{{ csrf_token() }}")

    visitor.post("/login?user=ada", data={"csrf_token": visitor.get("/form").text})
    answer = visitor.get("/greeting")
    assert len(answer.headers.getlist("Vary")) == 1
    names = [name.strip().lower() for name in answer.headers["Vary"].split(",")]
    assert sorted(names) == ["authorization", "cookie"]
