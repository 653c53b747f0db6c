# SPDX-License-Identifier: Apache-2.0
"""Which handler of an application answers one of our errors: its own, or else the extension's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from supertokens.asgi import ANSWERED, Answer, answer_for
from supertokens.errors import SuperTokensError

__all__ = ["answer_errors"]

_Handler = Callable[[Any, Any], Any]


def answer_errors(app: Starlette, path_of: Callable[[str], str]) -> None:
    """Have our errors answered in `app`, and in the applications that are mounted in it and have no sessions.

    Where an application has a handler for one of their classes, or for their root, that answers, after the browser has
    been told what follows from the error; one for Exception, HTTPException or a status does not. To be called before
    the middleware is built. `path_of`: returns the path of a `login_url` that is the name of a route.
    """
    handlers = app.exception_handlers
    root = handlers.get(SuperTokensError)
    for kind in ANSWERED:
        handlers[kind] = _answering(handlers.get(kind, root), path_of)
    for mounted in _mounted_in(app):
        if not hasattr(mounted.state, "supertokens"):
            answer_errors(mounted, path_of)


def _answering(own: _Handler | None, path_of: Callable[[str], str]) -> _Handler:
    async def answer(connection: HTTPConnection, error: SuperTokensError) -> Response:
        default = answer_for(connection, error, path_of)  # in any case: it also tells the browser
        if own is not None:
            answered = own(connection, error) if iscoroutinefunction(own) else run_in_threadpool(own, connection, error)
            response: Response = await answered
            return response
        if connection.scope["type"] == "websocket":
            raise error  # which is answered around the application
        return _response(default)

    return answer


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _mounted_in(app: Starlette) -> Iterator[Starlette]:
    """Yield the applications that are mounted in `app`, also behind middleware that has them as `app`."""
    for route in app.routes:
        inner = getattr(route, "app", None)
        seen: set[int] = set()
        while inner is not None and not isinstance(inner, Starlette) and id(inner) not in seen:
            seen.add(id(inner))
            inner = getattr(inner, "app", None)
        if isinstance(inner, Starlette):
            yield inner
