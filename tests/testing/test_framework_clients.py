# SPDX-License-Identifier: Apache-2.0
"""Frameworks' test clients, and apps, are known without importing a framework."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from supertokens.core import EmbeddedCore
from supertokens.testing import AsgiClient, Browser, FakeClock, WsgiClient, login_as
from supertokens.testing.framework_clients import FlaskTestClient, StarletteTestClient, client_of, framework_client

from .an_app import fastapi_app, flask_app


def test_each_kind_of_app_and_client_is_known(core: EmbeddedCore) -> None:
    flask, fastapi = flask_app(core), fastapi_app(core)
    kinds = {
        FlaskTestClient: flask.test_client(),
        StarletteTestClient: TestClient(fastapi),
        WsgiClient: flask,
        AsgiClient: fastapi,
    }
    for kind, app in kinds.items():
        assert type(client_of(app)) is kind
    assert type(client_of(fastapi.__call__)) is AsgiClient
    assert type(client_of(flask.wsgi_app)) is WsgiClient
    known = client_of(flask)
    assert client_of(known) is known
    with pytest.raises(TypeError, match="int is neither an application"):
        client_of(1)
    assert framework_client(flask) is None


def test_no_framework_is_imported() -> None:
    program = "import sys, supertokens.testing; print({'flask', 'starlette', 'django', 'pytest'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "set()"


def test_a_flask_test_client_says_where_its_app_is(core: EmbeddedCore) -> None:
    app = flask_app(core)
    assert Browser(FakeClock(), app.test_client()).url == "http://localhost"
    app.config.update(SERVER_NAME="app.example.com:8443", PREFERRED_URL_SCHEME="https")
    client = app.test_client()
    assert Browser(FakeClock(), client).url == "https://app.example.com:8443"
    login_as(client, "ada")
    assert client.get("/me").status_code == 200


def test_a_browser_in_front_of_a_starlette_client_has_a_jar_of_its_own(core: EmbeddedCore, clock: FakeClock) -> None:
    client = TestClient(fastapi_app(core), "https://testserver")
    login_as(client, "bob")
    tab = Browser(clock, client).tab()
    assert tab.get("/me").status == 401
    tab.post("/login")
    assert tab.get("/me").json()["user"] == "ada"
    assert client.get("/me").json()["user"] == "bob", "the client's own cookies stay"
    clock.advance(hours=2)
    assert tab.fetch("/me").status == 200


def test_a_browser_in_front_of_a_client_with_a_lifespan_uses_its_loop(core: EmbeddedCore, clock: FakeClock) -> None:
    app = fastapi_app(core)
    assert isinstance(app, FastAPI)
    with TestClient(app, "https://testserver") as client:
        tab = Browser(clock, client).tab()
        tab.post("/login")
        assert tab.get("/me").status == 200


def test_a_starlette_client_on_plain_http_is_told_what_to_do(core: EmbeddedCore) -> None:
    """Its jar would keep the Secure cookies back, and each request be a stranger's."""
    with pytest.raises(ValueError, match=r"TestClient\(app, 'https://testserver'\)"):
        login_as(TestClient(fastapi_app(core)), "ada")
    client = TestClient(fastapi_app(core, cookie_secure=False))
    login_as(client, "ada")
    assert client.get("/me").status_code == 200
