# SPDX-License-Identifier: Apache-2.0
"""Endpoints that both families of the core protocol share: sessions by handle or by user."""

from __future__ import annotations

from typing import Any

from supertokens.engine.session import IssuedSession
from supertokens.errors import SuperTokensSessionLimitError, SuperTokensUnauthorisedError
from supertokens.service.replies import RefusedError, Reply, json_reply
from supertokens.service.routes import Backend, Call, Handler

__all__ = [
    "created", "handles_of_user", "jwt_payload", "or_unauthorised", "session_data", "update_jwt_payload",
    "update_session_data",
]  # fmt: skip


def created(backend: Backend, *arguments: Any, **options: Any) -> IssuedSession:
    """Create a session in `backend` from the call's `arguments` and `options`.

    Raise RefusedError (409) if the user has as many sessions as allowed.
    """
    try:
        return backend.core.create_session(*arguments, **options)
    except SuperTokensSessionLimitError:
        raise RefusedError(409, "The user has as many sessions as 'max_sessions_per_user' allows") from None


def handles_of_user(backend: Backend, call: Call) -> Reply:
    return json_reply({"status": "OK", "sessionHandles": backend.core.session_handles(call["userId"])})


def session_data(backend: Backend, call: Call) -> Reply:
    return json_reply({"status": "OK", "userDataInDatabase": backend.core.session_data(call["sessionHandle"])})


def update_session_data(backend: Backend, call: Call) -> Reply:
    backend.core.update_session_data(call["sessionHandle"], call["userDataInDatabase"])
    return json_reply({"status": "OK"})


def jwt_payload(backend: Backend, call: Call) -> Reply:
    return json_reply({"status": "OK", "userDataInJWT": backend.core.session(call["sessionHandle"]).jwt_payload})


def update_jwt_payload(backend: Backend, call: Call) -> Reply:
    backend.core.update_jwt_payload(call["sessionHandle"], call["userDataInJWT"])
    return json_reply({"status": "OK"})


def or_unauthorised(handler: Handler) -> Handler:
    """Return `handler`, with an answer in place of its error about a session that does not exist."""

    def answer(backend: Backend, call: Call) -> Reply:
        try:
            return handler(backend, call)
        except SuperTokensUnauthorisedError as error:
            more = {"replaced": True} if error.this_request_only and call.get("tellsMore") in (True, "true") else {}
            return json_reply({"status": "UNAUTHORISED", "message": str(error)} | more)

    return answer
