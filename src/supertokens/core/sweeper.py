# SPDX-License-Identifier: Apache-2.0
"""Expired sessions, and old entries of the feed, leave the store a few at a time.

The sessions are absent anyway, and the entries have been read: this is about room, not about rules.
"""

from __future__ import annotations

import logging
from typing import Final

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import Announcing, SessionStore

__all__ = ["Sweeper"]

_log = logging.getLogger("supertokens")

_SWEEP_EVERY_MS: Final = 600_000
_SWEEP_MORE_AFTER_MS: Final = 1000
_ROWS_AT_ONCE: Final = 500
_BEYOND_A_TOKENS_LIFE_MS: Final = 60_000


class Sweeper:
    """Sweeps one store, on behalf of one core. Moments in ms.

    `access_token_life`: how long (ms) access tokens live. What is announced is kept for that, and a minute.
    """

    def __init__(self, store: SessionStore, access_token_life: int) -> None:
        self._store = store
        self._announcing = store if isinstance(store, Announcing) else None
        self._kept_for = access_token_life + _BEYOND_A_TOKENS_LIFE_MS
        self._next = 0

    def sweep_all(self, now: int) -> int:
        """Delete all sessions that have expired at `now`, and all old entries; return how many sessions there were."""
        total = swept = self._sweep(now)
        while swept == _ROWS_AT_ONCE:
            swept = self._sweep(now)
            total += swept
        while self._sweep_feed(now) == _ROWS_AT_ONCE:
            pass
        return total

    def sweep_now_and_then(self, now: int) -> None:
        """Delete a few expired sessions and old entries every ten minutes, and more while there are more.

        Called at `now` whenever a session was created.
        """
        if self._next - _SWEEP_EVERY_MS <= now < self._next:  # not before: the clock was ahead for a while
            return
        self._next = now + _SWEEP_EVERY_MS
        try:
            if _ROWS_AT_ONCE in (self._sweep(now), self._sweep_feed(now)):
                self._next = now + _SWEEP_MORE_AFTER_MS
        except SuperTokensGeneralError:
            # The session has been created all the same.
            _log.warning("sweeping expired sessions failed; it is tried again in 10 minutes", exc_info=True)

    def _sweep(self, now: int) -> int:
        return self._store.sweep(now, limit=_ROWS_AT_ONCE)

    def _sweep_feed(self, now: int) -> int:
        if self._announcing is None:
            return 0
        return self._announcing.sweep_feed(now, kept_for=self._kept_for, limit=_ROWS_AT_ONCE)
