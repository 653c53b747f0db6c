# SPDX-License-Identifier: Apache-2.0
"""How long sessions and their tokens live: the smaller of what a record says and what the configuration says now.

Every time is in ms. A session ends when it has been idle for too long, or at its absolute end, whichever comes first;
nothing that is handed out for it outlives the latter.
"""

from __future__ import annotations

from typing import NamedTuple

from supertokens.engine.session import ListedSession, SessionRecord

__all__ = ["Lifetimes"]


class Lifetimes(NamedTuple):
    """What the configuration says of lives.

    `access_token`: of an access token. `idle`: of a session after its last use; `short_idle`: of one that is not
    remembered, which is not longer. `most`: of any session after its beginning, however much it is used; None: no
    bound.
    """

    access_token: int
    idle: int
    short_idle: int
    most: int | None
    closing: int = 0
    """How long before a session's absolute end no refresh is answered any more."""

    def idle_of(self, *, remember: bool) -> int:
        """Return how long a session lives unused (ms). `remember`: whether its cookies outlive the browser."""
        return self.idle if remember else self.short_idle

    def absolute_end(self, created_at: int) -> int | None:
        """Return when a session of `created_at` ends however much it is used, or None.

        It is a whole second, rounded down, like the expiry of a V5 access token. Otherwise the record could outlive the
        last token by a moment, in which a client would refresh in a loop.
        """
        return None if self.most is None else (created_at + self.most) // 1000 * 1000

    def extended(self, created_at: int, now: int, *, remember: bool) -> int:
        """Return when a session of `created_at` ends that is used `now`. `remember`: see `idle_of`."""
        return self._bounded(now + self.idle_of(remember=remember), created_at)

    def access_token_end(self, created_at: int, now: int) -> int:
        """Return when an access token ends that is issued `now`, for a session of `created_at`."""
        return self._bounded(now + self.access_token, created_at)

    def reissued_end(self, created_at: int, expires_at: int) -> int:
        """Return when an access token ends that replaces one of `expires_at`, for a session of `created_at`.

        Verify never lengthens a life.
        """
        return self._bounded(expires_at, created_at)

    def end_of(self, record: SessionRecord | ListedSession) -> int:
        """Return when the session of `record` ends: the sooner of what it was promised and what the configuration says
        now.

        A record of an earlier version does not say when it was last seen: only its own expiry and the bound count.
        """
        end = record.expires_at
        if record.last_seen_at is not None:
            end = min(end, record.last_seen_at + self.idle_of(remember=record.remember))
        return self._bounded(end, record.created_at)

    def is_closing(self, created_at: int, now: int) -> bool:
        """Return whether a session of `created_at` is too near to its absolute end to be refreshed.

        All that is issued dies at that end. On a host whose clock is ahead of the one that counts for the record, it is
        dead on arrival: each request would begin another generation, and a browser whose requests overtake one another
        would be taken for a thief.
        """
        absolute = self.absolute_end(created_at)
        return absolute is not None and now >= absolute - self.closing

    def has_ended(self, record: SessionRecord, now: int) -> bool:
        """Return whether the configuration ends the session of `record` by `now`, before its own expiry."""
        # As `end_of`, in few operations.
        if self.most is None and record.created_at + self.short_idle > now:
            return False
        seen = record.last_seen_at
        if seen is not None and seen + self.idle_of(remember=record.remember) <= now:
            return True
        return self.most is not None and self._bounded(record.expires_at, record.created_at) <= now

    def beyond_doubt(self) -> tuple[int, int | None]:
        """Return two ages (ms) below which `has_ended` is False, whatever else the record says.

        They are the time since the session was last seen, and since it was created (None: any).
        """
        # The absolute end is rounded down, by less than a second.
        return self.short_idle, None if self.most is None else self.most - 1000

    def _bounded(self, end: int, created_at: int) -> int:
        absolute = self.absolute_end(created_at)
        return end if absolute is None else min(end, absolute)
