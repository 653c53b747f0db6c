# SPDX-License-Identifier: Apache-2.0
"""A request is the same value whichever interface it came by."""

from __future__ import annotations

from typing import Any

import pytest

from supertokens.transport.request import NO_REQUEST, Dialect, Target, from_asgi, from_wsgi

from .site import MakeRequest


def asgi_scope(*headers: tuple[bytes, bytes], **members: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": list(headers), **members}


def wsgi_environ(**members: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http", **members}


# Headers


@pytest.mark.parametrize(
    ("headers", "dialect"),
    [
        ({}, Dialect.PLAIN),
        ({"supertokens-sdk-name": "website"}, Dialect.LEGACY),
        ({"Supertokens-SDK-Name": ""}, Dialect.LEGACY),
        ({"st-auth-mode": "cookie"}, Dialect.MODERN),
        ({"St-Auth-Mode": "header"}, Dialect.MODERN),
        ({"st-auth-mode": ""}, Dialect.MODERN),
        ({"st-auth-mode": "cookie", "supertokens-sdk-name": "website"}, Dialect.MODERN),
        ({"rid": "anti-csrf", "fdi-version": "1.19"}, Dialect.PLAIN),
    ],
)
def test_the_dialect_is_told_by_the_headers_that_libraries_send(
    make_request: MakeRequest, headers: dict[str, str], dialect: Dialect
) -> None:
    assert make_request("GET", "/", headers).dialect is dialect


def test_headers_are_found_by_their_names_in_lower_case_and_are_none_where_absent(make_request: MakeRequest) -> None:
    request = make_request("PATCH", "/", {"Anti-CSRF": "a", "User-Agent": "Firefox", "X-One-Two": "3", "Cookie": "c=1"})
    assert request.method == "PATCH"
    assert (request.anti_csrf_token, request.user_agent, request.cookies) == ("a", "Firefox", "c=1")
    assert (request.header("x-one-two"), request.header("x-absent")) == ("3", None)
    assert {"anti-csrf", "user-agent", "x-one-two", "cookie"} <= set(request.header_names())


def test_a_request_with_nothing_in_it_has_no_values(make_request: MakeRequest) -> None:
    request = make_request("GET", "/", peer=None, server="")
    assert (request.cookies, request.host, request.peer) == ("", "", "")
    assert (request.anti_csrf_token, request.user_agent, request.bearer_text) == (None, None, None)


def test_without_a_host_header_the_servers_own_name_counts(make_request: MakeRequest) -> None:
    assert make_request("GET", "/", {"Host": "example.com:8000"}, server="localhost").host == "example.com:8000"
    assert make_request("GET", "/", {}, server="localhost").host == "localhost"


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Bearer a.b.c", "a.b.c"),
        ("bearer a.b.c", "a.b.c"),
        ("BEARER   a.b.c \t", "a.b.c"),
        ("Bearer a b", "a b"),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        ("Basic a.b.c", None),
        ("Bearera.b.c", None),
        ("a.b.c", None),
        ("Bearer \x85a", "\x85a"),
    ],
)
def test_a_bearer_token_is_what_follows_the_scheme(make_request: MakeRequest, header: str, text: str | None) -> None:
    assert make_request("GET", "/", {"Authorization": header}).bearer_text == text


@pytest.mark.parametrize(
    ("mode", "header_mode", "cookies"),
    [(None, False, False), ("header", True, False), ("HEADER", True, False), ("cookie", False, True),
     ("Cookie", False, True), ("", False, False), ("any", False, False)],
)  # fmt: skip
def test_a_library_says_in_which_mode_it_is(
    make_request: MakeRequest, mode: str | None, header_mode: bool, cookies: bool
) -> None:
    request = make_request("GET", "/", {} if mode is None else {"st-auth-mode": mode})
    assert (request.wants_header_mode, request.prefers_cookies) == (header_mode, cookies)


def test_a_cookie_header_that_came_in_pieces_is_put_together() -> None:
    """RFC 9113, 8.2.3: over HTTP/2 each pair may be a field of its own."""
    request = from_asgi(asgi_scope((b"cookie", b"a=1"), (b"Cookie", b"b=2; c=3")))
    assert request.cookies == "a=1; b=2; c=3"


def test_a_header_that_came_twice_is_a_list() -> None:
    """RFC 9110, 5.3."""
    request = from_asgi(asgi_scope((b"X-Forwarded-For", b"192.0.2.1"), (b"x-forwarded-for", b"192.0.2.2")))
    assert request.header("x-forwarded-for") == "192.0.2.1,192.0.2.2"


def test_bytes_that_are_no_ascii_do_no_harm() -> None:
    request = from_asgi(asgi_scope((b"cookie", b"\xa0a=\xff"), (b"authorization", b"Bearer \xe9\x85")))
    assert (request.cookies, request.bearer_text) == ("\xa0a=\xff", "\xe9\x85")


