# SPDX-License-Identifier: Apache-2.0
"""Scopes as attackers, odd servers and other middleware make them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from supertokens.asgi import check_origin, create_new_session, get_session, next_url, sign_out, verify_session
from supertokens.asgi.requests import Receive, Scope, Send
from supertokens.testing.integration import Response

from .calling import call, http_scope, reply_of, responding
from .conftest import Around


async def view(scope: Scope) -> str:
    if scope.get("path") == "/login":
        check_origin(scope)
        return (await create_new_session(scope, "ada")).get_user_id()
    if scope.get("path") == "/out":
        return str(len(await sign_out(scope)))
    return (await verify_session(scope)).get_user_id()


def replied(around: Around, *scopes: Scope, **options: Any) -> list[Response]:
    sessions = around(responding(view), **options)

    async def main() -> list[Response]:
        try:
            return [reply_of(await call(sessions, scope)) for scope in scopes]
        finally:
            await sessions.close()

    return asyncio.run(main())


def token_of(around: Around, user: str = "ada") -> str:
    core = around(responding(view)).core
    return core.create_session(user, {}, {}, anti_csrf=False).access_token.text


@pytest.mark.parametrize("missing", ["headers", "path", "method", "scheme", "root_path", "query_string", "client",
                                     "server", "raw_path", "http_version", "asgi"])  # fmt: skip
def test_a_missing_key_is_no_error(around: Around, missing: str) -> None:
    for path in ("/me", "/login", "/out"):
        scope = http_scope("POST", path)
        del scope[missing]
        (reply,) = replied(around, scope)
        assert reply.status in (200, 401)


@pytest.mark.parametrize("key", ["headers", "root_path", "query_string", "client", "server", "scheme"])
def test_a_key_that_is_none_is_no_error(around: Around, key: str) -> None:
    for path in ("/me", "/login", "/out"):
        (reply,) = replied(around, {**http_scope("POST", path), key: None})
        assert reply.status in (200, 401)


NAMES = (
    b"cookie", b"Cookie", b"authorization", b"user-agent", b"st-auth-mode", b"anti-csrf", b"host", b"origin",
    b"\xff\xfe", b"", b"content-length", b"sec-fetch-site",
)  # fmt: skip
VALUES = (
    b"", b"\xff\x00\x85\xa0", b"Bearer \xc3\xa9", b"sAccessToken=\xff; sAccessToken=\x00", b"=;;=", b"a" * 70_000,
    "ä€𝄞".encode(),
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_bytes_in_a_header_are_an_error_of_the_server(around: Around, name: bytes, value: bytes) -> None:
    for path in ("/me", "/login", "/out"):
        once, twice = ({**http_scope("POST", path), "headers": [(name, value)] * count} for count in (1, 2))
        for reply in replied(around, once, twice):
            assert reply.status in (200, 401, 403)


def test_a_cookie_header_that_http2_has_split_is_one(around: Around) -> None:
    token = token_of(around)
    split = http_scope("GET", "/me", [("cookie", "a=1"), ("cookie", f"sAccessToken={token}"), ("cookie", "b=2")])
    assert [reply.text for reply in replied(around, split)] == ["ada"]


def test_one_users_token_beside_anothers_is_refused_however_it_is_sent(around: Around) -> None:
    tokens = [token_of(around, user) for user in ("ada", "bob")]
    cookies = [("cookie", f"sAccessToken={token}") for token in tokens]
    for reply in replied(around, http_scope("GET", "/me", cookies), http_scope("GET", "/me", cookies[::-1])):
        assert (reply.status, reply.touches_cookies) == (401, False)


def test_two_authorization_headers_are_no_token(around: Around) -> None:
    token = token_of(around)
    twice = http_scope("GET", "/me", [("authorization", f"Bearer {token}")] * 2)
    assert [reply.status for reply in replied(around, twice)] == [401]


def test_names_of_headers_that_a_server_has_left_in_capitals_count(around: Around) -> None:
    token = token_of(around)
    scope = {**http_scope("GET", "/me"), "headers": ((b"COOKIE", f"sAccessToken={token}".encode()),)}
    assert [reply.text for reply in replied(around, scope)] == ["ada"]


def test_two_origins_are_not_one_of_ours(around: Around) -> None:
    forms = [[("host", "a.example"), ("origin", "https://a.example"), ("origin", "https://evil.example")],
             [("host", "a.example"), ("origin", "https://evil.example"), ("origin", "https://a.example")],
             [("host", "a.example"), ("host", "evil.example"), ("origin", "https://evil.example")]]  # fmt: skip
    replies = replied(around, *(http_scope("POST", "/login", form) for form in forms))
    assert [(reply.status, reply.touches_cookies) for reply in replies] == [(403, False)] * 3


@pytest.mark.parametrize("path", ["/session/refresh", "/session/refresh/", "/site/session/refresh"])
def test_the_refresh_route_is_found_below_a_mount_point_and_with_a_slash(around: Around, path: str) -> None:
    scope = {**http_scope("POST", path), "root_path": "/site" if path.startswith("/site") else ""}
    (reply,) = replied(around, scope, routes=True)
    assert (reply.status, reply.header("front-token")) == (401, "remove")


ODD_PATHS = (
    "//session/refresh", "/session/refresh;x", "/session/refresh/../x", "/SESSION/REFRESH", "/session%2Frefresh",
    "session/refresh", "", "/session/refresh\x00",
)  # fmt: skip


@pytest.mark.parametrize("path", ODD_PATHS)
def test_no_odd_path_is_taken_for_the_refresh_route(around: Around, path: str) -> None:
    (reply,) = replied(around, {**http_scope("POST", "/"), "path": path}, routes=True)
    assert (reply.status, reply.header("front-token")) == (401, None), "the view has answered"


def test_the_ready_made_routes_refresh_and_sign_out(around: Around) -> None:
    core = around(responding(view)).core
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    cookie = ("Cookie", f"sAccessToken={issued.access_token.text}; sRefreshToken={issued.refresh_token.text}")
    foreign = ("Origin", "https://evil.example")
    options = {"routes": True, "anti_csrf": "origin"}
    refused, refreshed, again, out = replied(
        around,
        http_scope("POST", "/session/refresh", [cookie, foreign]),
        http_scope("POST", "/session/refresh", [cookie]),
        http_scope("POST", "/signout", [cookie, foreign]),
        http_scope("POST", "/signout", [cookie, ("Sec-Fetch-Mode", "navigate")], mount="/site"),
        **options,
    )
    assert (refused.status, again.status) == (403, 403)
    assert (refreshed.text, refreshed.status) == ('{"status": "OK"}', 200)
    assert refreshed.set_cookies
    assert (out.status, out.header("location")) == (303, "/site")
    assert out.deleted_cookies
    assert core.session_handles("ada") == []


def test_the_ready_made_route_for_keys_is_for_every_cache_and_every_mount_point(around: Around) -> None:
    for mount in ("", "/site"):
        (found, other) = replied(
            around,
            http_scope("GET", "/auth/jwt/jwks.json", mount=mount),
            http_scope("GET", "/jwt/jwks.json", mount=mount),
            routes=True,
            api_base_path="/auth",
        )
        assert found.status == 200
        keys = json.loads(found.text)["keys"]
        assert {(key["kty"], key["use"], key["alg"]) for key in keys} == {("RSA", "sig", "RS256")}
        assert (found.header("vary"), (found.header("cache-control") or "").partition("=")[0]) == (None, "max-age")
        assert other.status == 401, "that is the application's"


def test_a_cookie_that_the_view_sets_under_a_sessions_name_is_not_sent_beside_it(around: Around) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await create_new_session(scope, "ada")
        headers = [(b"set-cookie", b"sAccessToken=its-own; Path=/"), (b"set-cookie", b"theme=dark")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    sessions = around(app)

    async def main() -> Response:
        reply = reply_of(await call(sessions, http_scope("POST", "/login")))
        await sessions.close()
        return reply

    set_cookies = [value for name, value in asyncio.run(main()).headers if name == "set-cookie"]
    assert [each.partition("=")[0] for each in set_cookies].count("sAccessToken") == 1
    assert "its-own" not in str(set_cookies)
    assert "theme=dark" in set_cookies


def test_a_navigation_without_a_session_is_sent_to_log_in_and_back(around: Around) -> None:
    page = http_scope("GET", "/notes?page=2", [("Sec-Fetch-Mode", "navigate")], mount="/site")
    script = http_scope("GET", "/notes", [("Sec-Fetch-Mode", "cors")])
    to_log_in, refused = replied(around, page, script, login_url="/login")
    assert (to_log_in.status, to_log_in.header("location")) == (303, "/site/login?next=%2Fsite%2Fnotes%3Fpage%3D2")
    assert refused.status == 401


def test_a_mount_point_of_any_name_is_sent_in_ascii(around: Around) -> None:
    navigation = [("Sec-Fetch-Mode", "navigate")]
    page = {**http_scope("GET", "/", navigation), "path": "/日/x", "root_path": "/日"}
    form = {**http_scope("POST", "/", navigation), "path": "/日/signout", "root_path": "/日"}
    to_log_in, out = replied(around, page, form, login_url="/enter", routes=True)
    assert to_log_in.header("location") == "/%E6%97%A5/enter?next=%2F%25E6%2597%25A5%2Fx"
    assert out.header("location") == "/%E6%97%A5"


def test_the_way_back_never_leads_elsewhere() -> None:
    for query, expected in (("next=%2Fnotes", "/notes"), ("next=https%3A%2F%2Fevil.example", "/"), ("", "/"),
                            ("next=%2F%2Fevil.example", "/"), ("next=%5C%5Cevil", "/"), ("next=%FF", "/")):  # fmt: skip
        assert next_url({"query_string": query.encode()}) == expected
    assert next_url({"query_string": b"next=/a"}, form_value="/b") == "/b"
    assert next_url({"query_string": b"next=/a"}, form_value="//evil") == "/"


def test_a_scope_without_sessions_says_what_is_missing() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match=r"SuperTokens\(app\) has to wrap"):
            await get_session(http_scope(), False)

    asyncio.run(main())
