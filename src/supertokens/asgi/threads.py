# SPDX-License-Identifier: Apache-2.0
"""The threads in which an event loop has done what may wait: so many at a time, and so many more in line."""

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
    """So many requests wait for the store, or the core, already that another one would only wait too. Nothing was done.

    It is answered with 503 and Retry-After.
    """

    def __init__(self, message: str = "too many requests are waiting for the session store") -> None:
        super().__init__(message, reason="busy")


class Threads:
    """At most `count` threads, for any event loop, started when they are needed; at most `max_waiting` calls in line.

    Threads do not cross a fork, and loops are not to share a pool with what else a program runs in threads: one slow
    part of it would stop the other.
    """

    def __init__(self, count: int, max_waiting: int) -> None:
        if count < 1 or max_waiting < 0:
            raise ValueError(f"threads has to be at least 1 and max_waiting at least 0, not {count} and {max_waiting}")
        self._count = count
        self._bound = count + max_waiting
        self._start()

    def run(self, function: Callable[[], T], *, is_bounded: bool = True) -> asyncio.Future[T]:
        """Call `function` in a thread, in the caller's context; return the future of what it returns or raises.

        To be called on a loop. It is done even if nobody waits for the future any more. Raise SuperTokensBusyError if
        too many calls are waiting, unless it is not to be `is_bounded`.
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
        """Let go of the threads, each when it has done what it is at. A later call starts others."""
        executor = self._executor
        self._start()
        executor.shutdown(wait=False)

    def _submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._executor, copy_context().run, function)

    def _start(self) -> None:
        self._pid = os.getpid()
        self._executor = ThreadPoolExecutor(self._count, thread_name_prefix="supertokens")
        self._places = BoundedSemaphore(self._bound)