# Where it goes


def test_a_request_knows_its_mount_point_and_its_path_below_it(make_request: MakeRequest) -> None:
    request = make_request("GET", "/me", scheme="https", mount="/app")
    assert request.target == Target("https", "/app", "/me")


def test_a_mount_point_and_a_path_are_unicode_text(make_request: MakeRequest) -> None:
    """PEP 3333 has the bytes as if they were Latin-1; ASGI decodes them."""
    request = make_request("GET", "/über", mount="/café")
    assert request.target == Target("http", "/café", "/über")


def test_bytes_in_a_path_that_are_no_utf_8_are_no_error() -> None:
    target = from_wsgi(wsgi_environ(SCRIPT_NAME="/caf\xe9", PATH_INFO="/\xff")).target
    assert target == Target("http", "/caf\ufffd", "/\ufffd")


@pytest.mark.parametrize(
    ("root_path", "path", "target"),
    [
        ("/app", "/app/me", Target("http", "/app", "/me")),
        ("/app", "/me", Target("http", "/app", "/me")),
        ("/app", "/app", Target("http", "/app", "")),
        ("/app", "/apple", Target("http", "/app", "/apple")),
        ("", "/me", Target("http", "", "/me")),
    ],
)
def test_asgi_servers_may_give_the_path_with_or_without_the_mount_point(
    root_path: str, path: str, target: Target
) -> None:
    assert from_asgi(asgi_scope(root_path=root_path, path=path)).target == target


@pytest.mark.parametrize(("scheme", "seen"), [("ws", "http"), ("wss", "https"), ("https", "https")])
def test_a_websockets_handshake_is_a_get_of_the_scheme_below_it(scheme: str, seen: str) -> None:
    scope = asgi_scope(scheme=scheme, type="websocket")
    del scope["method"]
    request = from_asgi(scope)
    assert (request.method, request.target.scheme) == ("GET", seen)


@pytest.mark.parametrize(
    ("path", "mount", "asked", "is_it"),
    [
        ("/session/refresh", "", "/session/refresh", True),
        ("/session/refresh/", "", "/session/refresh", True),
        ("/session/refresh", "", "/session/refresh/", True),
        ("/session/refreshed", "", "/session/refresh", False),
        ("/session", "", "/session/refresh", False),
        ("/Session/refresh", "", "/session/refresh", False),
        ("/session/refresh", "/app", "/session/refresh", True),
        ("/session/refresh", "/app", "/app/session/refresh", True),
        ("/session/refresh/", "/app", "/app/session/refresh/", True),
        ("/session/refresh", "/app", "/other/session/refresh", False),
        ("/app/session/refresh", "/app", "/session/refresh", False),
        ("/erneuern/ü", "/café", "/café/erneuern/ü", True),
    ],
)
def test_a_request_is_for_a_path_with_or_without_a_slash_at_the_end_and_the_mount_point(
    make_request: MakeRequest, path: str, mount: str, asked: str, is_it: bool
) -> None:
    assert make_request("POST", path, mount=mount).is_for(asked) is is_it


# How it came


@pytest.mark.parametrize(
    ("scheme", "headers", "in_the_clear"),
    [
        ("http", {}, True),
        ("https", {}, False),
        ("http", {"x-forwarded-proto": "https"}, False),
        ("http", {"x-forwarded-proto": "http"}, True),
        ("http", {"forwarded": "for=192.0.2.1;proto=HTTPS"}, False),
        ("http", {"forwarded": "for=192.0.2.1"}, True),
    ],
)
def test_a_browser_used_plain_http_unless_something_says_https(
    make_request: MakeRequest, scheme: str, headers: dict[str, str], in_the_clear: bool
) -> None:
    assert make_request("GET", "/", headers, scheme=scheme).arrived_in_the_clear is in_the_clear


def test_what_a_middleware_corrects_in_the_environment_counts() -> None:
    environ = wsgi_environ(SERVER_NAME="localhost", REMOTE_ADDR="127.0.0.1")
    request = from_wsgi(environ)
    environ |= {
        "HTTP_HOST": "example.com",
        "wsgi.url_scheme": "https",
        "SCRIPT_NAME": "/app",
        "REMOTE_ADDR": "192.0.2.1",
    }
    assert (request.host, request.peer, request.target) == ("example.com", "192.0.2.1", Target("https", "/app", "/"))


def test_a_request_of_no_interface_answers_nothing() -> None:
    request = NO_REQUEST
    for ask in (lambda: request.header("x"), request.header_names, *(
        (lambda name=name: getattr(request, name)) for name in ("target", "host", "peer")
    )):  # fmt: skip
        with pytest.raises(NotImplementedError):
            ask()
