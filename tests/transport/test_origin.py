# SPDX-License-Identifier: Apache-2.0
"""Cross-site requests are refused by what browsers say of them, without any token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from supertokens.errors import SuperTokensCrossOriginError
from supertokens.transport import origin, verbs
from supertokens.transport.origin import OriginCheck
from supertokens.transport.request import from_asgi

from .conftest import MakeSite
from .site import HEADER_MODE, MakeRequest, Visitor, by_wsgi, cookies_in, header_in


def passes(request: Any, *trusted: str) -> bool:
    try:
        OriginCheck(trusted).require_same_origin(request)
    except SuperTokensCrossOriginError:
        return False
    return True


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_safe_methods_pass_whatever_the_browser_says(make_request: MakeRequest, method: str) -> None:
    said = {"host": "example.com", "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert passes(make_request(method, "/", said))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "get", "BREW"])
def test_all_others_are_looked_at(make_request: MakeRequest, method: str) -> None:
    assert not passes(make_request(method, "/", {"host": "example.com", "origin": "https://evil.example"}))


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket"])
def test_the_handshake_of_a_websocket_is_no_safe_get(upgrade: str) -> None:
    said = {"host": "example.com", "upgrade": upgrade, "connection": "Upgrade"}
    assert not passes(by_wsgi("GET", "/", {**said, "origin": "https://evil.example"}))
    assert passes(by_wsgi("GET", "/", {**said, "origin": "https://example.com"}))
    scope = {"type": "websocket", "path": "/", "scheme": "wss", "headers": [(b"host", b"a"), (b"origin", b"https://b")]}
    assert not passes(from_asgi(scope))


@pytest.mark.parametrize(
    ("site", "is_let_pass"),
    [("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False), ("", False),
     ("Same-Origin", False), ("same-origin, none", False)],
)  # fmt: skip
@pytest.mark.parametrize("said_origin", [None, "https://example.com", "https://evil.example", "null"])
def test_what_the_browser_says_of_the_site_decides_where_it_says_something(
    make_request: MakeRequest, site: str, is_let_pass: bool, said_origin: str | None
) -> None:
    said = {"host": "example.com", "sec-fetch-site": site} | ({} if said_origin is None else {"origin": said_origin})
    assert passes(make_request("POST", "/", said)) is is_let_pass


@pytest.mark.parametrize(
    ("host", "said_origin", "is_let_pass"),
    [
        ("example.com", None, True),
        ("example.com", "https://example.com", True),
        ("example.com", "http://example.com", True),
        ("EXAMPLE.com", "https://example.COM", True),
        ("example.com:443", "https://example.com", True),
        ("example.com", "https://example.com:443", True),
        ("example.com:80", "http://example.com", True),
        ("example.com:80", "https://example.com", False),
        ("example.com:443", "http://example.com", False),
        ("example.com:8443", "https://example.com:8443", True),
        ("example.com", "https://example.com:8443", False),
        ("[::1]:5000", "http://[::1]:5000", True),
        ("[::1]:5000", "http://[::2]:5000", False),
        ("example.com", "null", False),
        ("example.com", "", False),
        ("example.com", "https://evil.example", False),
        ("example.com", "https://sub.example.com", False),
        ("example.com", "https://example.com.evil.example", False),
        ("example.com", "https://evilexample.com", False),
        ("example.com", "https://example.com@evil.example", False),
        ("example.com", "https://evil.example@example.com", False),
        ("example.com", "https://example.com/", False),
        ("example.com", "https://example.com?", True),
        ("example.com", "https://example.com, https://evil.example", False),
        ("example.com", "file://example.com", False),
        ("example.com", "chrome-extension://example.com", False),
        ("example.com", "//example.com", False),
        ("example.com", "example.com", False),
        ("example.com", "https://example.com:x", False),
        ("example.com", "https://[::1", False),
        ("[::1", "https://example.com", False),
        ("", "https://", False),
        ("", "null", False),
    ],
)
def test_without_that_an_origin_has_to_be_of_the_same_host(
    make_request: MakeRequest, host: str, said_origin: str | None, is_let_pass: bool
) -> None:
    said = {"host": host} | ({} if said_origin is None else {"origin": said_origin})
    assert passes(make_request("POST", "/", said, server="")) is is_let_pass


def test_a_trusted_origin_passes_to_the_letter_whatever_else_is_said(make_request: MakeRequest) -> None:
    trusted = ("https://app.example", "capacitor://localhost")
    for said_origin, is_let_pass in (
        ("https://app.example", True), ("capacitor://localhost", True), ("https://APP.example", False),
        ("https://app.example:443", False), ("http://app.example", False), ("https://x.app.example", False),
    ):  # fmt: skip
        for site in ({}, {"sec-fetch-site": "cross-site"}):
            request = make_request("POST", "/", {"host": "api.example", "origin": said_origin, **site})
            assert passes(request, *trusted) is is_let_pass, said_origin


def test_what_was_compared_is_logged_once_a_minute(
    make_request: MakeRequest, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(origin, "time", SimpleNamespace(monotonic=lambda: now))
    check = OriginCheck(())
    request = make_request("POST", "/", {"host": "127.0.0.1:8000", "origin": "https://app.example\r\nforged"})
    for now in (0.0, 59.9, 60.0):  # noqa: B007
        with pytest.raises(SuperTokensCrossOriginError):
            check.require_same_origin(request)
    assert len(caplog.records) == 2
    for part in ("'https://app.example\\r\\nforged'", "'127.0.0.1:8000'", "trusted_origins"):
        assert part in caplog.messages[0]


# Where it is asked


@pytest.mark.parametrize("path", ["/me", "/session/refresh"])
def test_a_cross_site_request_is_refused_before_any_token_is_looked_at_and_deletes_nothing(
    make_site: MakeSite, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(anti_csrf="origin")
    visitor = Visitor(site)
    visitor.log_in()
    for name in ("verify", "refresh", "authentic_access_token", "authentic_refresh_token"):
        monkeypatch.setattr(site.core, name, lambda *_, **__: pytest.fail("a token was looked at"))
    owner = visitor.ask("POST", path, {"origin": "https://evil.example"})
    with pytest.raises(SuperTokensCrossOriginError):
        verbs.refresh(owner) if path == "/session/refresh" else verbs.verify(owner, check_anti_csrf=True)
    left = owner.sent_headers([])
    assert cookies_in(left) == []
    assert header_in(left, "front-token") is header_in(left, "id-refresh-token") is None


def test_what_came_by_bearer_and_a_log_in_are_exempt(make_site: MakeSite) -> None:
    """A browser adds no Authorization header by itself, and identity providers post log-ins across sites."""
    site = make_site(anti_csrf="origin")
    cross = {"origin": "https://evil.example"}
    owner = Visitor(site, HEADER_MODE).ask("POST", "/login", cross)
    verbs.create(owner, "robot", None, None)
    token = header_in(owner.sent_headers([]), "st-access-token")
    machine = site.asked(site.make_request("POST", "/me", {**cross, "authorization": f"Bearer {token}"}))
    assert verbs.verify(machine, check_anti_csrf=True).get_user_id() == "robot"
    with pytest.raises(SuperTokensCrossOriginError):
        verbs.check_origin(site.asked(site.make_request("POST", "/login", cross)))


def test_a_bearer_token_of_another_system_exempts_no_cookie(make_site: MakeSite) -> None:
    visitor = Visitor(make_site(anti_csrf="origin"))
    visitor.log_in()
    headers = {"origin": "https://evil.example", "authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}
    with pytest.raises(SuperTokensCrossOriginError):
        verbs.verify(visitor.ask("POST", "/me", headers), check_anti_csrf=True)
