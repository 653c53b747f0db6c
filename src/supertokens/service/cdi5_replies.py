# SPDX-License-Identifier: Apache-2.0
"""How the modern family reports sessions and tokens, and how callers report a session's client."""

from __future__ import annotations

from typing import Any, Final

from supertokens.engine.access_token import TENANT
from supertokens.engine.noted_client import NotedClient
from supertokens.engine.session import Credential, IssuedSession, VerifiedSession
from supertokens.service.fields import STRING, Field
from supertokens.service.routes import Call

__all__ = ["NOTED", "WITHOUT_RECIPE_USER", "issued_reply", "noted_client", "user_members", "verified_reply"]

WITHOUT_RECIPE_USER: Final = ("3.0", "3.1")
"""Versions whose replies have no `recipeUserId`."""

NOTED: Final = (
    Field("notedUserAgent", STRING, "The User-Agent that the session records; an extension of this core", None),
    Field("notedAddress", STRING, "The IP address that the session records; an extension of this core", None),
)


def issued_reply(call: Call, issued: IssuedSession) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "session": _session(call, issued),
        "accessToken": _token(issued.access_token),
        "refreshToken": _token(issued.refresh_token),
    }
    if issued.anti_csrf_token is not None:
        reply["antiCsrfToken"] = issued.anti_csrf_token
    if call.get("tellsMore") is True:
        reply["remember"] = issued.remember
    return reply | {"status": "OK"}


def verified_reply(call: Call, verified: VerifiedSession) -> dict[str, Any]:
    reply: dict[str, Any] = {"session": _session(call, verified)}
    if verified.new_access_token is not None:
        reply["accessToken"] = _token(verified.new_access_token)
    if call.get("tellsMore") is True and verified.cookie_life is not None:
        reply |= {"cookiesUntil": verified.cookie_life.until, "remember": verified.cookie_life.remember}
    return reply | {"status": "OK"}


def _session(call: Call, session: IssuedSession | VerifiedSession) -> dict[str, Any]:
    return {
        "handle": session.handle,
        **user_members(call, session.user_id),
        "userDataInJWT": session.jwt_payload,
        "tenantId": TENANT,
    }


def noted_client(call: Call) -> NotedClient | None:
    user_agent, address = call.get("notedUserAgent"), call.get("notedAddress")
    return None if user_agent is address is None else NotedClient.of(user_agent, address)


def user_members(call: Call, user_id: str) -> dict[str, str]:
    return {"userId": user_id} if call.version in WITHOUT_RECIPE_USER else {"userId": user_id, "recipeUserId": user_id}


def _token(token: Credential) -> dict[str, Any]:
    return {"token": token.text, "expiry": token.expires_at, "createdTime": token.created_at}
