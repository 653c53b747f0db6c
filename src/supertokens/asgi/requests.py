# SPDX-License-Identifier: Apache-2.0
"""Where the session of a request is kept while an ASGI application handles it, and how its verbs take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar

import msgspec

from supertokens.asgi.threads import Threads
from supertokens.transport import NO_REQUEST, Header, RequestSession, SessionEdge, from_asgi, may_concern_caches

__all__ = ["CURRENT", "SCOPE_KEY", "ASGIApp", "AsgiRequest", "Connection", "Message", "Receive", "Scope", "Send",
           "request_in", "request_of", "scope_of"]  # fmt: skip

T = TypeVar("T")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class _HasScope(Protocol):
    @property
    def scope(self) -> Scope: ...


Connection = Scope | _HasScope
"""A request as passed to the verbs: its ASGI scope, or a framework's object with an attribute `scope`."""

SCOPE_KEY: Final = "supertokens"
"""The key in scopes for the `AsgiRequest` of the innermost application with sessions; copies of a scope share it."""

_NO_SESSIONS: Final = "this request has no sessions: SuperTokens(app) has to wrap the application"


class AsgiRequest(msgspec.Struct, eq=False):
    """The session of one request, or of one WebSocket, on an event loop.

    Its verbs run one after the other, even if the application awaits several concurrently, because they work on one
    session. A verb that is cancelled, because the client disconnected or a timeout expired, still runs to completion;
    the next verb, or the response's headers, wait for it.
    """

    edge: SessionEdge
    threads: Threads
    owner: RequestSession
    _scope: Scope
    _mount: str = ""
    """Not the mount point of an application inside this one, which has no cookies of its own."""
    outer: AsgiRequest | None = None
    """The request during which this one is made, or that of the application in which this one's is mounted."""
    _turn: asyncio.Lock | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.owner!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("owner", self.owner)]  # the scope has the tokens

    def asked(self, scope: Scope | None = None) -> RequestSession:
        """Return what is known of the session, for a verb. `scope`: the caller's, as middleware has corrected it."""
        owner = self.owner
        if scope is None:
            scope = self._scope
        else:
            self._scope = scope
        if owner.request is NO_REQUEST:
            seen = scope
            if (seen.get("root_path") or "") != self._mount:
                seen = {**seen, "root_path": self._mount}
            owner.request, owner.is_asked = from_asgi(seen), True
        return owner

    @property
    def is_free(self) -> bool:
        """Whether no verb is running."""
        return self._turn is None or not self._turn.locked()

    async def in_thread(self, verb: Callable[[], T], *, is_bounded: bool = True) -> T:
        """Call `verb` in a thread, after the verbs before it have ended, and return its result.

        Raise what it raises; and SuperTokensBusyError, with nothing done, if `is_bounded` and too many calls are
        waiting.
        """
        if self._turn is None:
            self._turn = asyncio.Lock()
        turn = self._turn
        await turn.acquire()
        try:
            self.asked()  # again: the headers may have been sent meanwhile, and the request is released with them
            running = self.threads.run(verb, is_bounded=is_bounded)
        except BaseException:
            turn.release()
            raise

        def ended(done: asyncio.Future[T]) -> None:
            turn.release()
            if not done.cancelled():
                done.exception()  # the loop complains about an error that was never retrieved

        running.add_done_callback(ended)
        await asyncio.wait([running])  # cancelling this does not cancel the future
        return running.result()

    def send_headers(self, message: Message, send: Send) -> Awaitable[None]:
        """Send `message`, which has the headers of the response, with the session's changes."""
        owner = self.owner
        if not owner.is_asked:
            owner.headers_left = True
            return send(message)
        if not self.is_free or owner.may_wait_at_headers:
            return self._send_headers_later(message, send)
        headers = list(message.get("headers") or ())
        if owner.changes_headers or may_concern_caches(headers):
            changed = owner.sent_headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
            return send({**message, "headers": [_encoded(header) for header in changed]})
        # The usual request: only headers for caches are added, always the same.
        return send({**message, "headers": [*headers, *map(_encoded_once, owner.sent_headers([]))]})

    async def _send_headers_later(self, message: Message, send: Send) -> None:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers") or ()]
        changed = await self.in_thread(lambda: self.owner.sent_headers(headers), is_bounded=False)
        await send({**message, "headers": [_encoded(header) for header in changed]})

    def let_go_of_scope(self) -> None:
        """Keep a copy of the scope, for tasks that outlive the request: the scope itself holds this object.

        As a reference cycle, both would stay in memory until the garbage collector runs.
        """
        self._scope = {**self._scope}
        self._scope.pop(SCOPE_KEY, None)


CURRENT: Final[ContextVar[AsgiRequest | None]] = ContextVar("supertokens.asgi", default=None)
"""The current request, for verbs that are called without one."""


def scope_of(connection: Connection) -> Scope:
    """Return the scope of a request."""
    # Not with `isinstance` of an abstract class, which costs ten times as much: every verb calls this.
    scope: Scope | None = getattr(connection, "scope", None)
    return connection if scope is None else scope  # type: ignore[return-value]


def request_in(scope: Scope) -> AsgiRequest:
    """Return the request in `scope`. Raise RuntimeError if no application with sessions is handling it."""
    found: AsgiRequest | None = scope.get(SCOPE_KEY)
    if found is None:
        raise RuntimeError(_NO_SESSIONS)
    return found


def request_of(connection: Connection | None) -> AsgiRequest:
    """Return the request that `connection` stands for, or the current one for None.

    Raise RuntimeError if no application with sessions is handling it.
    """
    if connection is not None:
        return request_in(scope_of(connection))
    found = CURRENT.get()
    if found is None:
        raise RuntimeError(_NO_SESSIONS)
    return found


def _encoded(header: Header) -> tuple[bytes, bytes]:
    name, value = header
    return name.lower().encode("latin-1"), value.encode("latin-1")


_encoded_once: Final = lru_cache(maxsize=8)(_encoded)  # for headers that are the same for every user
