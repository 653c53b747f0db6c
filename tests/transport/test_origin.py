# SPDX-License-Identifier: Apache-2.0
"""Cross-site requests are refused by what browsers say of them."""

from __future__ import annotations

import logging

import pytest

from supertokens.errors import SuperTokensCrossOriginError
from supertokens.transport import from_asgi, from_wsgi
from supertokens.transport.origin import OriginCheck

TRUSTED = ("https://app.example.com", "capacitor://localhost")


def passes(method: str = "POST", host: str = "shop.example.com", **headers: str) -> bool:
    """Return whether the check lets a request pass, whichever interface it came by."""
    environ = {"REQUEST_METHOD": method, "HTTP_HOST": host}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    raw = [(b"host", host.encode())]
    raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/", "headers": raw}
    outcomes = set()
    for request in (from_wsgi(environ), from_asgi(scope)):
        try:
            OriginCheck(TRUSTED).require_same_origin(request)
        except SuperTokensCrossOriginError:
            outcomes.add(False)
        else:
            outcomes.add(True)
    [outcome] = outcomes
    return outcome


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_safe_methods_pass(method: str) -> None:
    assert passes(method, origin="https://evil.example", sec_fetch_site="cross-site")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "get", "PROPFIND"])
def test_all_other_methods_are_checked(method: str) -> None:
    assert not passes(method, sec_fetch_site="cross-site")


def test_the_handshake_of_a_websocket_is_checked_although_it_is_a_get() -> None:
    assert not passes("GET", upgrade="websocket", origin="https://evil.example")
    assert not passes("GET", upgrade="WebSocket", sec_fetch_site="cross-site")
    assert passes("GET", upgrade="websocket", origin="https://shop.example.com")
    socket = {
        "type": "websocket", "path": "/", "headers": [(b"host", b"shop.example.com"), (b"origin", b"https://evil.example")],
    }  # fmt: skip
    with pytest.raises(SuperTokensCrossOriginError):
        OriginCheck(()).require_same_origin(from_asgi(socket))


@pytest.mark.parametrize(
    ("site", "outcome"),
    [
        ("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False), ("", False),
        ("Same-Origin", False), ("same-origin, cross-site", False), ("anything", False),
    ],
)  # fmt: skip
def test_the_browsers_word_decides_where_it_is_given(site: str, outcome: bool) -> None:
    assert passes(sec_fetch_site=site) is outcome
    assert passes(sec_fetch_site=site, origin="https://shop.example.com") is outcome


@pytest.mark.parametrize("origin", TRUSTED)
def test_a_trusted_origin_passes_whatever_else_is_said(origin: str) -> None:
    assert passes(origin=origin, sec_fetch_site="cross-site")


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com.evil.example", "https://app.example.com:444", "http://app.example.com",
        "https://APP.example.com", "https://app.example.com/", "null", "https://evil.example",
        "https://app.example.com@evil.example", "capacitor://localhost.evil", "",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_trusted_origin_does_not(origin: str) -> None:
    assert not passes(origin=origin, sec_fetch_site="cross-site")
    assert not passes(origin=origin)


def test_a_request_that_no_browser_sent_passes() -> None:
    assert passes()


@pytest.mark.parametrize(
    ("origin", "host", "outcome"),
    [
        ("https://shop.example.com", "shop.example.com", True),
        ("http://shop.example.com", "shop.example.com", True),
        ("https://shop.example.com", "shop.example.com:443", True),
        ("http://shop.example.com", "shop.example.com:80", True),
        ("https://shop.example.com:443", "shop.example.com", True),
        ("https://SHOP.example.com", "shop.Example.com", True),
        ("https://[::1]:8443", "[::1]:8443", True),
        ("https://[::1]", "[::1]:443", True),
        ("https://shop.example.com:8443", "shop.example.com", False),
        ("https://shop.example.com", "shop.example.com:8443", False),
        ("http://shop.example.com", "shop.example.com:443", False),
        ("https://evil.example", "shop.example.com", False),
        ("https://shop.example.com.evil.example", "shop.example.com", False),
        ("https://evil.example/shop.example.com", "shop.example.com", False),
        ("https://shop.example.com@evil.example", "shop.example.com", False),
        ("https://evil.example#shop.example.com", "shop.example.com", False),
        ("null", "null", False),
        ("ftp://shop.example.com", "shop.example.com", False),
        ("file://", "shop.example.com", False),
        ("https://shop.example.com:bad", "shop.example.com", False),
        ("https://", "", False),
        ("https://shop.example.com", "", False),
    ],
)
def test_without_the_browsers_word_the_authority_has_to_be_that_of_the_host(
    origin: str, host: str, outcome: bool
) -> None:
    assert passes(host=host, origin=origin) is outcome


def test_one_line_a_minute_says_what_was_compared(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "supertokens")
    check = OriginCheck(())
    environ = {"REQUEST_METHOD": "POST", "HTTP_HOST": "shop.example.com", "HTTP_ORIGIN": "https://evil.example"}
    for _ in range(5):
        with pytest.raises(SuperTokensCrossOriginError):
            check.require_same_origin(from_wsgi(environ))
    [line] = [record.getMessage() for record in caplog.records]
    assert "'https://evil.example'" in line
    assert "'shop.example.com'" in line
    assert "trusted_origins" in line
