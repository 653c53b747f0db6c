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
    """Log `user_id` in, and return the session, which becomes the request's.

    `remember`: whether the session outlasts the browser. With False the browser drops the cookies when it is closed,
    and the session ends after `short_session_validity` without use. `replace`: whether the browser's earlier session
    ends; None: with `renewal: server` only. Raise TypeError or ValueError for values that cannot be stored,
    SuperTokensGeneralError, and RuntimeError once the response's headers have been sent.
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

    `enable_csrf_protection` has an effect only if `enable_anti_csrf` or `anti_csrf` is set. Raise
    SuperTokensUnauthorisedError (the request's cookies are cleared), SuperTokensTryRefreshTokenError (they are kept;
    also where a session is not required, so that a library in the browser refreshes), SuperTokensCrossOriginError,
    SuperTokensGeneralError.
    """
    owner = requests_of(current_app()).of(res)
    return verbs.find(owner, check_anti_csrf=bool(enable_csrf_protection), required=required)


def refresh_session(res: flask.Response | None) -> Session:
    """Return the session of the current request, with new tokens.

    Raise SuperTokensUnauthorisedError and, once the session is revoked, SuperTokensTokenTheftError (for both, the
    request's cookies are cleared), SuperTokensGeneralError, and RuntimeError once the response's headers have been
    sent.
    """
    return verbs.refresh(requests_of(current_app()).of(res))


def current_session() -> Session | None:
    """Return the session that this request has verified or created; None before that, and after its end.

    It does not look anything up: `supertokens_middleware` and `get_session` do.
    """
    owner = requests_of(current_app()).known()
    if owner is None or owner.answer is None or owner.standing is Standing.UNASKED:
        return None
    return Session(owner, owner.answer, owner.access_token)


def require_fresh(seconds: float) -> None:
    """Raise SuperTokensNotFreshError unless the user has confirmed their identity in the last `seconds`.

    The login and `Session.confirm` count. Raise RuntimeError if no session was verified before, as in a view that is
    not protected.
    """
    session = current_session()
    if session is None:
        raise RuntimeError("require_fresh needs a session: protect the view with supertokens_middleware")
    session.require_fresh(seconds)


def check_origin() -> None:
    """Raise SuperTokensCrossOriginError if a page on another origin has sent the current request.

    For forms that need no session, such as a login form. It checks regardless of `anti_csrf`.
    """
    verbs.check_origin(requests_of(current_app()).current())


def next_url(default: str = "/") -> str:
    """Return the path in `next` of the query or the form, if it is a path on this site; otherwise `default`."""
    return own_path(flask.request.values.get("next")) or default


def sign_out(res: flask.Response | None = None) -> list[str]:
    """Revoke all sessions whose tokens are in the request, expired or not, and clear the cookies.

    Return the handles of those that existed. It needs no valid session, and also ends sessions of different users in
    one request, which `get_session` refuses.
    """
    return verbs.sign_out(requests_of(current_app()).of(res))


def revoke_session(session_handle: str) -> bool:
    """Revoke one session; return False if it did not exist. If it is the request's own, its cookies are cleared."""
    return _stored().revoke_session(session_handle)


def revoke_multiple_sessions(session_handles: Sequence[str]) -> list[str]:
    """Revoke sessions; return the handles of those that existed."""
    return _stored().revoke_multiple_sessions(session_handles)


def revoke_all_sessions_for_user(user_id: str) -> list[str]:
    """Revoke all sessions of a user; return their handles. If the request's own is one, its cookies are cleared."""
    return _stored().revoke_all_sessions_for_user(user_id)


def get_all_session_handles_for_user(user_id: str) -> list[str]:
    """Return the handles of a user's sessions, oldest first."""
    return _stored().get_all_session_handles_for_user(user_id)


def list_sessions(user_id: str, *, after: SessionCursor | None = None, limit: int | None = None) -> list[UserSession]:
    """Return a user's sessions for a "my devices" page, oldest first.

    `limit`: return at most that many; `after`: continue after the `cursor` of the last one of the previous page.
    """
    return _stored().list_sessions(user_id, after=after, limit=limit)


def export_sessions(user_id: str) -> list[dict[str, Any]]:
    """Return everything that is stored about a user's sessions, in JSON-compatible form, as a copy for the user."""
    return _stored().export_sessions(user_id)


def forget_clients(user_id: str) -> list[str]:
    """Erase User-Agent and address from a user's sessions; the user stays logged in.

    Return the handles of those that had either. `record_client` decides what later refreshes record.
    """
    return _stored().forget_clients(user_id)


def get_session_data(session_handle: str) -> dict[str, Any]:
    """Return the data that the application keeps on the server. Raise SuperTokensUnauthorisedError."""
    return _stored().get_session_data(session_handle)


def update_session_data(session_handle: str, new_session_data: NewSessionData) -> None:
    """Replace the data, or apply a function to the current data, so that no concurrent change is lost.

    Raise SuperTokensUnauthorisedError, TypeError, ValueError.
    """
    _stored().update_session_data(session_handle, new_session_data)


def get_jwt_payload(session_handle: str) -> dict[str, Any]:
    """Return the stored payload. Raise SuperTokensUnauthorisedError."""
    return _stored().get_jwt_payload(session_handle)


def update_jwt_payload(session_handle: str, new_jwt_payload: _Json) -> None:
    """Replace the payload in the store, for access tokens renewed from now on. Raise like `update_session_data`."""
    _stored().update_jwt_payload(session_handle, new_jwt_payload)


def get_cors_allowed_headers() -> list[str]:
    """Return the names of the request headers that a preflight has to allow."""
    return list(CORS_HEADERS)


def set_relevant_headers_for_options_api(res: flask.Response) -> None:
    """Allow the request headers of sessions, and credentials, in the response to a preflight."""
    allowed = res.headers.get("Access-Control-Allow-Headers", "")
    res.headers["Access-Control-Allow-Headers"] = listed(allowed, CORS_HEADERS)
    res.headers["Access-Control-Allow-Credentials"] = "true"


def _stored() -> StoredSessions:
    return requests_of(current_app()).stored
