# SPDX-License-Identifier: Apache-2.0
"""Expired sessions, and old entries of the feed, leave the store a few at a time.

The sessions are absent anyway, and the entries have been read: this is about room, not about rules.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
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
        return sum(self.sweep_in_steps(now))

    def sweep_in_steps(self, now: int) -> Iterator[int]:
        """Do what `sweep_all` does, a few rows at a time; yield the number of sessions of each step.

        Who stops asking has swept what was yielded.
        """
        swept = _ROWS_AT_ONCE
        while swept == _ROWS_AT_ONCE:
            swept = self._sweep(now)
            yield swept
        while self._sweep_feed(now) == _ROWS_AT_ONCE:
            yield 0

    def sweep_now_and_then(self, now: int) -> None:
        """Delete a few expired sessions and old entries every ten minutes, and more while there are more.

        Called at `now` whenever a session was created.
        """
        if self._next - _SWEEP_EVERY_MS <= now < self._next:  # not before: the clock was ahead for a while
            return
        self._next = now + _SWEEP_EVERY_MS
        try:
            swept = self._sweep(now)
            if _ROWS_AT_ONCE in (swept, self._sweep_feed(now)):
                self._next = now + _SWEEP_MORE_AFTER_MS
            if swept:
                _log.info("%d expired sessions were deleted", swept)
        except SuperTokensGeneralError:
            # The session has been created all the same.
            _log.warning("sweeping expired sessions failed; retrying in 10 minutes", exc_info=True)

    def _sweep(self, now: int) -> int:
        return self._store.sweep(now, limit=_ROWS_AT_ONCE)

    def _sweep_feed(self, now: int) -> int:
        if self._announcing is None:
            return 0
        return self._announcing.sweep_feed(now, kept_for=self._kept_for, limit=_ROWS_AT_ONCE)
