# SPDX-License-Identifier: Apache-2.0
"""Large deletions in steps, with gaps between them for other writers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["Turns"]

_MAX_PAUSE_S: Final = 0.15
"""By then every waiting writer has looked: SQLite's busy handler (`sqliteDefaultBusyCallback`) looks every 100 ms."""


class Turns:
    """Separates the steps of large deletions, whichever thread makes them, so that others get the lock in between.

    A writer in another process does not queue for SQLite's lock but polls it. So the lock is left free for as long as
    it was held. `monotonic`: seconds of a clock that never goes back.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._next = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until the previous step has been over for as long as it took (0.15 s at most), then begin this one."""
        while (wait := self._next - self._monotonic()) > 0:
            self._sleep(wait)
        began = self._monotonic()
        try:
            yield
        finally:
            ended = self._monotonic()
            self._next = ended + min(ended - began, _MAX_PAUSE_S)
