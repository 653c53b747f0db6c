# SPDX-License-Identifier: Apache-2.0
"""Find out by trying whether requests can be served: one check at a time, in a thread of its own, with a time limit.

Anyone may ask. A check writes to the store, so it is shared by all who ask within a second. It has its own thread
because all others may be waiting for the store, which is when the answer matters.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from supertokens.service.rationing import Failures
from supertokens.service.replies import Reply, json_reply
from supertokens.service.threads import Threads

__all__ = ["Readiness"]

_SHARED_FOR_S: Final = 1.0
_ANSWER_WITHIN_S: Final = 1.0

_UNAVAILABLE: Final = json_reply({"status": "UNAVAILABLE"}, 503)


class Readiness:
    """The reply to `/ready`: what `look` returns, or 503 if it raises.

    `clock` gives seconds and never goes back.
    """

    def __init__(self, look: Callable[[], Reply], clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock
        self._thread = Threads(1)
        self._failures = Failures(clock)
        self._looking: asyncio.Future[Reply] | None = None
        self._latest: tuple[float, Reply] | None = None
        self._draining = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer, on the event loop `loop`."""
        self._thread.start(loop)

    def stop(self) -> None:
        """Let the last check end."""
        self._thread.stop()

    def drain(self) -> None:
        """Answer no from now on, so that load balancers send no more requests."""
        self._draining = True

    async def reply(self) -> Reply:
        """Return the result of a check that is at most a second old, or 503 if the check takes longer than that."""
        if self._draining:
            return _UNAVAILABLE
        if self._latest is not None and self._clock() - self._latest[0] < _SHARED_FOR_S:
            return self._latest[1]
        if self._looking is None or self._looking.done():
            self._looking = self._thread.run(self._looked)
        try:
            return await asyncio.wait_for(asyncio.shield(self._looking), _ANSWER_WITHIN_S)
        except TimeoutError:
            return _UNAVAILABLE

    def _looked(self) -> Reply:
        reply = _UNAVAILABLE
        try:
            reply = self._look()
        except Exception as error:  # noqa: BLE001 - logged; whatever it is, requests cannot be served
            self._failures.note("GET", "/ready", error)
        self._latest = (self._clock(), reply)
        return reply
