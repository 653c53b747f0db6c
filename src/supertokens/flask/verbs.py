# SPDX-License-Identifier: Apache-2.0
"""The functions that views call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import flask

from supertokens.engine.session import SessionCursor
from supertokens.flask.requests import current_app, requests_of
from supertokens.transport import (
    CORS_HEADERS,
    NewSessionData,
    Session,
    Standing,
    StoredSessions,
    UserSession,
    listed,
    own_path,
    verbs,
)

__all__ = [
    "check_origin", "create_new_session", "current_session", "export_sessions", "forget_clients",
    "get_all_session_handles_for_user", "get_cors_allowed_headers", "get_jwt_payload", "get_session",
    "get_session_data", "list_sessions", "next_url", "refresh_session", "require_fresh", "revoke_all_sessions_for_user",
    "revoke_multiple_sessions", "revoke_session", "set_relevant_headers_for_options_api", "sign_out",
    "update_jwt_payload", "update_session_data",
]  # fmt: skip

_Json = dict[str, Any] | None


def create_new_session(
    res: flask.Response | None,
    user_id: str,
    jwt_payload: _Json = None,
    session_data: _Json = None,
    *,
    remember: bool = True,
    replace: bool | None = None,
) -> Session:
    """Log `user_id` in, and return the session, which is the request's from now on.

    `remember`: whether it outlasts the browser's end. With False the browser drops the cookies when it is closed, and
    the session ends after `short_session_validity` without use. `replace`: whether the session ends that the browser
    had; None: with `renewal: server` only.

    Raise TypeError or ValueError for what cannot be kept, SuperTokensGeneralError, and RuntimeError once the
    response's headers have been sent.
    """
    return verbs.create(
        requests_of(current_app()).of(res), user_id, jwt_payload, session_data, remember=remember, replaces=replace
    )


@overload
def get_session(
    res: flask.Response | None, enable_csrf_protection: bool, *, required: Literal[True] = True
) -> Session: ...


@overload
def get_session(res: flask.Response | None, enable_csrf_protection: bool, *, required: bool) -> Session | None: ...


def get_session(res: flask.Response | None, enable_csrf_protection: bool, *, required: bool = True) -> Session | None:
    """Return the session of the current request; None if there is none and it is not `required`.

    `enable_csrf_protection` counts only while `enable_anti_csrf` is set, or `anti_csrf`. Raise
    SuperTokensUnauthorisedError (cookies that came are cleared), SuperTokensTryRefreshTokenError (they are left alone;
    also where a session is not required, so that a library in the browser refreshes), SuperTokensCrossOriginError,
    SuperTokensGeneralError.
    """
    owner = requests_of(current_app()).of(res)
    return verbs.find(owner, check_anti_csrf=bool(enable_csrf_protection), required=required)


def refresh_session(res: flask.Response | None) -> Session:
    """Return the session of the current request, with new tokens.

    Raise SuperTokensUnauthorisedError and, once the session is revoked, SuperTokensTokenTheftError (cookies that came
    are cleared), SuperTokensGeneralError, and RuntimeError once the response's headers have been sent.
    """
    return verbs.refresh(requests_of(current_app()).of(res))


def current_session() -> Session | None:
    """Return the session that this request has been found to have, or has begun; None before that, and after its end.

    It looks nothing up: that is done by `supertokens_middleware` and `get_session`.
    """
    owner = requests_of(current_app()).known()
    if owner is None or owner.answer is None or owner.standing is Standing.UNASKED:
        return None
    return Session(owner, owner.answer, owner.access_token)


def require_fresh(seconds: float) -> None:
    """Raise SuperTokensNotFreshError unless the user has shown who they are in the last `seconds`: by the log-in, or
    `Session.confirm`. Raise RuntimeError where no session was found before, as in a view that is not protected.
    """
    session = current_session()
    if session is None:
        raise RuntimeError("require_fresh needs a session: protect the view with supertokens_middleware")
    session.require_fresh(seconds)


def check_origin() -> None:
    """Raise SuperTokensCrossOriginError if a page of another origin has sent the current request.

    For forms that need no session, such as that of a log-in, whatever `anti_csrf` says.
    """
    verbs.check_origin(requests_of(current_app()).current())


def next_url(default: str = "/") -> str:
    """Return the path that `next` names in the query or the form, if it is one of this site; else `default`."""
    return own_path(flask.request.values.get("next")) or default


def sign_out(res: flask.Response | None = None) -> list[str]:
    """Revoke all sessions whose tokens came with the request, expired or not, and clear its cookies.

    Return the handles of those that existed. It needs no session that is still good, and ends also sessions of
    different users that came together, which `get_session` refuses.
    """
    return verbs.sign_out(requests_of(current_app()).of(res))


def revoke_session(session_handle: str) -> bool:
    """Revoke one session; return False if there was none. If it is the request's own, its cookies are cleared."""
    return _stored().revoke_session(session_handle)


