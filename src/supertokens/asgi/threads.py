# SPDX-License-Identifier: Apache-2.0
"""Threads for blocking calls from an event loop: a limited number of them, and a limited queue."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import BoundedSemaphore
from typing import TypeVar

from supertokens.errors import SuperTokensGeneralError

__all__ = ["SuperTokensBusyError", "Threads"]

T = TypeVar("T")


class SuperTokensBusyError(SuperTokensGeneralError):
    """Too many requests are already waiting for the store, or the core. Nothing was done.

    The response to it is a 503 with Retry-After.
    """

    def __init__(self, message: str = "too many requests are waiting for the session store") -> None:
        super().__init__(message, reason="busy")


class Threads:
    """At most `count` threads, for any event loop, started on demand; at most `max_waiting` calls are queued.

    Threads do not survive a fork, and the pool is not shared with other parts of the program: a slow one would block
    the others.
    """

    def __init__(self, count: int, max_waiting: int) -> None:
        if count < 1 or max_waiting < 0:
            raise ValueError(f"threads has to be at least 1 and max_waiting at least 0, not {count} and {max_waiting}")
        self._count = count
        self._bound = count + max_waiting
        self._start()

    def run(self, function: Callable[[], T], *, is_bounded: bool = True) -> asyncio.Future[T]:
        """Call `function` in a thread, in the caller's context; return a future with its result or error.

        Call it on an event loop. `function` runs even if nobody awaits the future. Raise SuperTokensBusyError if
        `is_bounded` and too many calls are waiting.
        """
        if self._pid != os.getpid():  # forked: the threads have stayed with the parent
            self._start()
        places = self._places
        if not is_bounded:
            return self._submit(function)
        if not places.acquire(blocking=False):
            raise SuperTokensBusyError

        def in_its_place() -> T:
            try:
                return function()
            finally:
                places.release()

        try:
            return self._submit(in_its_place)
        except BaseException:
            places.release()
            raise

    def close(self) -> None:
        """End the threads, each after its current call. A later call starts new ones."""
        executor = self._executor
        self._start()
        executor.shutdown(wait=False)

    def _submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, function)

    def _start(self) -> None:
        self._pid = os.getpid()
        self._executor = ThreadPoolExecutor(self._count, thread_name_prefix="supertokens")
        self._places = BoundedSemaphore(self._bound)
