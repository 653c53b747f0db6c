# SPDX-License-Identifier: Apache-2.0
"""One worker process: requests from the HTTP server (RSGI) to the dispatcher, within limits.

What a token alone decides is answered on the event loop. What waits for the store, or signs, runs in a thread, so
that the writes of many requests share one commit.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined]

from supertokens.errors import SuperTokensGeneralError
from supertokens.service.dispatch import Dispatcher, FoundRoute
from supertokens.service.listening import turn_away_new_connections
from supertokens.service.rationing import Failures
from supertokens.service.readiness import Readiness
from supertokens.service.replies import RefusedError, Reply, text_reply
from supertokens.service.request_head import RequestHead
from supertokens.service.routes import VERSIONS, Call
from supertokens.service.shared import READY
from supertokens.service.threads import Threads

__all__ = ["DRAIN", "LEAVE", "Limits", "Worker"]

DRAIN: Final = signal.SIGUSR1
"""Tells a worker that it will be stopped: from then on it is not ready, and every reply ends its connection."""

LEAVE: Final = signal.SIGUSR2
"""Tells it that it will be stopped in a moment: it turns new connections away."""

_READ_ON_THE_LOOP: Final = 65_536
"""A larger body is parsed in a thread (bytes)."""

_DISCARD_FOR_S: Final = 1.0
_CUT_OFF_EVERY_S: Final = 0.1
_ACCEPT_FOR_S: Final = 0.2
_KEYS_EVERY_S: Final = 10.0
_PARENT_EVERY_S: Final = 0.25
_CLOSE: Final = ("connection", "close")

_log = logging.getLogger("supertokens")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask for. Times in seconds, sizes in bytes."""

    header_time: float = 30.0
    """To send a request's headers; also how long an idle connection is kept."""
    body_time: float = 15.0
    header_bytes: int = 65_536
    body_bytes: int = 4_194_304
    all_bodies_bytes: int = 67_108_864
    """The total size of the bodies that a worker holds at a time."""


