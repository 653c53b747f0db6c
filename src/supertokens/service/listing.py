# SPDX-License-Identifier: Apache-2.0
"""Sessions of a user with their times and clients, page after page: an extension of this core."""

from __future__ import annotations

from typing import Any, Final

from supertokens.engine.session import SessionCursor
from supertokens.service.fields import MILLISECONDS, STRING, Field, Kind
from supertokens.service.replies import Reply, json_reply
from supertokens.service.routes import CDI5_VERSIONS, Backend, Call, Route

__all__ = ["FORGET_CLIENTS", "LIST_SESSIONS", "MAX_SESSIONS"]

MAX_SESSIONS: Final = 1000
"""Sessions in one reply, so that none takes long."""


def _limit(value: Any) -> int:
    if type(value) is not int or not 0 < value <= MAX_SESSIONS:
        raise ValueError(f"not a number from 1 to {MAX_SESSIONS}")
    return value


def _list_sessions(backend: Backend, call: Call) -> Reply:
    created_at, handle = call.get("afterTimeCreated"), call.get("afterSessionHandle")
    after = None if created_at is None or handle is None else SessionCursor(created_at, handle)
    sessions = [
        {
            "handle": each.handle,
            "timeCreated": each.created_at,
            "timeRefreshed": each.refreshed_at,
            "expiry": each.expires_at,
            "timeSeen": each.last_seen_at,
            "remember": each.remember,
            "userAgent": each.client.user_agent,
            "address": each.client.address,
        }
        for each in backend.core.sessions(call["userId"], after=after, limit=call["limit"])
    ]
    return json_reply({"status": "OK", "sessions": sessions})


def _forget_clients(backend: Backend, call: Call) -> Reply:
    return json_reply({"status": "OK", "sessionHandles": backend.core.forget_clients(call["userId"])})


LIST_SESSIONS: Final = Route(
    "POST", "/recipe/session/list", _list_sessions,
    "The sessions of a user with their times, oldest first; an extension of this core", CDI5_VERSIONS,
    body=(
        Field("userId", STRING, "Whose sessions"),
        Field("limit", Kind(_limit, {"type": "integer", "minimum": 1, "maximum": MAX_SESSIONS}), "How many at most"),
        Field("afterTimeCreated", MILLISECONDS, "`timeCreated` of the last session of the page before", None),
        Field("afterSessionHandle", STRING, "Its handle", None),
    ),
)  # fmt: skip

FORGET_CLIENTS: Final = Route(
    "POST", "/recipe/session/clients/forget", _forget_clients,
    "Erase what a user's sessions record about their clients; an extension of this core", CDI5_VERSIONS,
    body=(Field("userId", STRING, "Whose sessions"),),
)  # fmt: skip
