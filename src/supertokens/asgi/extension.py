# SPDX-License-Identifier: Apache-2.0
"""`SuperTokens(app)` for any ASGI application, and the ready-made routes."""

from __future__ import annotations

from typing import Final, Unpack

from supertokens.asgi.answers import send_answer
from supertokens.asgi.requests import ASGIApp, Receive, Scope, Send
from supertokens.asgi.stored_sessions import SessionsByName
from supertokens.asgi.threads import Threads
from supertokens.asgi.verbs import run_route
from supertokens.asgi.wrapper import Sessions
from supertokens.config import Config, Options
from supertokens.core import Core
from supertokens.default_database import home_of_caller
from supertokens.topology import edge_of_app
from supertokens.transport import from_asgi, may_be_ready_route, ready_route_for, ready_routes, require_log_in_path

__all__ = ["MAX_WAITING", "THREADS", "SuperTokens"]

THREADS: Final = 8
MAX_WAITING: Final = 512


class SuperTokens(SessionsByName):
    """An ASGI application with sessions: `application = SuperTokens(app)`. Options are the keys of `Config`, by name.

    `core`: used instead of the one that the configuration describes. `routes`: handle the ready-made routes: the
    refresh API, sign-out, and the public keys. `threads`: how many calls may use the store, or the core, at a time; at
    most `max_waiting` requests wait for a thread, and further ones get a 503. The store is opened on first use, and
    closed at the end of the lifespan.

    Raise ConfigError if the configuration is invalid.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        core: Core | None = None,
        routes: bool = False,
        threads: int = THREADS,
        max_waiting: int = MAX_WAITING,
        **options: Unpack[Options],
    ) -> None:
        edge = edge_of_app(self, options, core, home_of_caller())
        require_log_in_path(edge.config)
        self._sessions = Sessions(edge, Threads(threads, max_waiting), owns_core=core is None)
        self._application = self._sessions.around(_with_routes(app, edge.config) if routes else app)

    @property
    def core(self) -> Core:
        """The core, opened on first use: do not read it on an event loop before that."""
        return self._sessions.core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)


def _with_routes(app: ASGIApp, config: Config) -> ASGIApp:
    routes = ready_routes(config)

    async def with_routes(scope: Scope, receive: Receive, send: Send) -> None:
        is_http = scope["type"] == "http"
        may_be_one = is_http and may_be_ready_route(scope.get("method") or "", scope.get("path") or "")
        route = ready_route_for(from_asgi(scope), routes) if may_be_one else None
        if route is None:
            await app(scope, receive, send)
            return
        await send_answer(await run_route(scope, route), send)

    return with_routes
