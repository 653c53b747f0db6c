# SPDX-License-Identifier: Apache-2.0
"""Ending many sessions: everybody's, after a restore or once keys have been stolen; all of a user's but one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supertokens.core.protocol import Core
from supertokens.errors import SuperTokensUnauthorisedError
from supertokens.stores.base import EVERYBODY, SessionStore

__all__ = ["revoke_everybody", "revoke_others"]

_SESSIONS_AT_ONCE: Final = 500
"""A write of so many holds up the others for milliseconds."""
_MAX_HANDLES: Final = 1000
"""Handles in one question to a core, which may go over the network."""


def revoke_everybody(store: SessionStore, now: int) -> Iterator[int]:
    """Revoke all sessions in `store` that were created before `now` (ms), some at a time; yield the number of each
    step.

    Sessions that are created meanwhile stay: their users have logged in since.
    """
    after = None
    while page := store.sessions(EVERYBODY, now, after=after, limit=_SESSIONS_AT_ONCE):
        after = page[-1].cursor
        yield len(store.remove([each.handle for each in page if each.created_at < now], now))


def revoke_others(core: Core, user_id: str, spared: str) -> list[str]:
    """Revoke all sessions of `user_id` in `core` but the one of the handle `spared`; return the handles that existed.

    Sessions that begin meanwhile stay. Raise SuperTokensUnauthorisedError, with nothing revoked, unless the user has
    that session: a session that has ended, while its access token is still valid, must not end the others.
    """
    handles = core.session_handles(user_id)
    if spared not in handles:
        core.session(spared)  # says why
        raise SuperTokensUnauthorisedError("Session does not exist.", reason="ended")
    others = [handle for handle in handles if handle != spared]
    return [
        removed
        for start in range(0, len(others), _MAX_HANDLES)
        for removed in core.revoke_sessions(others[start : start + _MAX_HANDLES])
    ]
