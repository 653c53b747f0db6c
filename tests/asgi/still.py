# SPDX-License-Identifier: Apache-2.0
"""A store that stands still until it is told to go on, as one does whose disk or network is slow."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final

from supertokens.stores.memory import MemoryStore

__all__ = ["StillStore"]

_WAITING: Final = frozenset(
    name for name in vars(MemoryStore) if not name.startswith("_") and name not in ("add_key", "close")
)


class StillStore(MemoryStore):
    """While it is `stopped`, its callers wait; `waiting` counts them. None of them may be on the thread of a loop."""

    def __init__(self) -> None:
        super().__init__()
        self._goes_on = threading.Event()
        self._goes_on.set()
        self.waiting = 0

    def stop(self) -> None:
        self._goes_on.clear()

    def go_on(self) -> None:
        self._goes_on.set()

    def __getattribute__(self, name: str) -> Any:
        if name in _WAITING:
            self._wait(name)
        return super().__getattribute__(name)

    def _wait(self, name: str) -> None:
        assert asyncio._get_running_loop() is None, f"{name} on the event loop"
        self.waiting += 1
        assert self._goes_on.wait(60), "nobody let the store go on"
        self.waiting -= 1
