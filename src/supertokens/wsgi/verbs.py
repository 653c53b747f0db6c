# SPDX-License-Identifier: Apache-2.0
"""The verbs that views call. Each takes the request: its environment, or a framework's object that has it."""

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
    """Log `user_id` in, and return the session, which is the request's from now on.

    `jwt_payload`, `session_data`: what its access tokens carry, and what is kept on the server. `remember`: whether it
    outlasts the browser's end. `replace`: whether the session ends that the browser of `connection` had; None: with
    `renewal: server` only.

    Raise TypeError or ValueError for what cannot be kept, SuperTokensGeneralError, and RuntimeError once the
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

    `enable_csrf_protection` counts only while `enable_anti_csrf` is set, or `anti_csrf`. Raise
    SuperTokensUnauthorisedError (cookies that came are cleared), SuperTokensTryRefreshTokenError (they are left alone),
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
    whether the session's record is read, so that a revocation counts at once; None: as `access_token_blacklisting`
    says. Raise as `get_session` and `refresh_session`.
    """
    owner = _asked(connection)
    if verbs.is_refresh(owner):
        return verbs.refresh(owner)
    return verbs.find(owner, check_anti_csrf=anti_csrf_check, required=required, check_database=check_database)


def refresh_session(connection: Connection) -> Session:
    """Return the session of `connection`, with new tokens.

    Raise SuperTokensUnauthorisedError and, once the session is revoked, SuperTokensTokenTheftError (cookies that came
    are cleared), SuperTokensGeneralError, and RuntimeError once the response's headers have been sent.
    """
    return verbs.refresh(_asked(connection))


def current_session(connection: Connection | None = None) -> Session | None:
    """Return the session that a request has been found to have, or has begun; None before that, and after its end.

    `connection`: None is the request that is being answered. Nothing is looked up.
    """
    return known_session(request_of(connection).owner)


def check_origin(connection: Connection) -> None:
    """Raise SuperTokensCrossOriginError if a page of another origin has sent the request `connection`.

    For forms that need no session, such as that of a log-in, whatever `anti_csrf` says.
    """
    verbs.check_origin(_asked(connection))


def sign_out(connection: Connection) -> list[str]:
    """Revoke all sessions whose tokens came with `connection`, expired or not, and clear its cookies.

    Return the handles of those that existed.
    """
    return verbs.sign_out(_asked(connection))


def next_url(connection: Connection, default: str = "/", *, form_value: object = None) -> str:
    """Return the path that `next` names in the query of `connection`, if it is one of this site; else `default`.

    `form_value`, what a form has under that name, comes first.
    """
    return next_path(environ_of(connection).get("QUERY_STRING") or "", default, form_value)


def answer_for(connection: Connection, error: SuperTokensError, path_of: Callable[[str], str] | None = None) -> Answer:
    """Return what answers `error`, one of `ANSWERED_ERRORS`, and have the browser of `connection` told what follows.

    For handlers of errors in frameworks; an error that reaches `SuperTokens` is answered there. `path_of`: returns the
    path of a `login_url` that is the name of a route.
    """
    return answer_to(error, _asked(connection), path_of)


def get_cors_allowed_headers() -> list[str]:
    """Return the names of the request headers that a preflight has to allow."""
    return list(CORS_HEADERS)


def _asked(connection: Connection) -> RequestSession:
    return request_of(connection).asked(environ_of(connection))
