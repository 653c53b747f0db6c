# SPDX-License-Identifier: Apache-2.0
"""The verbs that views call. Each takes the request: its environment, or a framework's object with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

from supertokens.errors import SuperTokensError
from supertokens.transport import (
    CORS_HEADERS,
    Answer,
    RequestSession,
    Session,
    answer_to,
    known_session,
    next_path,
    verbs,
)
from supertokens.wsgi.requests import Connection, environ_of, request_of

__all__ = [
    "answer_for", "check_origin", "create_new_session", "current_session", "get_cors_allowed_headers", "get_session",
    "next_url", "refresh_session", "sign_out", "verify_session",
]  # fmt: skip

_Json = dict[str, Any] | None


def create_new_session(
    connection: Connection,
    user_id: str,
    jwt_payload: _Json = None,
    session_data: _Json = None,
    *,
    remember: bool = True,
    replace: bool | None = None,
) -> Session:
    """Log `user_id` in, and return the session, which is the request's session from now on.

    `jwt_payload` is part of its access tokens, `session_data` stays on the server. `remember`: whether the session
    outlasts the closing of the browser. `replace`: whether the earlier session of the browser of `connection` ends;
    None: only with `renewal: server`.

    Raise TypeError or ValueError for values that cannot be stored, SuperTokensGeneralError, and RuntimeError once the
    response's headers have been sent.
    """
    owner = _asked(connection)
    return verbs.create(owner, user_id, jwt_payload, session_data, remember=remember, replaces=replace)


@overload
def get_session(connection: Connection, enable_csrf_protection: bool, *, required: Literal[True] = True) -> Session: ...


@overload
def get_session(connection: Connection, enable_csrf_protection: bool, *, required: bool) -> Session | None: ...


def get_session(connection: Connection, enable_csrf_protection: bool, *, required: bool = True) -> Session | None:
    """Return the session of `connection`; None if there is none and it is not `required`.

    `enable_csrf_protection` has an effect only with `enable_anti_csrf` or `anti_csrf`. Raise
    SuperTokensUnauthorisedError (the request's cookies are cleared), SuperTokensTryRefreshTokenError (they are kept),
    SuperTokensCrossOriginError, SuperTokensGeneralError.
    """
    return verbs.find(_asked(connection), check_anti_csrf=bool(enable_csrf_protection), required=required)


@overload
def verify_session(
    connection: Connection,
    anti_csrf_check: bool | None = None,
    *,
    required: Literal[True] = True,
    check_database: bool | None = None,
) -> Session: ...


@overload
def verify_session(
    connection: Connection,
    anti_csrf_check: bool | None = None,
    *,
    required: bool,
    check_database: bool | None = None,
) -> Session | None: ...


def verify_session(
    connection: Connection,
    anti_csrf_check: bool | None = None,
    *,
    required: bool = True,
    check_database: bool | None = None,
) -> Session | None:
    """Return the session of `connection` for a protected view; None if there is none and it is not `required`.

    `anti_csrf_check`: None checks all methods but GET. A POST to `refresh_api_path` is a refresh. `check_database`:
    whether the session's record is read, so that a revocation takes effect at once; None: as
    `access_token_blacklisting` says. Raise as `get_session` and `refresh_session`.
    """
    owner = _asked(connection)
    if verbs.is_refresh(owner):
        return verbs.refresh(owner)
    return verbs.find(owner, check_anti_csrf=anti_csrf_check, required=required, check_database=check_database)


def refresh_session(connection: Connection) -> Session:
    """Return the session of `connection`, with new tokens.

    Raise SuperTokensUnauthorisedError and, once the session is revoked, SuperTokensTokenTheftError (the request's
    cookies are cleared), SuperTokensGeneralError, and RuntimeError once the response's headers have been sent.
    """
    return verbs.refresh(_asked(connection))


def current_session(connection: Connection | None = None) -> Session | None:
    """Return the session that was verified or created in a request; None before that, and after its end.

    `connection`: None means the current request. Nothing is looked up.
    """
    return known_session(request_of(connection).owner)


def check_origin(connection: Connection) -> None:
    """Raise SuperTokensCrossOriginError if a page of another origin has sent the request `connection`.

    For forms that need no session, such as a login form, whatever `anti_csrf` says.
    """
    verbs.check_origin(_asked(connection))


def sign_out(connection: Connection) -> list[str]:
    """Revoke all sessions whose tokens are in `connection`, expired or not, and clear its cookies.

    Return the handles of those that existed.
    """
    return verbs.sign_out(_asked(connection))


def next_url(connection: Connection, default: str = "/", *, form_value: object = None) -> str:
    """Return the path in `next`, in the query of `connection`, if it is on this site; otherwise `default`.

    `form_value`, the form field of that name, has precedence.
    """
    return next_path(environ_of(connection).get("QUERY_STRING") or "", default, form_value)


def answer_for(connection: Connection, error: SuperTokensError, path_of: Callable[[str], str] | None = None) -> Answer:
    """Return the response to `error`, one of `ANSWERED_ERRORS`; have the cookies of `connection` cleared if necessary.

    For error handlers in frameworks; `SuperTokens` itself responds to errors that reach it. `path_of`: returns the path
    of a `login_url` that is the name of a route.
    """
    return answer_to(error, _asked(connection), path_of)


def get_cors_allowed_headers() -> list[str]:
    """Return the names of the request headers that a preflight must allow."""
    return list(CORS_HEADERS)


def _asked(connection: Connection) -> RequestSession:
    return request_of(connection).asked(environ_of(connection))
