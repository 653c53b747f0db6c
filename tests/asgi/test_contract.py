# SPDX-License-Identifier: Apache-2.0
"""A plain ASGI application shows what every integration has to, with the core in the app and with a real service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from supertokens.asgi import (
    ANSWERED,
    SuperTokens,
    answer_for,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    sign_out,
    verify_session,
)
from supertokens.asgi.requests import ASGIApp, Receive, Scope, Send
from supertokens.core import Core
from supertokens.remote.calls import Calls
from supertokens.testing import FakeClock, IntegrationContract
from supertokens.testing.integration import (
    Act,
    Call,
    Create,
    Current,
    Get,
    MakeSite,
    NewResponse,
    Page,
    Refresh,
    Reply,
    RevokeHandle,
    RevokeSession,
    RevokeUser,
    Script,
    SignOut,
    Stream,
    UpdatePayload,
    run_async,
    run_in_pieces_async,
)

from .calling import call, http_scope, reply_of

Answered = tuple[int, list[tuple[str, str]], str | AsyncIterator[str]]


class AsgiSite:
    """A framework of a few lines: pages by path, a hook, and 500 for what it does not know."""

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop, pages: Sequence[Page], after: Any) -> None:
        self.core = core
        self.loop = loop
        self.pages = {page.path: page for page in pages}
        self.after = after
        self.sessions: SuperTokens
        self.app: ASGIApp

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], *, mount: str = "", scheme: str = "http"
    ) -> Reply:
        return self.loop.run_until_complete(self.awaited(http_scope(method, path, headers, mount=mount, scheme=scheme)))

    async def awaited(self, scope: Scope) -> Reply:
        return reply_of(await call(self.app, scope))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        perform = self.performer(scope)
        try:
            status, headers, body = await self.view(scope, perform)
        except ANSWERED as error:
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

    def performer(self, scope: Scope) -> Callable[[Act], Awaitable[Any]]:
        async def perform(act: Act) -> Any:
            """Do what a script asks for. A response that a verb is given is none of ASGI's affairs."""
            match act:
                case Create(user_id, jwt_payload, session_data):
                    return await create_new_session(scope, user_id, jwt_payload, session_data)
                case Get(check_anti_csrf):
                    return await get_session(scope, check_anti_csrf)
                case Refresh():
                    return await refresh_session(scope)
                case Current():
                    return current_session(scope)
                case SignOut():
                    return await sign_out(scope)
                case RevokeHandle(handle):
                    return await self.sessions.revoke_session(handle)
                case RevokeUser(user_id):
                    return await self.sessions.revoke_all_sessions_for_user(user_id)
                case UpdatePayload(session, jwt_payload):
                    return await session.update_jwt_payload(jwt_payload)
                case RevokeSession(session):
                    return await session.revoke_session()
                case NewResponse():
                    return act
                case Call(method, path, headers):
                    return await self.awaited(http_scope(method, path, headers))

        return perform


class TestAsgi(IntegrationContract):
    @pytest.fixture(autouse=True)
    def no_service_is_asked_on_the_event_loop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As the store in the app looks after itself."""
        send = Calls._send

        def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
            assert asyncio._get_running_loop() is None, "a service was asked on the event loop"
            return send(self, *args, **kwargs)

        monkeypatch.setattr(Calls, "_send", checked)

    @pytest.fixture
    def loop(self) -> Iterator[asyncio.AbstractEventLoop]:
        with asyncio.Runner() as runner:
            yield runner.get_loop()

    @pytest.fixture
    def make_site(
        self,
        make_core: Callable[..., tuple[Core, Any]],
        clock: FakeClock,
        loop: asyncio.AbstractEventLoop,
    ) -> Iterator[MakeSite]:
        made: list[SuperTokens] = []

        def make(*pages: Page, after: Callable[[], Script] | None = None, **options: Any) -> AsgiSite:
            core, of_app = make_core(**options)
            site = AsgiSite(core, loop, pages, after)
            site.app = site.sessions = SuperTokens(site.answer, core=core, threads=1, **of_app)
            made.append(site.sessions)
            return site

        yield make
        for sessions in made:
            loop.run_until_complete(sessions.close())
