# SPDX-License-Identifier: Apache-2.0
"""Log lines about what anyone can cause any number of times: one tells of many, so that nobody can fill the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Rationed"]

_EVERY_S: Final = 60.0

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
