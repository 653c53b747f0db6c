# SPDX-License-Identifier: Apache-2.0
"""A plain ASGI application shows what every integration has to, with the core in the app and with a real service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from supertokens.asgi import ANSWERED_ERRORS, SuperTokens, answer_for, verify_session
from supertokens.asgi.requests import Receive, Scope, Send
from supertokens.core import Core
from supertokens.testing import FakeClock, IntegrationContract
from supertokens.testing.integration import (
    Act,
    MakeSite,
    NewResponse,
    Page,
    Script,
    Stream,
    run_async,
    run_in_pieces_async,
)

from .performing import After, AsgiSite, performer, sites_on_one_loop

Answered = tuple[int, list[tuple[str, str]], str | AsyncIterator[str]]


class Application:
    """A framework of a few lines: pages by path, a hook, and 500 for what it does not know."""

    def __init__(self, site: AsgiSite, pages: tuple[Page, ...], after: Callable[[], Script] | None) -> None:
        self.site = site
        self.pages = {page.path: page for page in pages}
        self.after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        perform = performer(self.site, scope, lambda act: act)
        try:
            status, headers, body = await self.view(scope, perform)
        except ANSWERED_ERRORS as error:
            answer = answer_for(scope, error)
            status, headers, body = answer.status, list(answer.headers.items()), answer.body.decode()
        except ZeroDivisionError:
            status, headers, body = 500, [], "failed"
        if self.after is not None:
            await run_async(self.after(), perform)
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        if not isinstance(body, str):
            async for piece in body:
                await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
            body = ""
        await send({"type": "http.response.body", "body": body.encode()})

    async def view(self, scope: Scope, perform: Callable[[Act], Awaitable[Any]]) -> Answered:
        page = self.pages[scope["path"][len(scope["root_path"]) :]]
        session = await verify_session(scope) if page.protected else None
        answer = await run_async(page.script(session), perform)
        if isinstance(answer, Stream):
            return 200, [], run_in_pieces_async(answer.script(), perform)
        return (200, list(answer.headers), answer.text) if isinstance(answer, NewResponse) else (200, [], answer)


def give_app(site: AsgiSite, pages: tuple[Page, ...], after: After, of_app: dict[str, Any]) -> None:
    application = Application(site, pages, after)
    site.app = site.sessions = SuperTokens(application, core=site.core, threads=1, **of_app)


class TestAsgi(IntegrationContract):
    @pytest.fixture
    def make_site(
        self, make_core: Callable[..., tuple[Core, Any]], clock: FakeClock, no_service_is_asked_on_the_loop: None
    ) -> Iterator[MakeSite]:
        with sites_on_one_loop(make_core, give_app) as make:
            yield make
