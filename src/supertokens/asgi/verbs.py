# SPDX-License-Identifier: Apache-2.0
"""The verbs that asynchronous views call.

Each takes the request: its ASGI scope, or a framework's object with an attribute `scope`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, overload

from supertokens import transport
from supertokens.asgi.requests import AsgiRequest, Connection, request_in, request_of, scope_of
from supertokens.asgi.session import Session
from supertokens.core import WouldWaitError
from supertokens.transport import (
    CORS_HEADERS,
    Answer,
    ReadyRoute,
    RequestSession,
    answer_of_route,
    find_at_once,
    known_session,
    next_path,
    verbs,
)

__all__ = [
    "check_origin", "create_new_session", "current_session", "get_cors_allowed_headers", "get_session", "next_url",
    "refresh_session", "run_route", "sign_out", "verify_session",
]  # fmt: skip

_Json = dict[str, Any] | None


async def create_new_session(
    connection: Connection,
    user_id: str,
    jwt_payload: _Json = None,
    session_data: _Json = None,
    *,
    remember: bool = True,
    replace: bool | None = None,
) -> Session:
    """Log `user_id` in, and return the session, which is the request's session from now on.

    `remember`: whether the session outlasts the closing of the browser. With False the browser drops the cookies when
    it is closed, and the session ends after `short_session_validity` without use. `replace`: whether the browser's
    earlier session ends; None: only with `renewal: server`.

    Raise TypeError or ValueError for values that cannot be stored, SuperTokensGeneralError, and RuntimeError once the
    response's headers have been sent.
    """
    request, owner = _asked(connection)
    create = partial(verbs.create, owner, user_id, jwt_payload, session_data, remember=remember, replaces=replace)
    return Session(request, await request.in_thread(create))


@overload
async def get_session(
    connection: Connection, enable_csrf_protection: bool, *, required: Literal[True] = True
) -> Session: ...


@overload
async def get_session(connection: Connection, enable_csrf_protection: bool, *, required: bool) -> Session | None: ...


async def get_session(connection: Connection, enable_csrf_protection: bool, *, required: bool = True) -> Session | None:
    """Return the session of a request; None if there is none and it is not `required`.

    `enable_csrf_protection` has an effect only with `enable_anti_csrf` or `anti_csrf`. Raise
    SuperTokensUnauthorisedError (the request's cookies are cleared), SuperTokensTryRefreshTokenError (they are kept; it
    is raised even if no session is required, so that a library in the browser refreshes), SuperTokensCrossOriginError,
    SuperTokensGeneralError.
    """
    request, owner = _asked(connection)
    check_anti_csrf = bool(enable_csrf_protection)
    try:
        return _found_at_once(request, owner, check_anti_csrf, required, None)
    except WouldWaitError:
        pass
    find = partial(verbs.find, owner, check_anti_csrf=check_anti_csrf, required=required)
    return await _found_in_thread(request, find)


@overload
async def verify_session(
    connection: Connection,
    anti_csrf_check: bool | None = None,
    *,
    required: Literal[True] = True,
    check_database: bool | None = None,
) -> Session: ...


@overload
async def verify_session(
    connection: Connection,
    anti_csrf_check: bool | None = None,
    *,
    required: bool,
    check_database: bool | None = None,
) -> Session | None: ...


async def verify_session(
    connection: Connection,
    anti_csrf_check: bool | None = None,
    *,
    required: bool = True,
    check_database: bool | None = None,
) -> Session | None:
    """Return the session of a request for a protected view; None if there is none and it is not `required`.

    `anti_csrf_check`: None checks all methods but GET, and WebSocket handshakes with `anti_csrf: origin`. A POST to
    `refresh_api_path` is a refresh. `check_database`: whether the session's record is read, so that a revocation takes
    effect at once; None: as `access_token_blacklisting` says. Raise as `get_session` and `refresh_session`.
    """
    request, owner = _asked(connection)
    if verbs.is_refresh(owner):
        return Session(request, await request.in_thread(partial(verbs.refresh, owner)))
    # The usual request is decided by its token alone; using a thread would cost ten times as much.
    try:
        return _found_at_once(request, owner, anti_csrf_check, required, check_database)
    except WouldWaitError:
        pass
    find = partial(verbs.find, owner, check_anti_csrf=anti_csrf_check, required=required, check_database=check_database)
    return await _found_in_thread(request, find)


async def refresh_session(connection: Connection) -> Session:
    """Return the session of a request, with new tokens.

    Raise SuperTokensUnauthorisedError and, once the session is revoked, SuperTokensTokenTheftError (the request's
    cookies are cleared), SuperTokensGeneralError, and RuntimeError once the response's headers have been sent.
    """
    request, owner = _asked(connection)
    return Session(request, await request.in_thread(partial(verbs.refresh, owner)))


def current_session(connection: Connection | None = None) -> Session | None:
    """Return the session that was verified or created in a request; None before that, and after its end.

    `connection`: None means the current request. Nothing is looked up: `get_session` and `verify_session` do that.
    """
    request = request_of(connection)
    known = known_session(request.owner)
    return None if known is None else Session(request, known)


def check_origin(connection: Connection) -> None:
    """Raise SuperTokensCrossOriginError if a page of another origin has sent the request.

    For forms that need no session, such as a login form, whatever `anti_csrf` says.
    """
    _, owner = _asked(connection)
    verbs.check_origin(owner)


async def sign_out(connection: Connection) -> list[str]:
    """Revoke all sessions whose tokens are in the request, expired or not, and clear its cookies.

    Return the handles of those that existed. No valid session is needed. It also ends sessions of different users whose
    cookies arrive together, which `get_session` refuses.
    """
    request, owner = _asked(connection)
    return await request.in_thread(partial(verbs.sign_out, owner))


async def run_route(connection: Connection, route: ReadyRoute) -> Answer:
    """Run a ready-made route; return its response."""
    request, owner = _asked(connection)
    return answer_of_route(await request.in_thread(partial(route.act, owner)))


def next_url(connection: Connection, default: str = "/", *, form_value: object = None) -> str:
    """Return the path in `next`, if it is on this site; otherwise `default`.

    It is taken from the query; `form_value`, the form field of that name, has precedence.
    """
    query = bytes(scope_of(connection).get("query_string") or b"").decode("latin-1")
    return next_path(query, default, form_value)


def get_cors_allowed_headers() -> list[str]:
    """Return the names of the request headers that a preflight must allow."""
    return list(CORS_HEADERS)


def _asked(connection: Connection) -> tuple[AsgiRequest, RequestSession]:
    scope = scope_of(connection)
    request = request_in(scope)
    return request, request.asked(scope)


def _found_at_once(
    request: AsgiRequest,
    owner: RequestSession,
    check_anti_csrf: bool | None,
    required: bool,
    check_database: bool | None,
) -> Session | None:
    if not request.is_free:
        raise WouldWaitError
    found = find_at_once(owner, check_anti_csrf=check_anti_csrf, required=required, check_database=check_database)
    return None if found is None else Session(request, found)


async def _found_in_thread(request: AsgiRequest, find: Callable[[], transport.Session | None]) -> Session | None:
    found = await request.in_thread(find)
    return None if found is None else Session(request, found)
