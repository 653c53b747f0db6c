# SPDX-License-Identifier: Apache-2.0
"""A test client is logged in as the app's own log-in would do it, without its log-in page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from fastapi.testclient import TestClient

from supertokens.core import EmbeddedCore
from supertokens.testing import Browser, FakeClock, login_as
from supertokens.testing.browser import Dialect

from .an_app import fastapi_app, flask_app


def flask_client(core: EmbeddedCore, **options: Any) -> Any:
    return flask_app(core, **options).test_client()


def fastapi_client(core: EmbeddedCore, **options: Any) -> Any:
    return TestClient(fastapi_app(core, **options), "https://testserver")


EVERY_CLIENT = pytest.mark.parametrize("make_client", [flask_client, fastapi_client])


def body(response: Any) -> Any:
    return response.json() if callable(response.json) else response.json


@EVERY_CLIENT
def test_a_test_client_is_logged_in(make_client: Callable[..., Any], core: EmbeddedCore) -> None:
    client = make_client(core)
    assert client.get("/me").status_code == 401
    handle = login_as(client, "ada", role="author", count=3)
    assert core.session_handles("ada") == [handle]
    assert body(client.get("/me")) == {"user": "ada", "payload": {"role": "author", "count": 3}}


@EVERY_CLIENT
def test_its_refresh_cookie_is_where_the_app_looks_for_it(
    make_client: Callable[..., Any], core: EmbeddedCore, clock: FakeClock
) -> None:
    client = make_client(core)
    login_as(client, "ada")
    clock.advance(hours=2)
    assert client.get("/me").status_code == 401
    assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").status_code == 200


@EVERY_CLIENT
def test_options_of_the_apps_cookies_count(make_client: Callable[..., Any], core: EmbeddedCore) -> None:
    client = make_client(core, cookie_prefix="host", cookie_secure=True, renewal="server")
    login_as(client, "ada")
    assert client.get("/me").status_code == 200


@EVERY_CLIENT
def test_another_client_of_the_app_is_not_logged_in(make_client: Callable[..., Any], core: EmbeddedCore) -> None:
    login_as(make_client(core), "ada")
    assert make_client(core).get("/me").status_code == 401


def test_a_domain_of_the_app_is_kept(core: EmbeddedCore) -> None:
    app = flask_app(core, cookie_domain="example.com")
    app.config.update(SERVER_NAME="app.example.com", PREFERRED_URL_SCHEME="https")
    client = app.test_client()
    login_as(client, "ada")
    assert client.get("/me").status_code == 200
    assert client.get("/me", base_url="https://other.example.com").status_code in (200, 404)
    assert client.get_cookie("sAccessToken", domain="example.com") is not None


@pytest.mark.parametrize("dialect", ["plain", "legacy", "modern", "header"])
def test_a_browser_and_a_tab_are_logged_in_in_their_dialect(
    core: EmbeddedCore, clock: FakeClock, dialect: Dialect
) -> None:
    for of_tab in (True, False):
        browser = Browser(clock, flask_app(core, enable_anti_csrf=True), dialect=dialect)
        tab = browser.tab()
        login_as(tab if of_tab else browser, "ada")
        assert tab.post("/me").status == 200
        assert (browser.jar == {}) is (dialect == "header")
        clock.advance(hours=2)
        assert tab.fetch("/me").status == 200


def test_what_is_no_client_is_refused(core: EmbeddedCore) -> None:
    with pytest.raises(TypeError, match="Flask is neither a test client"):
        login_as(flask_app(core), "ada")
    with pytest.raises(TypeError, match="has no sessions"):
        login_as(flask.Flask("without").test_client(), "ada")
    with pytest.raises(ValueError, match="user_id"):
        login_as(flask_app(core).test_client(), "")
