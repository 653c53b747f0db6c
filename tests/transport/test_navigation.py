# SPDX-License-Identifier: Apache-2.0
"""Where a navigation without a session is sent: never to another site."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest

from supertokens.errors import (
    SuperTokensCrossOriginError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.transport import from_wsgi
from supertokens.transport.navigation import is_navigation, own_path, redirect_for
from supertokens.transport.request import Request

HOSTILE = [
    "https://evil.example", "http://evil.example/", "HTTPS://evil.example", "//evil.example", "///evil.example",
    "////evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example",
    "//\\evil.example", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example",
    " //evil.example", "\x00//evil.example", "/\x00evil", "/evil\x7f", "/a\r\nSet-Cookie: x=1",
    "/a\nLocation: https://evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
    "vbscript:x", "mailto:a@b", "ftp://evil.example", "file:///etc/passwd", "evil.example", "evil.example/",
    "www.evil.example", "?next=//evil.example", "#//evil.example", "", " ", "   /", "https:evil.example",
    "https:/evil.example", "https:///evil.example", "http:\\\\evil.example", "://evil.example", ":evil",
    "@evil.example", "//user@evil.example", "//evil.example:80", "//[::1]", "//%65vil.example", "/ /evil.example",
    "/\u2028evil", "/\xa0/evil.example", "/\u3000evil.example", "/\u200b//evil.example", "/\ufeff/evil", "/\x85/evil",
    "/\u202e/evil", "\u2215\u2215evil.example", "\uff0f\uff0fevil.example", "x:/evil", "blob:https://evil.example",
    "/" + "a" * 3000, "./evil", "../evil", "evil", "~/evil", "*", "/a b", "/a\\b", "/a?b=\\c", "/a#\tb",
]  # fmt: skip


def test_there_are_sixty_hostile_spellings() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_not_a_path_of_this_site_is_not_followed(text: str) -> None:
    assert own_path(text) is None


@pytest.mark.parametrize(
    "text",
    ["/", "/notes", "/notes?page=2&x=//y", "/a/b//c", "/a:b", "/%2F%2Fevil.example", "/caf\u00e9", "/a@b", "/a#top"],
)
def test_a_path_of_this_site_is(text: str) -> None:
    assert own_path(text) == text


def request(method: str = "GET", path: str = "/notes", query: str = "", mount: str = "", **headers: str) -> Request:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": mount,
               "HTTP_HOST": "shop.example.com"}  # fmt: skip
    named = {"sec_fetch_mode": "navigate"} | headers
    return from_wsgi(environ | {f"HTTP_{name.upper()}": value for name, value in named.items() if value})


ENDED = SuperTokensUnauthorisedError("gone", reason="ended")


def location(asked: Request, error: Exception = ENDED, login_url: str | None = "/login") -> str | None:
    return redirect_for(error, asked, login_url, server_renews=True)  # type: ignore[arg-type]


def test_a_get_comes_back_to_where_it_was() -> None:
    assert location(request(query="page=2&q=a%20b")) == "/login?next=%2Fnotes%3Fpage%3D2%26q%3Da%2520b"
    assert location(request(mount="/app")) == "/login?next=%2Fapp%2Fnotes"
    assert location(request(), login_url="/login?via=page") == "/login?via=page&next=%2Fnotes"


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "/caf\u00e9", "/a b", "/a\r\nb", "/%2e", "/?#;"])
def test_a_hostile_path_never_becomes_a_way_to_another_site(path: str) -> None:
    sent = location(request(path=path.encode().decode("latin-1")))
    assert sent is not None
    assert urlsplit(sent)[:3] == ("", "", "/login")
    for back in parse_qs(urlsplit(sent).query).get("next", []):
        assert own_path(back) == back


def test_a_form_comes_back_to_the_page_that_it_was_on() -> None:
    on_page = {"referer": "https://shop.example.com/notes/new?a=1"}
    assert location(request("POST", **on_page)) == f"/login?next={quote('/notes/new?a=1', safe='')}"
    for referer in ("https://evil.example/notes", "https://shop.example.com.evil.example/", "about:blank", "x", "//["):
        assert location(request("POST", referer=referer)) == "/login"
    assert location(request("POST")) == "/login"


def test_the_log_in_page_itself_never_redirects() -> None:
    assert location(request(path="/login")) is None
    assert location(request(path="/login", query="next=/a")) is None
    assert location(request(path="/login", mount="/app"), login_url="/app/login") is None


@pytest.mark.parametrize(
    ("error", "redirects"),
    [
        (ENDED, True),
        (SuperTokensTokenTheftError("handle", "user"), True),
        (SuperTokensTryRefreshTokenError("expired", reason="expired"), True),
        (SuperTokensCrossOriginError(), False),
    ],
)
def test_what_is_sent_to_log_in(error: Exception, redirects: bool) -> None:
    assert (location(request(), error) is not None) is redirects
    assert location(request(), error, login_url=None) is None


def test_an_expired_token_is_not_sent_to_log_in_where_a_library_refreshes() -> None:
    expired = SuperTokensTryRefreshTokenError("expired", reason="expired")
    assert redirect_for(expired, request(), "/login", server_renews=False) is None


def test_a_request_that_came_too_late_is_sent_to_itself_once() -> None:
    late = SuperTokensUnauthorisedError("late", reason="replaced", this_request_only=True)
    first = location(request(query="a=1"), late)
    assert first == "/notes?a=1&supertokens-again=1"
    assert location(request(query="a=1&supertokens-again=1"), late) is None
    assert location(request(), late, login_url=None) == "/notes?supertokens-again=1"
    assert location(request("POST"), late) is None, "a form cannot be sent again"
    assert location(request(path="//evil.example"), late) in (None, "/%2Fevil.example?supertokens-again=1")
    assert location(request(query="supertokens-again=1&a=1")) == "/login?next=%2Fnotes%3Fa%3D1", "the mark is not kept"


@pytest.mark.parametrize(
    ("headers", "navigates"),
    [
        ({"sec_fetch_mode": "navigate"}, True),
        ({"sec_fetch_mode": "cors", "accept": "text/html"}, False),
        ({"sec_fetch_mode": "no-cors"}, False),
        ({"sec_fetch_mode": "", "accept": "text/html,*/*"}, True),
        ({"sec_fetch_mode": "", "accept": "*/*"}, False),
        ({"sec_fetch_mode": ""}, False),
        ({"sec_fetch_mode": "", "accept": "text/html", "x_requested_with": "XMLHttpRequest"}, False),
        ({"st_auth_mode": "cookie"}, False),
        ({"supertokens_sdk_name": "website"}, False),
    ],
)
def test_a_navigation_is_told_from_the_call_of_a_script(headers: dict[str, str], navigates: bool) -> None:
    assert is_navigation(request(**headers)) is navigates
