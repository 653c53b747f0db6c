# SPDX-License-Identifier: Apache-2.0
"""The functions that views call. Each takes the request; their asynchronous counterparts are in `async_verbs.py`."""

from __future__ import annotations

from typing import Any, Literal, overload

from supertokens import transport
from supertokens.django.requests import AnyRequest, request_of
from supertokens.django.session import Session, current_session, on_the_loop
from supertokens.transport import CORS_HEADERS, own_path, verbs

__all__ = [
    "check_origin", "create_new_session", "found_in", "get_cors_allowed_headers", "get_session", "next_url",
    "refresh_session", "sign_out", "verify_session",
]  # fmt: skip

_Json = dict[str, Any] | None


@on_the_loop
def create_new_session(
    request: AnyRequest,
    user_id: str,
    jwt_payload: _Json = None,
    session_data: _Json = None,
    *,
    remember: bool = True,
    replace: bool | None = None,
) -> Session:
    """Log `user_id` in, and return the session, which is the one of `request` from now on.

    `jwt_payload` is part of the access token, `session_data` stays on the server. `remember`: whether the session
    outlasts the closing of the browser. With False the browser drops the cookies when it is closed, and the session
    ends after `short_session_validity` without use. `replace`: whether the browser's earlier session ends; None: only
    with `renewal: server`.

    Raise TypeError or ValueError for values that cannot be stored, SuperTokensGeneralError, and RuntimeError once the
    response's headers have been sent.
    """
    owner = request_of(request).asked_for(request)
    return found_in(
        request, verbs.create(owner, user_id, jwt_payload, session_data, remember=remember, replaces=replace)
    )


@overload
def get_session(request: AnyRequest, enable_csrf_protection: bool, *, required: Literal[True] = True) -> Session: ...


@overload
def get_session(request: AnyRequest, enable_csrf_protection: bool, *, required: bool) -> Session | None: ...


@on_the_loop
def get_session(request: AnyRequest, enable_csrf_protection: bool, *, required: bool = True) -> Session | None:
    """Return the session of `request`; None if there is none and it is not `required`.

    `enable_csrf_protection` has an effect only with `enable_anti_csrf` or `anti_csrf`. Raise
    SuperTokensUnauthorisedError (the request's cookies are cleared), SuperTokensTryRefreshTokenError (they are kept; it
    is raised even if no session is required, so that a library in the browser refreshes), SuperTokensCrossOriginError,
    SuperTokensGeneralError.
    """
    owner = request_of(request).asked_for(request)
    return found_in(request, verbs.find(owner, check_anti_csrf=bool(enable_csrf_protection), required=required))


@overload
def verify_session(
    request: AnyRequest,
    anti_csrf_check: bool | None = None,
    *,
    required: Literal[True] = True,
    check_database: bool | None = None,
) -> Session: ...


@overload
def verify_session(
    request: AnyRequest, anti_csrf_check: bool | None = None, *, required: bool, check_database: bool | None = None
) -> Session | None: ...


@on_the_loop
def verify_session(
    request: AnyRequest,
    anti_csrf_check: bool | None = None,
    *,
    required: bool = True,
    check_database: bool | None = None,
) -> Session | None:
    """Return the session of `request` for a protected view; None if there is none and it is not `required`.

    It is what `session_required` does. `anti_csrf_check`: None checks all methods but GET. A POST to `refresh_api_path`
    is a refresh. `check_database`: whether the session's record is read, so that a revocation takes effect at once;
    None: as `access_token_blacklisting` says. Raise as `get_session` and `refresh_session`.
    """
    owner = request_of(request).asked_for(request)
    if verbs.is_refresh(owner):
        return found_in(request, verbs.refresh(owner))
    found = verbs.find(owner, check_anti_csrf=anti_csrf_check, required=required, check_database=check_database)
    return found_in(request, found)


@on_the_loop
def refresh_session(request: AnyRequest) -> Session:
    """Return the session of `request`, with new tokens.

    Raise SuperTokensUnauthorisedError and, once the session is revoked, SuperTokensTokenTheftError (the request's
    cookies are cleared), SuperTokensGeneralError, and RuntimeError once the response's headers have been sent.
    """
    return found_in(request, verbs.refresh(request_of(request).asked_for(request)))


@on_the_loop
def sign_out(request: AnyRequest) -> list[str]:
    """Revoke all sessions whose tokens are in `request`, expired or not, and clear its cookies.

    Return the handles of those that existed. No valid session is needed. It also ends sessions of different users whose
    cookies arrive together, which `get_session` refuses.
    """
    return verbs.sign_out(request_of(request).asked_for(request))


def check_origin(request: AnyRequest) -> None:
    """Raise SuperTokensCrossOriginError if a page of another origin has sent `request`.

    For forms that need no session, such as a login form, whatever `anti_csrf` says.
    """
    verbs.check_origin(request_of(request).asked_for(request))


def next_url(request: Any, default: str = "/") -> str:
    """Return the path in `next`, of the form or the query of `request`, if it is on this site; otherwise `default`."""
    return own_path(request.POST.get("next") or request.GET.get("next")) or default


def get_cors_allowed_headers() -> list[str]:
    """Return the names of the request headers that a preflight must allow."""
    return list(CORS_HEADERS)


@overload
def found_in(request: AnyRequest, found: transport.Session) -> Session: ...


@overload
def found_in(request: AnyRequest, found: transport.Session | None) -> Session | None: ...


def found_in(request: AnyRequest, found: transport.Session | None) -> Session | None:
    """Return `found`, a verb's session for `request`, as the object that views get."""
    if found is None:
        return None
    session = current_session(request)
    return Session(request_of(request), found) if session is None else session
