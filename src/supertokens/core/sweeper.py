# SPDX-License-Identifier: Apache-2.0
"""Expired sessions leave the store a few at a time. They are absent anyway: this is about room, not about rules."""

from __future__ import annotations

import logging
from typing import Final

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import SessionStore

__all__ = ["Sweeper"]

_log = logging.getLogger("supertokens")

_SWEEP_EVERY_MS: Final = 600_000
_SWEEP_MORE_AFTER_MS: Final = 1000
_SESSIONS_AT_ONCE: Final = 500  # sessions


class Sweeper:
    """Sweeps one store, on behalf of one core. Moments in ms."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._next = 0

    def sweep_all(self, now: int) -> int:
        """Delete all sessions that have expired at `now`; return how many there were."""
        total = swept = self._sweep(now)
        while swept == _SESSIONS_AT_ONCE:
            swept = self._sweep(now)
            total += swept
        return total

    def sweep_now_and_then(self, now: int) -> None:
        """Delete a few expired sessions every ten minutes, and more while there are more.

        Called at `now` whenever a session was created.
        """
        if self._next - _SWEEP_EVERY_MS <= now < self._next:  # not before: the clock was ahead for a while
            return
        self._next = now + _SWEEP_EVERY_MS
        try:
            if self._sweep(now) == _SESSIONS_AT_ONCE:
                self._next = now + _SWEEP_MORE_AFTER_MS
        except SuperTokensGeneralError:
            # The session that was just created stands.
            _log.warning("sweeping expired sessions failed; it is tried again in 10 minutes", exc_info=True)

    def _sweep(self, now: int) -> int:
        return self._store.sweep(now, limit=_SESSIONS_AT_ONCE)
