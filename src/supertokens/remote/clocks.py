# SPDX-License-Identifier: Apache-2.0
"""Compare this host's clock with the core's, by the dates of the tokens that the core has just made.

Access tokens expire by the clock of the app that checks them. If that is an hour ahead of the core's, every token has
expired when it arrives, and a browser refreshes in a loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from supertokens.forks import ProcessLock

__all__ = ["Clocks"]

_TOLERATED_MS: Final = 10_000
_WARN_EVERY_S: Final = 3600.0
_EXPLAIN_EVERY_S: Final = 60.0

_log = logging.getLogger("supertokens")


class Clocks:
    """Compares the two clocks, for any thread. `monotonic` gives seconds of a clock that never goes back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._warning = _AtMostEvery(_WARN_EVERY_S, monotonic)
        self._explanation = _AtMostEvery(_EXPLAIN_EVERY_S, monotonic)
        self._ahead = 0
        """How far this host's clock is ahead of the core's (ms); 0 where that is tolerated."""

    def compare(self, made_at: int, asked_at: int, answered_at: int) -> None:
        """Log a warning, once an hour at most, if the clocks differ. Moments in ms.

        `made_at`: when the core made a token, by its clock. `asked_at` and `answered_at`: when it was asked for and
        received, by this host's clock.
        """
        ahead = max(asked_at - made_at, 0) or min(answered_at - made_at, 0)
        if abs(ahead) <= _TOLERATED_MS:
            ahead = 0
        self._ahead = ahead
        if ahead and self._warning.is_due():
            effect = (
                "reject access tokens that much too early" if ahead > 0 else "accept access tokens that much too long"
            )
            _log.warning(
                "this app's clock and the core's differ by %d seconds: it is %s here, and %s at the core. Checks here"
                " will %s; synchronise the clocks (NTP)",
                abs(ahead) // 1000, _in_words(answered_at), _in_words(made_at), effect,
            )  # fmt: skip

    def explain_refusal(self) -> None:
        """Log, once a minute at most, that a valid token may have been refused because the clocks differ."""
        ahead = self._ahead
        if ahead > 0 and self._explanation.is_due():
            _log.warning(
                "an access token was refused that may still be valid by the core's clock: this app's is %d seconds"
                " ahead",
                ahead // 1000,
            )


class _AtMostEvery:
    """Says for the first of many calls, and once in so many `seconds`, that its turn has come; for any thread."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._changing = ProcessLock()
        self._next = float("-inf")

    def is_due(self) -> bool:
        with self._changing.own:
            now = self._monotonic()
            if now < self._next:
                return False
            self._next = now + self._seconds
            return True


def _in_words(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
