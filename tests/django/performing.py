# SPDX-License-Identifier: Apache-2.0
"""The acts of `IntegrationContract` in the words of `supertokens.django`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from supertokens.django import (
    acreate_new_session,
    aget_session,
    arefresh_session,
    arevoke_all_sessions_for_user,
    arevoke_session,
    asign_out,
    create_new_session,
    get_session,
    refresh_session,
    revoke_all_sessions_for_user,
    revoke_session,
    sign_out,
)
from supertokens.testing.integration import (
    Act,
    Create,
    Current,
    Get,
    NestedRequest,
    NewResponse,
    Refresh,
    Response,
    RevokeHandle,
    RevokeSession,
    RevokeUser,
    SignOut,
    UpdatePayload,
)

__all__ = ["asynchronous", "synchronous"]


def synchronous(request: HttpRequest, call: Callable[..., Response]) -> Callable[[Act], Any]:
    """Return what does an act in a view. A response that a verb is given is none of its affairs."""

    def perform(act: Act) -> Any:
        match act:
            case Create(user_id, jwt_payload, session_data):
                return create_new_session(request, user_id, jwt_payload, session_data)
            case Get(check_anti_csrf):
                return get_session(request, check_anti_csrf)
            case Refresh():
                return refresh_session(request)
            case Current():
                return request.supertokens  # type: ignore[attr-defined]
            case SignOut():
                return sign_out(request)
            case RevokeHandle(handle):
                return revoke_session(handle)
            case RevokeUser(user_id):
                return revoke_all_sessions_for_user(user_id)
            case UpdatePayload(session, jwt_payload):
                return session.update_jwt_payload(jwt_payload)
            case RevokeSession(session):
                return session.revoke_session()
            case NewResponse(text, headers):
                return HttpResponse(text, headers=dict(headers))
            case NestedRequest(method, path, headers):
                return call(method, path, headers)

    return perform


def asynchronous(request: HttpRequest, call: Callable[..., Awaitable[Response]]) -> Callable[[Act], Awaitable[Any]]:
    """Return the same for a view that is awaited."""

    async def perform(act: Act) -> Any:
        match act:
            case Create(user_id, jwt_payload, session_data):
                return await acreate_new_session(request, user_id, jwt_payload, session_data)
            case Get(check_anti_csrf):
                return await aget_session(request, check_anti_csrf)
            case Refresh():
                return await arefresh_session(request)
            case Current():
                return request.supertokens  # type: ignore[attr-defined]
            case SignOut():
                return await asign_out(request)
            case RevokeHandle(handle):
                return await arevoke_session(handle)
            case RevokeUser(user_id):
                return await arevoke_all_sessions_for_user(user_id)
            case UpdatePayload(session, jwt_payload):
                return await session.aupdate_jwt_payload(jwt_payload)
            case RevokeSession(session):
                return await session.arevoke_session()
            case NewResponse(text, headers):
                return HttpResponse(text, headers=dict(headers))
            case NestedRequest(method, path, headers):
                return await call(method, path, headers)

    return perform
