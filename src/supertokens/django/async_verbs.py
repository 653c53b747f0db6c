# SPDX-License-Identifier: Apache-2.0
"""The functions that asynchronous views call: those of `verbs.py`, awaited. Nothing waits on the event loop."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, overload

from supertokens.core import WouldWaitError
from supertokens.django.requests import AnyRequest, request_of
from supertokens.django.session import Session
from supertokens.django.verbs import found_in
from supertokens.transport import find_at_once, verbs

__all__ = ["acreate_new_session", "aget_session", "arefresh_session", "asign_out", "averify_session"]

_Json = dict[str, Any] | None


async def acreate_new_session(
    request: AnyRequest,
    user_id: str,
    jwt_payload: _Json = None,
    session_data: _Json = None,
    *,
    remember: bool = True,
    replace: bool | None = None,
) -> Session:
    """Log `user_id` in, and return the session, which is the one of `request` from now on.

    `jwt_payload`, `session_data`, `remember`, `replace`, and the errors: see `create_new_session`.
    """
    state = request_of(request)
    owner = state.awaiting(request)
    create = partial(verbs.create, owner, user_id, jwt_payload, session_data, remember=remember, replaces=replace)
    return found_in(request, await state.in_thread(create))


@overload
async def aget_session(
    request: AnyRequest, enable_csrf_protection: bool, *, required: Literal[True] = True
) -> Session: ...


@overload
async def aget_session(request: AnyRequest, enable_csrf_protection: bool, *, required: bool) -> Session | None: ...


async def aget_session(request: AnyRequest, enable_csrf_protection: bool, *, required: bool = True) -> Session | None:
    """Return the session of `request`; None if there is none and it is not `required`.

    `enable_csrf_protection`, and the errors: see `get_session`.
    """
    return await _found(request, bool(enable_csrf_protection), required=required, check_database=None)


@overload
async def averify_session(
    request: AnyRequest,
    anti_csrf_check: bool | None = None,
    *,
    required: Literal[True] = True,
    check_database: bool | None = None,
) -> Session: ...


@overload
async def averify_session(
    request: AnyRequest, anti_csrf_check: bool | None = None, *, required: bool, check_database: bool | None = None
) -> Session | None: ...


async def averify_session(
    request: AnyRequest,
    anti_csrf_check: bool | None = None,
    *,
    required: bool = True,
    check_database: bool | None = None,
) -> Session | None:
    """Return the session of `request` for a protected view; None if there is none and it is not `required`.

    `anti_csrf_check`, `check_database`, and the errors: see `verify_session`.
    """
    state = request_of(request)
    owner = state.awaiting(request)
    if verbs.is_refresh(owner):
        return found_in(request, await state.in_thread(partial(verbs.refresh, owner)))
    return await _found(request, anti_csrf_check, required=required, check_database=check_database)


async def arefresh_session(request: AnyRequest) -> Session:
    """Return the session of `request`, with new tokens. Raise as `refresh_session` does."""
    state = request_of(request)
    return found_in(request, await state.in_thread(partial(verbs.refresh, state.awaiting(request))))


async def asign_out(request: AnyRequest) -> list[str]:
    """Revoke all sessions whose tokens are in `request`, and clear its cookies; return the sessions' handles."""
    state = request_of(request)
    return await state.in_thread(partial(verbs.sign_out, state.awaiting(request)))


async def _found(
    request: AnyRequest, check_anti_csrf: bool | None, *, required: bool, check_database: bool | None
) -> Session | None:
    state = request_of(request)
    owner = state.awaiting(request)
    find = partial(verbs.find, owner, check_anti_csrf=check_anti_csrf, required=required, check_database=check_database)
    if state.is_free:  # using a thread would cost ten times as much as the check
        try:
            found = find_at_once(
                owner, check_anti_csrf=check_anti_csrf, required=required, check_database=check_database
            )
        except WouldWaitError:
            pass
        else:
            return found_in(request, found)
    return found_in(request, await state.in_thread(find))
