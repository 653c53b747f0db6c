# SPDX-License-Identifier: Apache-2.0
"""Decides, for each check under blacklisting, whether a token has to be compared with the store again."""

from __future__ import annotations

from supertokens.core.feed import Feed
from supertokens.core.verified_tokens import VerifiedToken
from supertokens.engine.lifetimes import Lifetimes
from supertokens.engine.session import SessionRecord
from supertokens.stores.base import Checking, Store

__all__ = ["Comparisons"]


class Comparisons:
    """The comparisons of one core, for any thread. Times are in ms. `feed`: None for `revocation: query`."""

    def __init__(self, store: Store, lifetimes: Lifetimes, feed: Feed | None) -> None:
        self.feed = feed
        self._checking = store if isinstance(store, Checking) else None
        self._lifetimes = lifetimes
        self._seen_within, self._created_within = lifetimes.beyond_doubt()

    def begin(self, known: VerifiedToken, now: int) -> int | None:
        """Return `asked_at` for `note`, to be called once the record is read, or None if `known` is still valid `now`.

        Decided from the feed, without reading the store, or otherwise with one narrow read.
        """
        feed = self.feed
        if feed is None:
            return None if self._is_as_before(known, now) else 0
        if feed.vouches_for(known.token.handle, known.asked_at):
            return None
        position = feed.position()
        if position is not None:
            return position
        return None if self._is_as_before(known, now) else 0

    def note(self, known: VerifiedToken, record: SessionRecord, asked_at: int) -> None:
        """Remember that `record` agrees with `known`. `asked_at`: what `begin` returned before it was read."""
        # No feed announces that a session has expired, so it must not expire before the token does.
        known.asked_at = asked_at if self._lifetimes.end_of(record) >= known.token.expires_at else 0

    def close(self) -> None:
        """Stop reading the feed, until it is needed again."""
        if self.feed is not None:
            self.feed.close()

    def _is_as_before(self, known: VerifiedToken, now: int) -> bool:
        """Return whether one narrow read shows that the session of `known` is valid `now`, with an unchanged payload.

        Unchanged: equal to the stored payload that last matched the token's. False: the record has to be read.
        """
        if self._checking is None or known.stored_payload is None:
            return False
        stored = self._checking.get_payload(
            known.token.handle, now, seen_within=self._seen_within, created_within=self._created_within
        )
        return stored == known.stored_payload
