# SPDX-License-Identifier: Apache-2.0
"""Decide by API keys who may call (docs/protocol/cdi2.md#api-keys, docs/protocol/cdi5.md#transport)."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from supertokens.service.rationing import Rationed

__all__ = ["ApiKeys"]

_log = logging.getLogger("supertokens")

_LOOK_EVERY_S: Final = 1.0


class ApiKeys:
    """The keys of the configuration, and those of a file that is read again when it changes.

    `read` reads them; its ValueError leaves the keys as they were, but for the first time.
    """

    def __init__(
        self,
        keys: tuple[str, ...],
        file: Path | None = None,
        read: Callable[[Path], tuple[str, ...]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._read = read
        self._clock = clock
        self._looked_at = clock()
        self._refused = Rationed("requests refused for their API key", clock)
        self._seen = _state_of(file)
        # What the file says now: the configuration may have been read a while ago.
        self._keep(keys if file is None or read is None else read(file))

    @property
    def exist(self) -> bool:
        """Return whether there are keys. Without any, every caller is accepted."""
        return bool(self._current())

    def include(self, given: str | None) -> bool:
        """Return whether `given` is one of the keys. It is compared with each, in constant time."""
        text = (given or "").strip().encode("utf-8", "replace")
        # No short cut: how long it takes must not tell which key was close.
        return sum([hmac.compare_digest(text, key) for key in self._current()]) > 0

    def accept(self, given: str | None) -> bool:
        """Return whether `given` is one of the keys, or none is needed; count the refusals, for the log."""
        accepted = not self._current() or self.include(given)
        if not accepted:
            self._refused.note()
        return accepted

    def _current(self) -> tuple[bytes, ...]:
        if self._file is not None and self._clock() - self._looked_at >= _LOOK_EVERY_S:
            self._look()
        return self._keys

    def _look(self) -> None:
        self._looked_at = self._clock()
        state = _state_of(self._file)
        if state == self._seen or self._file is None or self._read is None:
            return
        self._seen = state
        try:
            keys = self._read(self._file)
        except ValueError:
            # A file that is being replaced, or broken, must open the service to nobody and lock nobody out.
            _log.error("the file of API keys cannot be used as it is now; the keys stay as they were")
            return
        self._keep(keys)
        _log.info("API keys were read again: there are %d", len(keys))

    def _keep(self, keys: tuple[str, ...]) -> None:
        self._keys = tuple(key.encode() for key in keys)


def _state_of(file: Path | None) -> tuple[int, int, int] | None:
    try:
        found = None if file is None else file.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)
