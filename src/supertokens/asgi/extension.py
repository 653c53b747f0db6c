# SPDX-License-Identifier: Apache-2.0
"""`SuperTokens(app)` for any ASGI application, and the ready-made routes."""

from __future__ import annotations

from typing import Final, Unpack

from supertokens.asgi.answers import json_answer, redirect_answer, send_answer
from supertokens.asgi.requests import ASGIApp, Receive, Scope, Send
from supertokens.asgi.stored_sessions import SessionsByName
from supertokens.asgi.threads import Threads
from supertokens.asgi.verbs import run_route
from supertokens.asgi.wrapper import Sessions
from supertokens.config import Config, ConfigError, Options
from supertokens.core import Core
from supertokens.default_database import home_of_caller
from supertokens.topology import edge_of_app
from supertokens.transport import from_asgi, ready_routes

__all__ = ["MAX_WAITING", "THREADS", "SuperTokens"]

THREADS: Final = 8
MAX_WAITING: Final = 512


class SuperTokens(SessionsByName):
    """An ASGI application with sessions: `application = SuperTokens(app)`. Options are the keys of `Config`, by name.

    `core`: another than the configuration asks for. `routes`: answer the refresh API and a sign-out route. `threads`:
    how many ask the store, or the core, at one time; no more than `max_waiting` requests wait for one, and those beyond
    are answered with 503. The store is opened on first use, and closed at the end of the lifespan.

    Raise ConfigError for settings that cannot be used.
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
        if edge.config.login_url is not None and not edge.config.login_url.startswith("/"):
            raise ConfigError("'login_url' has to be a path here, beginning with a slash", "login_url")
        self._sessions = Sessions(edge, Threads(threads, max_waiting), owns_core=core is None)
        self._application = self._sessions.around(_with_routes(app, edge.config) if routes else app)

    @property
    def core(self) -> Core:
        """The core, opened on first use: not to be asked for on an event loop before that."""
        return self._sessions.core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)


def _with_routes(app: ASGIApp, config: Config) -> ASGIApp:
    routes = ready_routes(config)

    async def with_routes(scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http" and scope.get("method") == "POST":
            request = from_asgi(scope)
            found = next((route for route in routes if request.is_for(route.path)), None)
        if found is None:
            await app(scope, receive, send)
            return
        location = await run_route(scope, found)
        await send_answer(json_answer(200, {"status": "OK"}) if location is None else redirect_answer(location), send)

    return with_routes
