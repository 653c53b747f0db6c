# SPDX-License-Identifier: Apache-2.0
"""The acts of `IntegrationContract` in the words of `supertokens.asgi`, which frameworks on it share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from supertokens.asgi import (
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    sign_out,
)
from supertokens.asgi.requests import ASGIApp, Connection, Message, Receive, Scope, Send
from supertokens.asgi.stored_sessions import SessionsByName
from supertokens.core import Core
from supertokens.testing.integration import (
    Act,
    Create,
    Current,
    Get,
    MakeSite,
    NestedRequest,
    NewResponse,
    Page,
    Refresh,
    Response,
    RevokeHandle,
    RevokeSession,
    RevokeUser,
    Script,
    SignOut,
    UpdatePayload,
    run_async,
)

from .calling import call, http_scope, reply_of

__all__ = ["After", "AsgiSite", "Hook", "performer", "sites_on_one_loop"]

Respond = Callable[[NewResponse], Any]
After = Callable[[], Script] | None
"""What a hook does when a view has answered."""


class AsgiSite:
    """An application on a loop of its own. `app` and `sessions` are set by who makes it."""

    app: ASGIApp
    sessions: SessionsByName

    def __init__(self, core: Core, loop: asyncio.AbstractEventLoop) -> None:
        self.core = core
        self.loop = loop

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], *, mount: str = "", scheme: str = "http"
    ) -> Response:
        scope = http_scope(method, path, headers, mount=mount, scheme=scheme)
        return self.loop.run_until_complete(self.awaited(scope))

    async def awaited(self, scope: Scope) -> Response:
        sent: list[Message] = []
        with suppress(ZeroDivisionError):  # a server logs what an application raises when it has answered
            await call(self.app, scope, sent=sent)
        return reply_of(sent)


def performer(site: AsgiSite, connection: Connection, respond: Respond) -> Callable[[Act], Awaitable[Any]]:
    """Return what does an act in a view. A response that a verb is given is none of its affairs."""

    async def perform(act: Act) -> Any:
        match act:
            case Create(user_id, jwt_payload, session_data):
                return await create_new_session(connection, user_id, jwt_payload, session_data)
            case Get(check_anti_csrf):
                return await get_session(connection, check_anti_csrf)
            case Refresh():
                return await refresh_session(connection)
            case Current():
                return current_session(connection)
            case SignOut():
                return await sign_out(connection)
            case RevokeHandle(handle):
                return await site.sessions.revoke_session(handle)
            case RevokeUser(user_id):
                return await site.sessions.revoke_all_sessions_for_user(user_id)
            case UpdatePayload(session, jwt_payload):
                return await session.update_jwt_payload(jwt_payload)
            case RevokeSession(session):
                return await session.revoke_session()
            case NewResponse():
                return respond(act)
            case NestedRequest(method, path, headers):
                return await site.awaited(http_scope(method, path, headers))

    return perform


class Hook:
    """A middleware of an application: it looks at the session when the view has answered, before the headers leave."""

    def __init__(self, app: ASGIApp, site: AsgiSite, after: Callable[[], Script]) -> None:
        self.app = app
        self.site = site
        self.after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                await run_async(self.after(), performer(self.site, scope, lambda act: act))
            await send(message)

        await self.app(scope, receive, sending)


@contextmanager
def sites_on_one_loop(
    make_core: Callable[..., tuple[Core, Any]], give_app: Callable[[AsgiSite, tuple[Page, ...], After, Any], None]
) -> Iterator[MakeSite]:
    """Give what makes sites, which are let go of at the end.

    `give_app`: gives a site its `app`, of some pages and a hook, and its `sessions`, with the options of an app.
    """
    sites: list[AsgiSite] = []
    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        def make(*pages: Page, after: After = None, **options: Any) -> AsgiSite:
            core, of_app = make_core(**options)
            site = AsgiSite(core, loop)
            give_app(site, pages, after, of_app)
            sites.append(site)
            return site

        yield make
        for site in sites:
            loop.run_until_complete(site.sessions.close())
