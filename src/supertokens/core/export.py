# SPDX-License-Identifier: Apache-2.0
"""Everything that is stored about a user's sessions, for the user: GDPR, articles 15 and 20."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from supertokens.core.protocol import Core
from supertokens.engine.session import ListedSession
from supertokens.engine.user_data import JsonObject
from supertokens.errors import SuperTokensUnauthorisedError

__all__ = ["exported_sessions"]

_SESSIONS_AT_ONCE: Final = 500
"""Sessions in one question, so that none is long; each is then asked for its payload and its data."""


def exported_sessions(core: Core, user_id: str) -> Iterator[JsonObject]:
    """Yield each session of `user_id` in `core` in JSON-compatible form, oldest first: everything stored, without
    secrets.

    Times are in ms since the epoch. Sessions that end meanwhile are left out.
    """
    after = None
    while page := core.sessions(user_id, after=after, limit=_SESSIONS_AT_ONCE):
        for listed in page:
            with suppress(SuperTokensUnauthorisedError):
                yield _exported(core, listed)
        if len(page) < _SESSIONS_AT_ONCE:
            return
        after = page[-1].cursor


def _exported(core: Core, listed: ListedSession) -> JsonObject:
    known = core.session(listed.handle)
    return {
        "handle": known.handle,
        "user_id": known.user_id,
        "created_at": known.created_at,
        "refreshed_at": listed.refreshed_at,
        "last_seen_at": listed.last_seen_at,
        "expires_at": known.expires_at,
        "auth_time": known.auth_time,
        "remember": known.remember,
        "user_agent": listed.client.user_agent,
        "address": listed.client.address,
        "jwt_payload": known.jwt_payload,
        "session_data": core.session_data(listed.handle),
    }
