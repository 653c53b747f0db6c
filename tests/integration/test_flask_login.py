# SPDX-License-Identifier: Apache-2.0
"""Flask-Login asks for the user whenever somebody looks at `current_user`: in views, templates and hooks."""

from __future__ import annotations

from typing import Any

import flask
import flask_login
import pytest

from supertokens.flask import SuperTokensError, create_new_session, get_session
from supertokens.testing import FakeClock

from .visitor import OURS, Visitor, deleted, set_cookies


class User(flask_login.UserMixin):  # type: ignore[misc]
    def __init__(self, user_id: str) -> None:
        self.id = user_id


@pytest.fixture
def app(app: flask.Flask) -> flask.Flask:
    """An app whose users are those of our sessions."""
    login = flask_login.LoginManager(app)

    @login.request_loader
    def load(request: flask.Request) -> User | None:
        try:
            return User(get_session(None, False).get_user_id())
        except SuperTokensError:
            return None

    @app.get("/account")
    @flask_login.login_required
    def account() -> str:
        return str(flask_login.current_user.get_id())

    @app.post("/sign-in")
    def sign_in() -> str:
        create_new_session(None, "bob")
        # Flask-Login puts `current_user` into every template.
        return flask.render_template_string("{{ current_user.get_id() }}")

    @app.post("/sign-in-if-nobody-is")
    def sign_in_if_nobody_is() -> Any:
        if flask_login.current_user.is_authenticated:
            flask.abort(409)
        create_new_session(None, "bob")
        return {}

    return app


@pytest.mark.parametrize("before", ["nobody", "ada", "ada, refreshed"])
def test_a_template_after_a_log_in_shows_the_new_user_and_undoes_nothing(
    app: flask.Flask, visitor: Visitor, before: str
) -> None:
    if before != "nobody":
        visitor.log_in("ada")
    if before == "ada, refreshed":
        visitor.refresh()
    answer = visitor.post("/sign-in")
    assert answer.text == "bob"
    assert all(set_cookies(answer).values())
    assert visitor.get("/account").text == "bob"
    visitor.refresh()
    assert visitor.get("/account").text == "bob"


def test_a_log_in_after_a_look_at_nobody_stays(app: flask.Flask, visitor: Visitor, clock: FakeClock) -> None:
    assert set(set_cookies(visitor.post("/sign-in-if-nobody-is"))) == set(OURS)
    assert visitor.post("/sign-in-if-nobody-is").status_code == 409
    clock.advance(hours=2)
    assert all(set_cookies(visitor.post("/sign-in-if-nobody-is")).values())


def test_a_page_for_users_only_is_refused_without_touching_what_a_refresh_would_heal(
    app: flask.Flask, visitor: Visitor, clock: FakeClock
) -> None:
    nobody = visitor.get("/account")
    assert nobody.status_code == 401
    assert nobody.headers.getlist("Set-Cookie") == []
    visitor.log_in("ada")
    clock.advance(hours=2)
    assert set_cookies(visitor.get("/account")) == {}
    visitor.refresh()
    first_use = visitor.get("/account")
    assert first_use.text == "ada"
    assert list(set_cookies(first_use)) == ["sAccessToken"]


def test_the_loader_clears_what_is_left_of_a_session_that_has_ended(
    app: flask.Flask, visitor: Visitor, clock: FakeClock
) -> None:
    visitor.log_in("ada")
    visitor.refresh()
    other_device = Visitor(app, clock)
    other_device.browser.jar.update(visitor.browser.jar)
    other_device.post("/logout")
    answer = visitor.get("/account")
    assert answer.status_code == 401
    assert deleted(answer) == set(OURS)