class Worker:
    """The RSGI application of a worker process."""

    def __init__(self, dispatcher: Dispatcher, limits: Limits, threads: int, on_start: Callable[[], object]) -> None:
        self._dispatcher = dispatcher
        self._limits = limits
        self._threads = Threads(threads)
        self._readiness = Readiness(lambda: READY.handler(dispatcher.backend, Call(VERSIONS[-1], {})))
        self._on_start = on_start
        self._failures = Failures()
        self._held = 0
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._draining = False
        self._parent = os.getppid()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._threads.start(loop)
        self._readiness.start(loop)
        loop.add_signal_handler(DRAIN, self._drain)
        loop.add_signal_handler(LEAVE, loop.call_later, _ACCEPT_FOR_S, turn_away_new_connections)
        # A terminal sends these to all processes. The first process acts on them, and drains the others.
        for number in (signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        loop.call_later(_PARENT_EVERY_S, self._watch_parent)
        self._cut_off_the_slow()
        self._keep_keys()
        self._on_start()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._threads.stop()
        self._readiness.stop()
        self._dispatcher.backend.core.close()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        try:
            reply = await self._reply(scope, protocol)
        except RefusedError as refusal:
            reply = text_reply(refusal.status, refusal.words)
        except Exception as error:  # noqa: BLE001 - logged as what it is; outside it is 500
            self._failures.note(scope.method, scope.path, error)
            reply = text_reply(500, "Internal Error")
        headers = list(reply.headers)
        if self._draining and _CLOSE not in headers:
            headers.append(_CLOSE)
        protocol.response_bytes(reply.status, headers, reply.body)  # to a HEAD, only their length is sent

    async def _reply(self, scope: Any, protocol: Any) -> Reply:
        head = RequestHead(scope)
        found = self._dispatcher.find(head)
        if found.route.body is None:
            return await self._answer(found, head, b"")
        with self._holding() as hold:
            try:
                body = await self._in_time(self._body(head, protocol, hold))
            except (ProtocolClosed, ProtocolError):
                raise RefusedError(400, "The body is not complete") from None
            return await self._answer(found, head, body)

    async def _answer(self, found: FoundRoute, head: RequestHead, body: bytes) -> Reply:
        if len(body) > _READ_ON_THE_LOOP:
            return await self._threads.run(self._read_and_run, found, head, body)
        call = self._dispatcher.call(found, head, body)
        route, backend = found.route, self._dispatcher.backend
        if route is READY:
            return await self._readiness.reply()
        if route.at_once(backend, call):
            return route.handler(backend, call)
        return await self._threads.run(route.handler, backend, call)

    def _read_and_run(self, found: FoundRoute, head: RequestHead, body: bytes) -> Reply:
        return found.route.handler(self._dispatcher.backend, self._dispatcher.call(found, head, body))

    async def _in_time(self, body: Coroutine[Any, Any, bytes]) -> bytes:
        """Return what `body` returns. Raise RefusedError if it takes longer than `body_time`."""
        # One look at all of them now and then: a timer for each request costs more than most requests do.
        task = asyncio.current_task()
        assert task is not None
        self._reading[task] = self._loop.time() + self._limits.body_time
        try:
            return await body
        except asyncio.CancelledError:
            if task in self._reading:
                raise
            task.uncancel()
            raise RefusedError(408, "The body took too long") from None
        finally:
            self._reading.pop(task, None)

    def _cut_off_the_slow(self) -> None:
        for task, deadline in list(self._reading.items()):
            if deadline > self._loop.time():
                break  # all have the same time, so those that began later are not late either
            del self._reading[task]
            task.cancel()
        self._loop.call_later(_CUT_OFF_EVERY_S, self._cut_off_the_slow)

    async def _body(self, head: RequestHead, protocol: Any, hold: Callable[[int], None]) -> bytes:
        length = head.header("content-length")
        incoming = _chunks(protocol)
        try:
            if length is not None:
                hold(int(length) if length.isdecimal() else 0)
                body: bytes = await protocol()
                return body
            chunks = []
            async for chunk in incoming:
                hold(len(chunk))
                chunks.append(chunk)
            return b"".join(chunks)
        except RefusedError:
            if head.header("expect") is not None:  # it waits for our word, and has sent nothing
                raise
            # Most clients read the reply only after sending everything; the rest of what they send is discarded.
            with suppress(TimeoutError):
                async with asyncio.timeout(_DISCARD_FOR_S):
                    async for _ in incoming:
                        pass
            raise

    @contextmanager
    def _holding(self) -> Iterator[Callable[[int], None]]:
        """Reserve room for the bytes of a body before they are read. Raise RefusedError if there is none."""
        held = 0

        def hold(more: int) -> None:
            nonlocal held
            if held + more > self._limits.body_bytes:
                raise RefusedError(413, "The body is too large")
            if self._held + more > self._limits.all_bodies_bytes:
                raise RefusedError(503, "Busy")
            held += more
            self._held += more

        try:
            yield hold
        finally:
            self._held -= held

    def _drain(self) -> None:
        self._draining = True
        self._readiness.drain()

    def _watch_parent(self) -> None:
        """Stop when the parent process is gone: a service without it would go on holding the port."""
        if os.getppid() != self._parent:
            signal.raise_signal(signal.SIGTERM)
            return
        self._loop.call_later(_PARENT_EVERY_S, self._watch_parent)

    def _keep_keys(self) -> None:
        """Read the keys again in time, in a thread, so that the loop need not."""
        backend = self._dispatcher.backend

        def read() -> None:
            try:
                backend.core.keys.ring_for_signing(backend.clock())
            except SuperTokensGeneralError as error:
                _log.warning("the keys cannot be read: %s", error)

        self._threads.run(read)
        self._loop.call_later(_KEYS_EVERY_S, self._keep_keys)


async def _chunks(protocol: Any) -> AsyncIterator[bytes]:
    async for chunk in protocol:
        yield chunk
