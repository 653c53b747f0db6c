# SPDX-License-Identifier: Apache-2.0
"""`SuperTokens(app)` for any WSGI application, and the ready-made routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Unpack

from supertokens.config import Options
from supertokens.core import Core
from supertokens.default_database import home_of_caller
from supertokens.errors import SuperTokensError
from supertokens.topology import edge_of_app
from supertokens.transport import (
    ANSWERED_ERRORS,
    Answer,
    RequestSession,
    SessionEdge,
    StoredSessions,
    answer_of_route,
    answer_to,
    from_wsgi,
    may_be_ready_route,
    ready_route_for,
    ready_routes,
    require_log_in_path,
)
from supertokens.wsgi.requests import CURRENT, ENVIRON_KEY, Environ, StartResponse, WSGIApp, WsgiRequest

__all__ = ["SuperTokens"]


class SuperTokens(StoredSessions):
    """A WSGI application with sessions: `application = SuperTokens(app)`. Options are the keys of `Config`, by name.

    `core`: used instead of the one that the configuration describes. `routes`: handle the ready-made routes: the
    refresh API, sign-out, and the public keys. The store is opened on first use. Raise ConfigError if the configuration
    is invalid.
    """

    def __init__(
        self, app: WSGIApp, *, core: Core | None = None, routes: bool = False, **options: Unpack[Options]
    ) -> None:
        self.edge: SessionEdge = edge_of_app(self, options, core, home_of_caller())
        require_log_in_path(self.edge.config)
        super().__init__(self.edge, self._current_request)
        self._app = app
        self._routes = ready_routes(self.edge.config) if routes else ()

    @property
    def core(self) -> Core:
        """The core, opened on first use."""
        return self.edge.core

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = WsgiRequest(self.edge, environ, CURRENT.get())
        start = request.starting(start_response)
        with request.current():
            try:
                body = self._answered(request, start)
            except ANSWERED_ERRORS as error:
                return _refused(error, request, start)
        # An application may start its response when the first part of the body is requested. If another application
        # shares its environment, this request has to be in it while the body is produced.
        is_complete = request.owner.headers_left and environ[ENVIRON_KEY] is request
        return body if is_complete else _Body(body, request, start)

    def _answered(self, request: WsgiRequest, start: StartResponse) -> Iterable[bytes]:
        environ, routes = request.environ, self._routes
        may_be_one = routes and may_be_ready_route(environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", ""))
        route = ready_route_for(from_wsgi(environ), routes) if may_be_one else None
        if route is None:
            return self._app(environ, start)
        return _sent(answer_of_route(route.act(request.asked(environ))), start)

    def _current_request(self) -> RequestSession | None:
        request = CURRENT.get()
        while request is not None and request.owner.edge is not self.edge:
            request = request.outer
        return None if request is None else request.asked()


class _Body:
    """A body whose first part may start the response, with `start`, or raise an error, with `request` current."""

    def __init__(self, body: Iterable[bytes], request: WsgiRequest, start: StartResponse) -> None:
        self._body = body
        self._parts: Iterator[bytes] | None = None
        self._request = request
        self._start = start

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._request.current():
            try:
                if self._parts is None:
                    self._parts = iter(self._body)
                return next(self._parts)
            except ANSWERED_ERRORS as error:
                self._parts = iter(_refused(error, self._request, self._start))
                return next(self._parts)

    def close(self) -> None:
        """Close the application's body, as PEP 3333 requires, even if no part of it was requested."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with self._request.current():
                close()


def _refused(error: SuperTokensError, request: WsgiRequest, start: StartResponse) -> list[bytes]:
    """Send the response to `error`. Raise it if the response to `request` has started."""
    if request.owner.headers_left:
        raise error
    return _sent(answer_to(error, request.asked()), start)


def _sent(answer: Answer, start: StartResponse) -> list[bytes]:
    start(f"{answer.status} {_phrase(answer.status)}", list(answer.headers.items()))
    return [answer.body]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # `session_expired_status_code` may be a nonstandard one
        return "Refused"
