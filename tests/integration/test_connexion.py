# SPDX-License-Identifier: Apache-2.0
"""Connexion 3 takes `app.wsgi_app` in its constructor, before any extension can wrap it, and serves it over ASGI."""

from __future__ import annotations

import warnings
from typing import Any, Final

import flask
import pytest

from supertokens.flask import create_new_session, get_session, refresh_session, supertokens_middleware
from supertokens.testing import FakeClock

from .conftest import Attach
from .visitor import OURS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Starlette, about the httpx that it itself imports
    import connexion

SPECIFICATION: Final = {
    "openapi": "3.0.0",
    "info": {"title": "An API", "version": "1"},
    "paths": {
        path: {method: {"operationId": f"{__name__}.{function}", "responses": {"200": {"description": "done"}}}}
        for path, method, function in (
            ("/login", "post", "login"),
            ("/me", "get", "me"),
            ("/page", "get", "page"),
            ("/session/refresh", "post", "refresh"),
            ("/logout", "post", "logout"),
        )
    },
}


def login() -> dict[str, str]:
    create_new_session(None, "ada")
    return {"user": "ada"}


@supertokens_middleware
def me() -> dict[str, str]:
    return {"user": flask.g.supertokens.get_user_id()}


def page() -> Any:
    """Return another response than the one that the verb was given."""
    get_session(flask.make_response("not this one"), False)
    return {"page": 1}


def refresh() -> dict[str, Any]:
    refresh_session(None)
    return {}


@supertokens_middleware
def logout() -> dict[str, Any]:
    flask.g.supertokens.revoke_session()
    return {}


@pytest.fixture
def browser(attach: Attach) -> Any:
    """An httpx client, which has a cookie jar of its own, in front of the whole of Connexion."""
    served = connexion.FlaskApp(__name__)
    attach(served.app, access_token_validity=900)
    served.add_api(SPECIFICATION)
    return served.test_client(base_url="https://api.example.com")


def cookie_lines(answer: Any) -> list[str]:
    return [line for line in answer.headers.get_list("set-cookie") if line.startswith(OURS)]


def test_a_session_begins_is_renewed_and_ends(browser: Any) -> None:
    assert browser.post("/login").status_code == 200
    assert browser.get("/me").json() == {"user": "ada"}
    assert browser.post("/session/refresh").status_code == 200
    first_use = browser.get("/page")
    assert first_use.json() == {"page": 1}
    assert [line.partition("=")[0] for line in cookie_lines(first_use)] == ["sAccessToken"]
    assert browser.get("/me").json() == {"user": "ada"}
    assert cookie_lines(browser.get("/me")) == []

    out = browser.post("/logout")
    assert out.status_code == 200
    assert {line.partition(";")[0] for line in cookie_lines(out)} == {f"{name}=" for name in OURS}
    assert dict(browser.cookies) == {}


def test_without_a_session_the_answer_is_ours(browser: Any, clock: FakeClock) -> None:
    nobody = browser.get("/me")
    assert (nobody.status_code, nobody.json()) == (401, {"error": "unauthorised", "message": "unauthorised"})
    assert cookie_lines(nobody) == []

    browser.post("/login")
    clock.advance(hours=2)
    expired = browser.get("/me")
    assert (expired.status_code, expired.json()["message"]) == (401, "try refresh token")
    assert cookie_lines(expired) == []


def test_what_depends_on_the_session_says_so_to_caches(browser: Any) -> None:
    browser.post("/login")
    for answer in (browser.get("/me"), browser.get("/page")):
        assert {"Cookie", "Authorization"} <= {name.strip() for name in answer.headers["vary"].split(",")}


def test_a_theft_is_answered_and_clears(attach: Attach, browser: Any) -> None:
    browser.post("/login")
    stale = browser.cookies["sRefreshToken"]
    browser.post("/session/refresh")
    browser.get("/me")
    browser.cookies.clear()
    answer = browser.post("/session/refresh", headers={"Cookie": f"sRefreshToken={stale}", "User-Agent": "curl"})
    assert (answer.status_code, answer.json()["message"]) == (401, "token theft detected")
    assert {line.partition(";")[0] for line in cookie_lines(answer)} == {f"{name}=" for name in OURS}
