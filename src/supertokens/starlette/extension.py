# SPDX-License-Identifier: Apache-2.0
"""`SuperTokens(app)`: the wrapper of a Starlette application, its error handlers, and the ready-made routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Unpack

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from supertokens.asgi.extension import MAX_WAITING, THREADS
from supertokens.asgi.stored_sessions import SessionsByName
from supertokens.asgi.threads import Threads
from supertokens.asgi.verbs import run_route
from supertokens.asgi.wrapper import Sessions
from supertokens.config import Config, Options
from supertokens.core import Core
from supertokens.default_database import home_of_caller
from supertokens.starlette.handlers import answer_errors, as_response
from supertokens.topology import edge_of_app
from supertokens.transport import ReadyRoute, ready_routes

__all__ = ["SuperTokens"]


class SuperTokens(SessionsByName):
    """The extension of one application: `sessions = SuperTokens(app)`. Options are the keys of `Config`, by name.

    `core`: used instead of the one that the configuration describes. `routes`: give the app the ready-made routes: a
    refresh API, sign-out, and the public keys. `threads`: how many calls may use the store, or the core, at a time; at
    most `max_waiting` requests wait for a thread, and further ones get a 503. The store is opened on first use, and
    closed at the end of the lifespan.

    Raise ConfigError if the configuration is invalid, RuntimeError for an app that already has sessions, or has handled
    requests.
    """

    def __init__(
        self,
        app: Starlette,
        *,
        core: Core | None = None,
        routes: bool = False,
        threads: int = THREADS,
        max_waiting: int = MAX_WAITING,
        **options: Unpack[Options],
    ) -> None:
        if hasattr(app.state, "supertokens"):
            raise RuntimeError("this app already has sessions: call SuperTokens(app) only once")
        if app.middleware_stack is not None:
            raise RuntimeError("this app has answered requests already: call SuperTokens(app) before it is served")
        edge = edge_of_app(self, options, core, home_of_caller())
        self._sessions = Sessions(edge, Threads(threads, max_waiting), owns_core=core is None)
        if routes:
            _add_routes(app, edge.config)
        self._attach(app)
        app.state.supertokens = self

    @property
    def core(self) -> Core:
        """The core, opened on first use: do not read it on an event loop before that."""
        return self._sessions.core

    def _attach(self, app: Starlette) -> None:
        """Wrap all middleware of `app`: the outermost one responds to an error in a view."""
        build = app.build_middleware_stack

        def path_of(name: str) -> str:
            request = self._sessions.current()
            mount = "" if request is None else request.asked().request.target.mount
            return f"{mount}{app.url_path_for(name)}"

        def build_with_sessions() -> ASGIApp:
            answer_errors(app, path_of)
            return self._sessions.around(build())

        app.build_middleware_stack = build_with_sessions  # type: ignore[method-assign]


def _add_routes(app: Starlette, config: Config) -> None:
    app.router.routes += [
        Route(route.path, _endpoint(route), methods=[route.method], name=route.name) for route in ready_routes(config)
    ]


def _endpoint(route: ReadyRoute) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return as_response(await run_route(request, route))

    return endpoint
