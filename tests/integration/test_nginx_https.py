# SPDX-License-Identifier: Apache-2.0
"""TLS ends at nginx: with a bare `proxy_pass` the app sees http, Host 127.0.0.1 and no header that says otherwise."""

from __future__ import annotations

import logging
from http.client import HTTPResponse
from pathlib import Path

import flask
import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from .nginx import Proxy, nginx, served
from .visitor import OURS

PUBLIC = "https://shop.example.com"


def cookies(response: HTTPResponse) -> dict[str, list[str]]:
    """Return the attributes of our cookies, by name."""
    lines = [line.split("; ") for line in response.headers.get_all("Set-Cookie") or []]
    return {pair.partition("=")[0]: rest for pair, *rest in lines if pair.startswith(OURS)}


def pairs(response: HTTPResponse) -> str:
    """Return a Cookie header with what `response` sets."""
    return "; ".join(line.partition(";")[0] for line in response.headers.get_all("Set-Cookie") or [])


def log_in(proxy: Proxy, headers: dict[str, str] | None = None) -> HTTPResponse:
    response, _ = proxy.ask(
        "POST", "/login?user=ada", {"Content-Length": "0", "User-Agent": "Firefox", **(headers or {})}
    )
    assert response.status == 200
    return response


def assert_secure(response: HTTPResponse) -> None:
    assert cookies(response)
    for name, attributes in cookies(response).items():
        assert "Secure" in attributes, name


@pytest.mark.parametrize("sent", [{"Origin": PUBLIC}, {"Referer": f"{PUBLIC}/login"}], ids=["Origin", "Referer"])
def test_a_log_in_behind_a_bare_proxy_pass_sets_secure_cookies(
    app: flask.Flask, tmp_path: Path, sent: dict[str, str]
) -> None:
    with nginx(app, tmp_path / "nginx", tls=True) as proxy:
        assert_secure(log_in(proxy, sent))


def test_a_process_that_was_contradicted_once_sets_secure_cookies_from_then_on_and_says_so_once(
    app: flask.Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with nginx(app, tmp_path / "nginx", tls=True) as proxy, caplog.at_level(logging.INFO, "supertokens"):
        begun = log_in(proxy, {"Origin": PUBLIC})
        headers = {"Cookie": pairs(begun), "User-Agent": "Firefox", "Content-Length": "0"}
        refreshed, _ = proxy.ask("POST", "/session/refresh", headers)
        assert_secure(refreshed)
        navigation, _ = proxy.ask("GET", "/me", {"Cookie": pairs(refreshed), "User-Agent": "Firefox"})
        assert navigation.status == 200
        assert_secure(navigation)
        assert_secure(log_in(proxy))
    assert len([message for message in caplog.messages if "Secure" in message]) == 1


def test_behind_a_proxy_that_is_believed_cookies_are_secure_without_a_word(
    app: flask.Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    forwarded = (
        "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;"
        "proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;"
    )
    with nginx(app, tmp_path / "nginx", tls=True, location=forwarded) as proxy:
        assert_secure(log_in(proxy, {"Origin": PUBLIC}))
    assert not [message for message in caplog.messages if "Secure" in message]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}"])
@pytest.mark.parametrize(
    "origin", [None, "http://127.0.0.1:{port}", "http://localhost:{port}", "http://localhost:3000"]
)
def test_in_development_without_a_proxy_cookies_are_not_secure(app: flask.Flask, host: str, origin: str | None) -> None:
    with served(app) as port:
        direct = Proxy(port, Path(), None)
        sent = {"Host": host.format(port=port), **({} if origin is None else {"Origin": origin.format(port=port)})}
        for attributes in cookies(log_in(direct, sent)).values():
            assert "Secure" not in attributes
