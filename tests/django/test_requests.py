# SPDX-License-Identifier: Apache-2.0
"""The request as the rules see it, whatever a client, a proxy or a setting makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import Any, cast

import django
import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.test import RequestFactory, override_settings

from supertokens.django import SuperTokensMiddleware
from supertokens.django.requests import DjangoRequest, ProxiedRequest, request_of
from supertokens.django.sessions import sessions_of_project
from supertokens.transport import Request, RequestSession
from tests.asgi.calling import http_scope

from .conftest import Project
from .sites import AsgiSite
from .views import OURS, ame, log_in, me

VIEWS: dict[str, Any] = {"/login": log_in, "/me": me, "/ame": ame}


def in_wsgi(path: str, headers: dict[str, str]) -> HttpRequest:
    return RequestFactory().post(path, headers=headers, HTTP_HOST="testserver")


def in_asgi(path: str, headers: dict[str, str]) -> HttpRequest:
    return ASGIRequest(http_scope("POST", path, [("Host", "testserver"), *headers.items()]), BytesIO())


def request_from(made: HttpRequest, *, trusts_proxy: bool) -> Request:
    """Return `made` as the rules see it, which needs nothing of an edge."""
    nothing = cast(Any, None)
    kind = ProxiedRequest if trusts_proxy else DjangoRequest
    return kind(nothing, nothing, RequestSession(nothing), {}).asked_for(made).request


@pytest.mark.parametrize("made_by", [in_wsgi, in_asgi])
def test_a_request_is_what_django_has_made_of_it(made_by: Callable[[str, dict[str, str]], HttpRequest]) -> None:
    headers = {"Cookie": "a=1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.example"}
    made = made_by("/жук", headers)
    asked = request_from(made, trusts_proxy=False)
    assert (asked.method, asked.target.path, asked.cookies, asked.host) == ("POST", "/жук", "a=1", "testserver")
    assert (asked.target.scheme, asked.peer) == ("http", "127.0.0.1")
    made.META["REMOTE_ADDR"] = "192.0.2.1"  # as middleware of a project's own does
    trusting = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"), "USE_X_FORWARDED_HOST": True}
    with override_settings(**trusting):
        behind = request_from(made, trusts_proxy=True)
        assert (behind.target.scheme, behind.host, behind.peer) == ("https", "a.example", "192.0.2.1")
    if made_by is in_asgi and django.VERSION < (5, 2):
        return  # which does not heed FORCE_SCRIPT_NAME there
    with override_settings(FORCE_SCRIPT_NAME="/site"):
        below = request_from(made_by("/site/me" if made_by is in_asgi else "/me", {}), trusts_proxy=False)
        assert (below.target.mount, below.target.path) == ("/site", "/me")


def test_an_origin_behind_a_trusted_proxy_is_compared_with_the_host_that_browsers_use(project: Project) -> None:
    client = project(VIEWS, anti_csrf="origin")
    client.post("/login")
    headers = {"Origin": "https://app.example", "X-Forwarded-Host": "app.example"}
    assert client.post("/me", headers=headers).status_code == 403
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert client.post("/me", headers=headers).content == b"ada"


def test_cookies_in_several_headers_are_one_list(project: Project) -> None:
    client = project(VIEWS)
    client.post("/login")
    sessions = sessions_of_project().current()
    with asyncio.Runner() as runner:
        site = AsgiSite(runner.get_loop(), sessions.core, {"threads": 1}, VIEWS)
        cookies = [("Cookie", "theirs=a,b"), ("Cookie", f"sAccessToken={client.cookies['sAccessToken'].value}")]
        for path in ("/me", "/ame"):
            assert site.call("GET", path, [("Host", "localhost"), *cookies, ("Cookie", "c=d")]).text == "ada"


BAD_HEADERS = {
    "empty": {"Cookie": ""},
    "garbage": {"Cookie": "sAccessToken=garbage; sIdRefreshToken=x"},
    "percent": {"Cookie": "sAccessToken=%ff%fe%00; sIdRefreshToken=%00"},
    "no pairs": {"Cookie": ";;; =; sAccessToken"},
    "bytes": {"Cookie": "sAccessToken=\xe9\xff; \xa0sIdRefreshToken=1"},
    "long": {"Cookie": f"sAccessToken={'a' * 60_000}; sIdRefreshToken=1"},
    "many": {"Cookie": "; ".join(["sAccessToken=a.b.c"] * 500)},
    "bearer": {"Authorization": "Bearer a.b.c"},
    "bearer without": {"Authorization": "Bearer "},
    "bearer bytes": {"Authorization": "Bearer \xff\xfe"},
    "other scheme": {"Authorization": "Basic QTpC"},
    "modes": {"st-auth-mode": "\xff", "supertokens-sdk-name": "\xff", "anti-csrf": "\xff" * 1000},
    "agent": {"User-Agent": "\xff\xfe" * 5000},
    "host": {"Host": "a b"},
    "origin": {"Origin": "null"},
}


@pytest.mark.parametrize("name", BAD_HEADERS)
@pytest.mark.parametrize("kind", ["plain", "renewing"])
def test_whatever_a_client_sends_is_refused_and_no_fault_of_ours(project: Project, name: str, kind: str) -> None:
    options: Any = {"renewal": "server"} if kind == "renewing" else {"enable_anti_csrf": True}
    client = project({**VIEWS, "/session/refresh": me}, **options)
    sessions = sessions_of_project().current()
    with asyncio.Runner() as runner:
        site = AsgiSite(runner.get_loop(), sessions.core, {"threads": 1, **options}, {**VIEWS, "/session/refresh": ame})
        for method in ("GET", "POST", "get", "BREW"):
            for path in ("/me", "/ame", "/session/refresh"):
                answered = client.generic(method, path, headers=BAD_HEADERS[name])
                assert answered.status_code in (400, 401, 403), (method, path)
                reply = site.call(method, path, list(BAD_HEADERS[name].items()))
                assert reply.status in (400, 401, 403), (method, path)
                assert not reply.set_cookies


def test_bad_tokens_beside_a_good_one_do_not_log_out(project: Project) -> None:
    client = project(VIEWS)
    client.post("/login")
    good = client.cookies["sAccessToken"].value
    for garbage in ("", "garbage", "a.b.c", "x" * 4000):
        for header in (f"sAccessToken={garbage}; sAccessToken={good}", f"sAccessToken={good}; sAccessToken={garbage}"):
            response = RequestFactory().get("/me", headers={"Cookie": header})
            assert SuperTokensMiddleware(me)(response).content == b"ada"


def test_a_request_that_was_made_by_hand_is_one() -> None:
    with pytest.raises(RuntimeError, match="no sessions"):
        request_of(HttpRequest())
    with pytest.raises(TypeError, match="a request was expected, and this is a str"):
        request_of("me")  # type: ignore[arg-type]
    response = SuperTokensMiddleware(log_in)(HttpRequest())
    assert set(response.cookies) == OURS


def test_scopes_with_odd_members_are_served(project: Project) -> None:
    project(VIEWS)
    sessions = sessions_of_project().current()
    with asyncio.Runner() as runner:
        site = AsgiSite(runner.get_loop(), sessions.core, {"threads": 1}, VIEWS)
        for odd in ({"client": None}, {"server": None}, {"scheme": "https"}, {"root_path": ""}):
            scope = {**http_scope("POST", "/login", [("Host", "localhost")]), **odd}
            assert site.loop.run_until_complete(site.sent(scope)).set_cookies.keys() == OURS, odd
