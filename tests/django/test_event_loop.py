# SPDX-License-Identifier: Apache-2.0
"""Nothing of ours waits on the event loop of an asynchronous project, however long the store takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from supertokens.django import ProtectedRequest, acreate_new_session, session_required
from supertokens.django.sessions import sessions_of_project
from supertokens.testing.integration import Response
from tests.asgi.calling import call, http_scope, reply_of
from tests.asgi.still import StillStore

from .conftest import Project
from .project import MIDDLEWARE
from .sites import in_lower_case

REFRESHES = 200
MAX_S = 0.5


async def log_in(request: HttpRequest) -> HttpResponse:
    await acreate_new_session(request, "ada")
    return HttpResponse("in")


@session_required
async def me(request: ProtectedRequest) -> HttpResponse:
    return HttpResponse(request.supertokens.get_user_id())


async def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("plain")


VIEWS: dict[str, Callable[..., Any]] = {"/login": log_in, "/me": me, "/plain": plain}


def cookies_of(reply: Response) -> list[tuple[str, str]]:
    pairs = "; ".join(f"{name}={value}" for name, value in reply.set_cookies.items())
    return [("Host", "localhost"), ("Cookie", pairs)]


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def test_what_asks_no_store_is_answered_while_many_wait_for_it_and_too_many_are_told(
    project: Project, store: StillStore
) -> None:
    project(VIEWS, routes=True)
    given = sessions_of_project().current().given
    assert isinstance(given, dict)

    async def ask(method: str, path: str, headers: list[tuple[str, str]]) -> Response:
        return reply_of([in_lower_case(each) for each in await call(handler, http_scope(method, path, headers))])

    async def walk() -> None:
        known = cookies_of(await ask("POST", "/login", [("Host", "localhost")]))
        store.stop()
        waiting = [asyncio.create_task(ask("POST", "/session/refresh", known)) for _ in range(REFRESHES)]
        await until(lambda: store.waiting == 4)
        for path, text in (("/plain", "plain"), ("/me", "ada")) * 10:
            begun = time.monotonic()
            assert (await ask("GET", path, known)).text == text
            assert time.monotonic() - begun < MAX_S
        store.go_on()
        statuses = [(await each).status for each in waiting]
        assert (statuses.count(503), statuses.count(200)) == (REFRESHES - 104, 104)

    with override_settings(SUPERTOKENS={**given, "threads": 4, "max_waiting": 100}, MIDDLEWARE=MIDDLEWARE):
        handler = ASGIHandler()
        asyncio.run(walk())
