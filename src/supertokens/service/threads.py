# SPDX-License-Identifier: Apache-2.0
"""Threads that do slow work, or work that may wait for the store, for an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

__all__ = ["Threads"]

T = TypeVar("T")

_NAME: Final = "supertokens"


class _Task(NamedTuple):
    future: asyncio.Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Threads:
    """So many threads for one loop, which hears of everything that has been finished meanwhile in one go.

    An executor of the standard library wakes the loop for each result, with a lock and two futures of its own: next to
    what the service does for a request that was not little.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._finished: deque[tuple[_Task, Any, BaseException | None]] = deque()
        self._loop_knows = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to work for the event loop `loop`."""
        self._loop = loop
        self._threads = [
            threading.Thread(target=self._work, name=f"{_NAME}-{number}", daemon=True) for number in range(self._count)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, function: Callable[..., T], *arguments: Any) -> asyncio.Future[T]:
        """Run `function` with `arguments` in a thread; return the future of its result. Call this on the loop."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._tasks.put(_Task(future, function, arguments))
        return future

    def stop(self) -> None:
        """Finish the work that was given, and end."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            outcome, error = None, None
            try:
                outcome = task.function(*task.arguments)
            except BaseException as raised:  # noqa: BLE001 - it is the loop's, which raises it where it was asked for
                error = raised
            self._finished.append((task, outcome, error))
            # A loop that has been told, and has not looked yet, will find this one too.
            if not self._loop_knows:
                self._loop_knows = True
                self._loop.call_soon_threadsafe(self._hand_back)

    def _hand_back(self) -> None:
        self._loop_knows = False
        while self._finished:
            task, outcome, error = self._finished.popleft()
            if task.future.done():
                continue  # nobody waits any more
            if error is None:
                task.future.set_result(outcome)
            else:
                task.future.set_exception(error)