def revoke_multiple_sessions(session_handles: Sequence[str]) -> list[str]:
    """Revoke sessions; return the handles of those that existed."""
    return _stored().revoke_multiple_sessions(session_handles)


def revoke_all_sessions_for_user(user_id: str) -> list[str]:
    """Revoke all sessions of a user; return their handles. The request's own cookies are cleared if it is one."""
    return _stored().revoke_all_sessions_for_user(user_id)


def get_all_session_handles_for_user(user_id: str) -> list[str]:
    """Return the handles of a user's sessions, oldest first."""
    return _stored().get_all_session_handles_for_user(user_id)


def list_sessions(user_id: str, *, after: SessionCursor | None = None, limit: int | None = None) -> list[UserSession]:
    """Return a user's sessions as a page of "my devices" shows them, oldest first.

    `limit`: at most so many; `after`: behind the `cursor` of the last one of the page before.
    """
    return _stored().list_sessions(user_id, after=after, limit=limit)


def export_sessions(user_id: str) -> list[dict[str, Any]]:
    """Return all that is stored of a user's sessions, as JSON can express it: the user's right to a copy."""
    return _stored().export_sessions(user_id)


def forget_clients(user_id: str) -> list[str]:
    """Blank what a user's sessions note of their clients, User-Agent and address; the user stays logged in.

    Return the handles of those that had noted something. What refreshes note from then on is `record_client`'s to say.
    """
    return _stored().forget_clients(user_id)


def get_session_data(session_handle: str) -> dict[str, Any]:
    """Return what the application keeps of a session on the server. Raise SuperTokensUnauthorisedError."""
    return _stored().get_session_data(session_handle)


def update_session_data(session_handle: str, new_session_data: NewSessionData) -> None:
    """Replace it; by a function, which takes the data of now, so that nothing that others write is lost.

    Raise SuperTokensUnauthorisedError, TypeError, ValueError.
    """
    _stored().update_session_data(session_handle, new_session_data)


def get_jwt_payload(session_handle: str) -> dict[str, Any]:
    """Return the payload as it is stored. Raise SuperTokensUnauthorisedError."""
    return _stored().get_jwt_payload(session_handle)


def update_jwt_payload(session_handle: str, new_jwt_payload: _Json) -> None:
    """Replace it in the store, for access tokens renewed from then on. Raise as `update_session_data` does."""
    _stored().update_jwt_payload(session_handle, new_jwt_payload)


def get_cors_allowed_headers() -> list[str]:
    """Return the names of the request headers that a preflight has to allow."""
    return list(CORS_HEADERS)


def set_relevant_headers_for_options_api(res: flask.Response) -> None:
    """Let a preflight pass: allow our request headers, and credentials."""
    allowed = res.headers.get("Access-Control-Allow-Headers", "")
    res.headers["Access-Control-Allow-Headers"] = listed(allowed, CORS_HEADERS)
    res.headers["Access-Control-Allow-Credentials"] = "true"


def _stored() -> StoredSessions:
    return requests_of(current_app()).stored
