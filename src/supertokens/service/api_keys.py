# SPDX-License-Identifier: Apache-2.0
"""Who may call: API keys (protocol-1, A.2; protocol-modern, 1.1)."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["ApiKeys"]

_log = logging.getLogger("supertokens")

_LOOK_EVERY: Final = 1.0  # seconds
_TELL_EVERY: Final = 60.0  # seconds


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
        self._looked_at = self._told_at = clock()
        self._refused = 0
        self._seen = _state_of(file)
        # What the file says now: the configuration may have been read a while ago.
        self._keep(keys if file is None or read is None else read(file))

    def accept(self, given: str | None) -> bool:
        """Whether `given` is one of the keys, or none is needed. Each is compared, in constant time."""
        if self._file is not None and self._clock() - self._looked_at >= _LOOK_EVERY:
            self._look()
        if not self._keys:
            return True
        text = (given or "").strip().encode("utf-8", "replace")
        # No short cut: how long it takes must not tell which key was close.
        accepted = sum([hmac.compare_digest(text, key) for key in self._keys]) > 0
        if not accepted:
            self._note_refusal()
        return accepted

    def _note_refusal(self) -> None:
        """One line for many refusals, so that whoever guesses keys shows, and cannot fill the log."""
        self._refused += 1
        if self._refused == 1 or self._clock() - self._told_at >= _TELL_EVERY:
            _log.warning("requests refused for their API key since this process started: %d", self._refused)
            self._told_at = self._clock()

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
