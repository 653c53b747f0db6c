# SPDX-License-Identifier: Apache-2.0
"""Single flight: one thread asks the core, the others wait for its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock

__all__ = ["SharedQuestion"]

T = TypeVar("T")


class SharedQuestion:
    """For any thread. While the core answers, threads that need to know wait for the one that asks.

    Once the core has failed, no thread waits: one finds out whether it is back, and the others fail at once, as
    calls do while a host rests. Threads that queued up for a hung core would be held for one timeout after the other.
    """

    def __init__(self) -> None:
        self._asking = ProcessLock()
        self._asked = 0
        self._failure: str | None = None
        """Of the last time."""

    def answer(self, known: Callable[[], T | None], ask: Callable[[], T]) -> T:
        """Return what `known` returns when it is this thread's turn, or else what `ask` gets.

        Raise SuperTokensGeneralError if `ask` does, here or in the thread that this one waited for.
        """
        asked, failure, asking = self._asked, self._failure, self._asking.own
        if not asking.acquire(blocking=failure is None):
            raise SuperTokensGeneralError(failure or "")
        try:
            found = known()
            if found is not None:
                return found
            if self._failure is not None and self._asked != asked:
                raise SuperTokensGeneralError(self._failure)
            return self._ask(ask)
        finally:
            asking.release()

    def answer_unless_asked(self, ask: Callable[[], T]) -> T | None:
        """Return what `ask` gets, or None, without waiting, while another thread asks. Raise what `ask` raises."""
        asking = self._asking.own
        if not asking.acquire(blocking=False):
            return None
        try:
            return self._ask(ask)
        finally:
            asking.release()

    def _ask(self, ask: Callable[[], T]) -> T:
        try:
            answer = ask()
        except SuperTokensGeneralError as error:
            self._failure = str(error)
            raise
        finally:
            self._asked += 1
        self._failure = None
        return answer
