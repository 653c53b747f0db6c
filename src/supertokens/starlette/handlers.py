# SPDX-License-Identifier: Apache-2.0
"""Which handler responds to a session error: the application's own, or else the extension's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from supertokens.asgi import ANSWERED_ERRORS, Answer, answer_for
from supertokens.errors import SuperTokensError

__all__ = ["answer_errors", "as_response"]

_Handler = Callable[[Any, Any], Any]


def answer_errors(app: Starlette, path_of: Callable[[str], str]) -> None:
    """Handle session errors in `app`, and in the applications mounted in it that have no sessions of their own.

    If an application has a handler for one of their classes, or for their root, that one responds; cookies are still
    cleared if necessary. A handler for Exception, HTTPException or a status code does not. Call this before the
    middleware is built. `path_of`: returns the path of a `login_url` that is the name of a route.
    """
    handlers = app.exception_handlers
    root = handlers.get(SuperTokensError)
    for kind in ANSWERED_ERRORS:
        handlers[kind] = _answering(handlers.get(kind, root), path_of)
    for mounted in _mounted_in(app):
        if not hasattr(mounted.state, "supertokens"):
            answer_errors(mounted, path_of)


def _answering(own: _Handler | None, path_of: Callable[[str], str]) -> _Handler:
    async def answer(connection: HTTPConnection, error: SuperTokensError) -> Response:
        default = answer_for(connection, error, path_of)  # in any case: it also clears cookies
        if own is not None:
            answered = own(connection, error) if iscoroutinefunction(own) else run_in_threadpool(own, connection, error)
            response: Response = await answered
            return response
        if connection.scope["type"] == "websocket":
            raise error  # the wrapper closes the socket
        return as_response(default)

    return answer


def as_response(answer: Answer) -> Response:
    """Return `answer` as a response of Starlette."""
    return Response(answer.body, answer.status, answer.headers)


def _mounted_in(app: Starlette) -> Iterator[Starlette]:
    """Yield the applications mounted in `app`, also inside middleware with an attribute `app`."""
    for route in app.routes:
        inner = getattr(route, "app", None)
        seen: set[int] = set()
        while inner is not None and not isinstance(inner, Starlette) and id(inner) not in seen:
            seen.add(id(inner))
            inner = getattr(inner, "app", None)
        if isinstance(inner, Starlette):
            yield inner
