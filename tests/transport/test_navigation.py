# SPDX-License-Identifier: Apache-2.0
"""A navigation without a session is sent to log in and back again, and never to another site."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.errors import (
    SuperTokensCrossOriginError,
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.transport.navigation import is_navigation, own_path, redirect_for
from supertokens.transport.request import Request, from_wsgi

from .site import HEADER_MODE, LEGACY, MODERN, MakeRequest

NAVIGATES = {"sec-fetch-mode": "navigate"}
UNAUTHORISED = SuperTokensUnauthorisedError("no session", reason="no_session")


def page(path: str = "/account", query: str = "", *, method: str = "GET", mount: str = "", **headers: str) -> Request:
    """Return a navigation."""
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": mount, "PATH_INFO": path, "QUERY_STRING": query,
        "HTTP_HOST": "example.com:8000", "wsgi.url_scheme": "https", "HTTP_SEC_FETCH_MODE": "navigate",
    }  # fmt: skip
    return from_wsgi(environ | {f"HTTP_{name.upper()}": value for name, value in headers.items()})


def sent_to(request: Request, error: SuperTokensError = UNAUTHORISED, login_url: str | None = "/login") -> str | None:
    return redirect_for(error, request, login_url, server_renews=False)


def way_back(location: str | None) -> str | None:
    """Return the path that a visitor comes back to after the log-in."""
    assert location is not None
    return parse_qs(urlsplit(location).query).get("next", [None])[0]


# What is one


@pytest.mark.parametrize(
    ("headers", "is_one"),
    [
        ({"sec-fetch-mode": "navigate"}, True),
        ({"sec-fetch-mode": "cors", "accept": "text/html"}, False),
        ({"sec-fetch-mode": "no-cors", "accept": "text/html"}, False),
        ({"accept": "text/html,application/xhtml+xml"}, True),
        ({"accept": "text/html", "x-requested-with": "XMLHttpRequest"}, False),
        ({"accept": "*/*"}, False),
        ({"accept": "application/json"}, False),
        ({}, False),
    ],
)
def test_a_browser_says_that_it_asks_for_a_page(
    make_request: MakeRequest, headers: dict[str, str], is_one: bool
) -> None:
    assert is_navigation(make_request("GET", "/", headers)) is is_one


@pytest.mark.parametrize("dialect", [LEGACY, MODERN, HEADER_MODE])
def test_what_a_library_sends_is_none(make_request: MakeRequest, dialect: Mapping[str, str]) -> None:
    assert not is_navigation(make_request("GET", "/", {**NAVIGATES, **dialect}))


# Paths of this site


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/b?c=d&e=//f", "/ü", "/a;b", "/a:b", "/@x", "/a?u=https://x.example", "/.//x"]
)
def test_a_path_of_this_site_is_one(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None, "", "a", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\/evil.example",
        "\\\\evil.example", "https://evil.example", "https:evil.example", "javascript:alert(1)", " /a",
        "/\t/evil.example", "/\n/evil.example", "/a\r\nSet-Cookie: x=1", "/a b", "/a\x00", "/a\x85", "/a\xa0b",
        "/a\u2028",
        "/" + "a" * 2048,
        "/a\\..\\b",
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str | None) -> None:
    assert own_path(text) is None


@given(st.text("/\\.:@?#;%\t\n\r ab\x00\x85\xa0\u2028é", max_size=12))
def test_a_browser_stays_on_the_site_wherever_a_path_leads(text: str) -> None:
    path = own_path("/" + text)
    if path is not None:
        # Browsers drop tabs and line breaks, and take a backslash for a slash (WHATWG URL, 4.4); urljoin does neither.
        assert not set(path) & set("\\\t\r\n")
        assert urlsplit(urljoin("https://example.com/a/b", path)).netloc == "example.com"


# Where it is sent


def test_a_page_comes_back_to_itself_with_its_query() -> None:
    location = sent_to(page("/a b/ü".encode().decode("latin-1"), "q=1&r=%2F"))
    assert location is not None
    assert location.startswith("/login?next=")
    assert way_back(location) == "/a%20b/%C3%BC?q=1&r=%2F"
    assert way_back(sent_to(page("/x"), login_url="/login?via=page")) == "/x"
    assert way_back(sent_to(page("/x", mount="/app"))) == "/app/x"
    assert way_back(sent_to(page("/x", method="HEAD"))) == "/x"


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example", "/\\evil.example", "///evil.example"])
def test_a_path_that_browsers_would_take_for_a_host_is_no_way_back(path: str) -> None:
    assert way_back(sent_to(page(path))) in (None, "/%5Cevil.example")


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("https://example.com:8000/form?a=1", "/form?a=1"),
        ("https://example.com/form", "/form"),
        ("https://evil.example/form", None),
        ("https://example.com.evil.example/form", None),
        ("https://example.com@evil.example/form", None),
        ("https://example.com:8000//evil.example", None),
        ("/form", None),
        ("https://[::1", None),
        ("", None),
    ],
)
def test_a_form_comes_back_to_the_page_that_it_was_on_if_that_is_one_of_this_site(
    referer: str, back: str | None
) -> None:
    assert way_back(sent_to(page("/buy", method="POST", referer=referer))) == back


def test_the_page_to_log_in_is_not_sent_to_itself() -> None:
    assert sent_to(page("/login")) is None
    assert sent_to(page("/login", "next=/x")) is None
    assert sent_to(page("/login", mount="/app"), login_url="/app/login") is None


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (UNAUTHORISED, "client and server"),
        (SuperTokensTokenTheftError("handle", "ada"), "client and server"),
        (SuperTokensTryRefreshTokenError("expired"), "server"),
        (SuperTokensCrossOriginError(), "nowhere"),
        (SuperTokensGeneralError("the store is away"), "nowhere"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_which_errors_send_to_log_in(error: SuperTokensError, where: str) -> None:
    for renewal in ("client", "server"):
        location = redirect_for(error, page(), "/login", server_renews=renewal == "server")
        assert (location is not None) is (renewal in where)
    assert redirect_for(error, page(), None, server_renews=True) is None
    assert redirect_for(error, page(sec_fetch_mode="cors"), "/login", server_renews=True) is None


def test_what_was_refused_for_one_request_only_is_asked_once_more_and_not_sent_to_log_in() -> None:
    """A log-in would end the session, which is living."""
    only = SuperTokensUnauthorisedError("replaced", reason="replaced", this_request_only=True)
    once = sent_to(page("/x", "q=1"), only)
    assert once == "/x?q=1&supertokens-again=1"
    assert sent_to(page("/x", "q=1&supertokens-again=1"), only) is None
    assert sent_to(page("/x"), only, login_url=None) == "/x?supertokens-again=1"
    assert sent_to(page("/x", method="POST"), only) is None
    assert sent_to(page("//evil.example"), only) is None
    assert way_back(sent_to(page("/x", "q=1&supertokens-again=1"))) == "/x?q=1", "it leaves no trace"
