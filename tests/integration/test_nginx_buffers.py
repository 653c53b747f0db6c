# SPDX-License-Identifier: Apache-2.0
"""nginx takes 4 kB of response headers (`proxy_buffer_size`); with more, the visitor gets a 502."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import flask
import pytest

from supertokens.flask import create_new_session
from supertokens.testing import FakeClock

from .conftest import Attach
from .nginx import nginx
from .views import add_views
from .visitor import DIALECTS, Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

USER: Final = "5f2c4f6e-8a1b-4c3d-9e0f-1a2b3c4d5e6f"
LARGEST: Final = 1_750
"""Bytes of a payload that may be put into a session of such a user (docs/limits.md)."""
CLIENTS: Final[Mapping[str, Mapping[str, str]]] = {**DIALECTS, "header mode": {"st-auth-mode": "header"}}
EVERY_CLIENT: Final = pytest.mark.parametrize("client", list(CLIENTS))


def app_with(attach: Attach, size: int) -> flask.Flask:
    """Return an app whose sessions carry `size` bytes of payload, as JSON."""
    app = flask.Flask("an_app")
    attach(app, enable_anti_csrf=True)
    add_views(app)

    @app.post("/log-in")
    def log_in() -> dict[str, Any]:
        create_new_session(None, USER, {"p": "x" * (size - 8)})
        return {}

    @app.post("/grow")
    def grow() -> dict[str, Any]:
        create_new_session(None, USER).update_jwt_payload({"p": "x" * (size - 8)})
        return {}

    return app


def warnings_of(
    attach: Attach, clock: FakeClock, caplog: pytest.LogCaptureFixture, size: int, path: str = "/log-in", times: int = 1
) -> list[str]:
    """Return what the log says of proxies when sessions of that payload begin."""
    caplog.clear()
    visitor = Visitor(app_with(attach, size), clock)
    with caplog.at_level(logging.INFO, "supertokens"):
        for _ in range(times):
            assert visitor.post(path).status_code == 200
    return [message for message in caplog.messages if "proxy_buffer_size" in message]


@pytest.fixture
def largest_quiet(attach: Attach, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> int:
    """The largest payload of which the log says nothing."""
    quiet, loud = 8, LARGEST
    assert warnings_of(attach, clock, caplog, quiet) == []
    assert warnings_of(attach, clock, caplog, loud) != []
    while loud - quiet > 1:
        middle = (quiet + loud) // 2
        if warnings_of(attach, clock, caplog, middle):
            loud = middle
        else:
            quiet = middle
    return quiet


class Through:
    """A WSGI application that asks nginx, so that a visitor's jar is filled through it."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers=headers)
            answer = connection.getresponse()
            start_response(f"{answer.status} {answer.reason}", answer.getheaders())
            return [answer.read()]
        finally:
            connection.close()


def walk(application: WSGIApplication, clock: FakeClock, headers: Mapping[str, str]) -> list[int]:
    """Return the statuses of a log-in, a check, a refresh, the first use after it, and a log-out."""
    visitor = Visitor(application, clock, headers)
    statuses: list[int] = []
    tokens: dict[str, str] = {}
    for method, path in (
        ("POST", "/log-in"), ("GET", "/me"), ("POST", "/session/refresh"), ("GET", "/me"), ("POST", "/logout"),
    ):  # fmt: skip
        kind = "refresh" if path == "/session/refresh" else "access"
        if headers.get("st-auth-mode") == "header" and path != "/log-in":
            visitor.headers["Authorization"] = f"Bearer {tokens[f'st-{kind}-token']}"
        answer = visitor.call(method, path)
        statuses.append(answer.status_code)
        tokens.update({name: value for name, value in answer.headers.items() if name.startswith("st-") and value})
        if visitor.browser.anti_csrf:
            visitor.headers["anti-csrf"] = visitor.browser.anti_csrf
    return statuses


@EVERY_CLIENT
def test_what_the_log_is_silent_about_passes_through_nginx_with_its_defaults(
    attach: Attach, clock: FakeClock, tmp_path: Path, largest_quiet: int, client: str
) -> None:
    assert largest_quiet > 300
    with nginx(app_with(attach, largest_quiet), tmp_path / "nginx") as proxy:
        assert walk(Through(proxy.port), clock, CLIENTS[client]) == [200] * 5, proxy.errors


def test_what_nginx_refuses_with_its_defaults_is_said_in_the_log_and_passes_with_a_larger_buffer(
    attach: Attach, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_with(attach, LARGEST)
    with nginx(app, tmp_path / "default") as proxy:
        assert walk(Through(proxy.port), clock, CLIENTS["plain"])[0] == 502
        assert "upstream sent too big header" in proxy.errors
    with nginx(app, tmp_path / "larger", location="proxy_buffer_size 16k; proxy_buffers 8 16k;") as proxy:
        assert walk(Through(proxy.port), clock, CLIENTS["plain"]) == [200] * 5
    assert len(warnings_of(attach, clock, caplog, LARGEST)) == 1


@pytest.mark.parametrize("path", ["/log-in", "/grow"])
def test_it_is_said_once_and_where_it_is_written_down(
    attach: Attach, clock: FakeClock, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    assert len(warnings_of(attach, clock, caplog, LARGEST, path, times=3)) == 1
    assert warnings_of(attach, clock, caplog, 200, path, times=3) == []
