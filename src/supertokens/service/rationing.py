# SPDX-License-Identifier: Apache-2.0
"""Log lines about what anyone can cause any number of times: one line reports many, so that the log does not fill."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Failures", "Rationed"]

_EVERY_S: Final = 60.0
_MAX_REASONS: Final = 100

_log = logging.getLogger("supertokens")


class Rationed:
    """A warning that is logged at once for the first time, then once a minute at most, with the count so far.

    `words` say what is counted. `clock` gives seconds and never goes back.
    """

    def __init__(self, words: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._words = words
        self._clock = clock
        self._count = 0
        self._told_at = 0.0

    def note(self) -> None:
        """Count one more, and log a line if one is due."""
        self._count += 1
        now = self._clock()
        if self._count == 1 or now - self._told_at >= _EVERY_S:
            self._told_at = now
            _log.warning("%s since this process started: %d", self._words, self._count)


class Failures:
    """Logs why requests failed: each reason once for each path, with its traceback, then once a minute at most.

    A database that is away fails every request, for one and the same reason.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reasons: dict[str, tuple[int, float]] = {}
        """How often each has occurred, and when it was last reported. The newest are at the end."""

    def note(self, method: str, path: str, error: Exception) -> None:
        """Log that the request `method` `path` failed with `error`, unless the same was logged in the last minute."""
        request = f"{method} {path[:100]}".encode("unicode_escape").decode()
        reason = f"{request} {type(error).__name__} {error}"
        now = self._clock()
        count, told_at = self._reasons.pop(reason, (0, now - _EVERY_S))
        if now - told_at >= _EVERY_S:
            told_at = now
            repeated = f" (before this one, {count} have failed so)" if count else ""
            _log.error("%s failed: %s%s", request, error, repeated, exc_info=error)
        self._reasons[reason] = (count + 1, told_at)
        if len(self._reasons) > _MAX_REASONS:
            del self._reasons[next(iter(self._reasons))]
