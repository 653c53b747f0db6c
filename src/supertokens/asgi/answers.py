# SPDX-License-Identifier: Apache-2.0
"""Responses to refused requests, as ASGI messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supertokens import transport
from supertokens.asgi.requests import Connection, Message, Scope, Send, request_of, scope_of
from supertokens.asgi.threads import SuperTokensBusyError
from supertokens.errors import SuperTokensError
from supertokens.transport import Answer, answer_to, json_answer

__all__ = ["ANSWERED_ERRORS", "answer_for", "close_socket", "send_answer"]

ANSWERED_ERRORS: Final[tuple[type[SuperTokensError], ...]] = (*transport.ANSWERED_ERRORS, SuperTokensBusyError)
"""The classes of errors that become responses here."""

_RETRY_AFTER_S: Final = 1
_POLICY_VIOLATION: Final = 1008
_DENIAL: Final = "websocket.http.response"


def answer_for(connection: Connection, error: SuperTokensError, path_of: Callable[[str], str] | None = None) -> Answer:
    """Return the response to `error`, one of `ANSWERED_ERRORS`, and have the cookies cleared if necessary.

    For error handlers in frameworks; `SuperTokens` itself responds to errors that reach it. `path_of`: returns the path
    of a `login_url` that is the name of a route.
    """
    if isinstance(error, SuperTokensBusyError):
        return json_answer(503, {"error": str(error), "message": str(error)}, {"retry-after": str(_RETRY_AFTER_S)})
    return answer_to(error, request_of(connection).asked(scope_of(connection)), path_of)


async def send_answer(answer: Answer, send: Send) -> None:
    """Send `answer` to a request."""
    await _send("http.response", answer, send)


async def close_socket(answer: Answer, scope: Scope, send: Send, *, was_accepted: bool) -> None:
    """Refuse the handshake of a WebSocket, with `answer` if the server can send one; or close a socket."""
    if not was_accepted and _DENIAL in (scope.get("extensions") or ()):
        await _send(_DENIAL, answer, send)
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})


async def _send(kind: str, answer: Answer, send: Send) -> None:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers.items()]
    start: Message = {"type": f"{kind}.start", "status": answer.status, "headers": headers}
    await send(start)
    await send({"type": f"{kind}.body", "body": answer.body})
