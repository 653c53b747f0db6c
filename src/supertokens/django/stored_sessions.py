# SPDX-License-Identifier: Apache-2.0
"""The verbs by handle or by user, which need no request, and their asynchronous counterparts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar

from supertokens.django.requests import CURRENT
from supertokens.django.session import on_the_loop
from supertokens.django.sessions import sessions_of_project
from supertokens.engine.session import SessionCursor
from supertokens.transport import NewSessionData, StoredSessions, UserSession

__all__ = [
    "aexport_sessions", "aforget_clients", "aget_all_session_handles_for_user", "aget_jwt_payload",
    "aget_session_data", "alist_sessions", "arevoke_all_sessions_for_user", "arevoke_multiple_sessions",
    "arevoke_session", "aupdate_jwt_payload", "aupdate_session_data", "export_sessions", "forget_clients",
    "get_all_session_handles_for_user", "get_jwt_payload", "get_session_data", "list_sessions",
    "revoke_all_sessions_for_user", "revoke_multiple_sessions", "revoke_session", "update_jwt_payload",
    "update_session_data",
]  # fmt: skip

P = ParamSpec("P")
T = TypeVar("T")

_Json = dict[str, Any] | None


@on_the_loop
def revoke_session(session_handle: str) -> bool:
    """Revoke the session `session_handle`; return False if none existed. If it is the request's, clear its cookies."""
    return _stored().revoke_session(session_handle)


@on_the_loop
def revoke_multiple_sessions(session_handles: Sequence[str]) -> list[str]:
    """Revoke `session_handles`; return those that existed."""
    return _stored().revoke_multiple_sessions(session_handles)


@on_the_loop
def revoke_all_sessions_for_user(user_id: str) -> list[str]:
    """Revoke all sessions of `user_id`; return their handles. If one is the request's, clear its cookies."""
    return _stored().revoke_all_sessions_for_user(user_id)


@on_the_loop
def get_all_session_handles_for_user(user_id: str) -> list[str]:
    """Return the handles of the sessions of `user_id`, oldest first."""
    return _stored().get_all_session_handles_for_user(user_id)


@on_the_loop
def list_sessions(user_id: str, *, after: SessionCursor | None = None, limit: int | None = None) -> list[UserSession]:
    """Return the sessions of `user_id` as a page of "my devices" shows them, oldest first.

    `limit`: the greatest number of sessions; `after`: the `cursor` of the last session of the previous page.
    """
    return _stored().list_sessions(user_id, after=after, limit=limit)


@on_the_loop
def export_sessions(user_id: str) -> list[dict[str, Any]]:
    """Return everything stored about the sessions of `user_id`, for a copy of the user's data."""
    return _stored().export_sessions(user_id)


@on_the_loop
def forget_clients(user_id: str) -> list[str]:
    """Erase User-Agent and address in the sessions of `user_id`; the user stays logged in.

    Return the handles of the sessions that had either.
    """
    return _stored().forget_clients(user_id)


@on_the_loop
def get_session_data(session_handle: str) -> dict[str, Any]:
    """Return the data stored on the server with the session `session_handle`. Raise SuperTokensUnauthorisedError."""
    return _stored().get_session_data(session_handle)


@on_the_loop
def update_session_data(session_handle: str, new_session_data: NewSessionData) -> None:
    """Replace the data of `session_handle` with `new_session_data`, which may be a function of the current data.

    Raise SuperTokensUnauthorisedError, TypeError, ValueError.
    """
    _stored().update_session_data(session_handle, new_session_data)


@on_the_loop
def get_jwt_payload(session_handle: str) -> dict[str, Any]:
    """Return the payload of `session_handle` as it is stored. Raise SuperTokensUnauthorisedError."""
    return _stored().get_jwt_payload(session_handle)


@on_the_loop
def update_jwt_payload(session_handle: str, new_jwt_payload: _Json) -> None:
    """Replace the stored payload of `session_handle` with `new_jwt_payload`, for access tokens renewed from then on.

    Raise as `update_session_data` does.
    """
    _stored().update_jwt_payload(session_handle, new_jwt_payload)


async def arevoke_session(session_handle: str) -> bool:
    """Revoke one session, `session_handle`; return False if there was none."""
    return await _run(StoredSessions.revoke_session, session_handle)


async def arevoke_multiple_sessions(session_handles: Sequence[str]) -> list[str]:
    """Revoke `session_handles`; return those that existed."""
    return await _run(StoredSessions.revoke_multiple_sessions, session_handles)


async def arevoke_all_sessions_for_user(user_id: str) -> list[str]:
    """Revoke all sessions of `user_id`; return their handles."""
    return await _run(StoredSessions.revoke_all_sessions_for_user, user_id)


async def aget_all_session_handles_for_user(user_id: str) -> list[str]:
    """Return the handles of the sessions of `user_id`, oldest first."""
    return await _run(StoredSessions.get_all_session_handles_for_user, user_id)


async def alist_sessions(
    user_id: str, *, after: SessionCursor | None = None, limit: int | None = None
) -> list[UserSession]:
    """Return the sessions of `user_id`; `after` and `limit` as in `list_sessions`."""
    return await _run(StoredSessions.list_sessions, user_id, after=after, limit=limit)


async def aexport_sessions(user_id: str) -> list[dict[str, Any]]:
    """Return everything stored about the sessions of `user_id`."""
    return await _run(StoredSessions.export_sessions, user_id)


async def aforget_clients(user_id: str) -> list[str]:
    """Erase User-Agent and address in the sessions of `user_id`; return the handles of those that had either."""
    return await _run(StoredSessions.forget_clients, user_id)


async def aget_session_data(session_handle: str) -> dict[str, Any]:
    """Return the data stored on the server with the session `session_handle`."""
    return await _run(StoredSessions.get_session_data, session_handle)


async def aupdate_session_data(session_handle: str, new_session_data: NewSessionData) -> None:
    """Replace the data of `session_handle` with `new_session_data`; a function is called in a thread."""
    await _run(StoredSessions.update_session_data, session_handle, new_session_data)


async def aget_jwt_payload(session_handle: str) -> dict[str, Any]:
    """Return the payload of `session_handle` as it is stored."""
    return await _run(StoredSessions.get_jwt_payload, session_handle)


async def aupdate_jwt_payload(session_handle: str, new_jwt_payload: _Json) -> None:
    """Replace the stored payload of `session_handle` with `new_jwt_payload`."""
    await _run(StoredSessions.update_jwt_payload, session_handle, new_jwt_payload)


def _stored() -> StoredSessions:
    return sessions_of_project().current().stored


async def _run(verb: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call `verb`, a method of `StoredSessions`, in a thread with `args` and `kwargs`, and return its result."""
    sessions = sessions_of_project().current()
    call = partial(verb, sessions.stored, *args, **kwargs)
    request, http = sessions.current(), CURRENT.get()
    if request is None or http is None:
        return await sessions.threads.run(call)
    request.awaiting(http)
    return await request.in_thread(call)
