# SPDX-License-Identifier: Apache-2.0
"""The sessions of a user for a "my devices" page."""

from __future__ import annotations

from supertokens.core import Core
from supertokens.engine.session import ListedSession, SessionCursor
from supertokens.engine.value import Value

__all__ = ["UserSession", "user_sessions"]


class UserSession(Value, frozen=True, kw_only=True):
    """One session of a user. Times are in ms since the epoch; `user_agent` and `address` are None if not recorded.

    `is_current`: it is the session of the current request. `cursor`: the position after which a list continues.
    """

    unshown = frozenset(("user_agent", "address"))

    handle: str
    created_at: int
    last_seen_at: int
    expires_at: int
    remember: bool
    user_agent: str | None
    address: str | None
    is_current: bool
    cursor: SessionCursor


def user_sessions(
    core: Core, user_id: str, current: str | None, *, after: SessionCursor | None = None, limit: int | None = None
) -> list[UserSession]:
    """Return the sessions of `user_id` in `core`, oldest first: all, or at most `limit` after the position `after`.

    `current`: the handle of the request's session.
    """
    return [_shown(each, current) for each in core.sessions(user_id, after=after, limit=limit)]


def _shown(listed: ListedSession, current: str | None) -> UserSession:
    return UserSession(
        handle=listed.handle,
        created_at=listed.created_at,
        last_seen_at=listed.seen_at,
        expires_at=listed.expires_at,
        remember=listed.remember,
        user_agent=listed.client.user_agent,
        address=listed.client.address,
        is_current=listed.handle == current,
        cursor=listed.cursor,
    )
