# SPDX-License-Identifier: Apache-2.0
"""Wraps an application: gives each request a session, and adds the session's changes to the response."""

from __future__ import annotations

from collections.abc import Awaitable

from supertokens.asgi.answers import ANSWERED_ERRORS, answer_for, close_socket, send_answer
from supertokens.asgi.requests import CURRENT, SCOPE_KEY, ASGIApp, AsgiRequest, Message, Receive, Scope, Send
from supertokens.asgi.threads import Threads
from supertokens.core import Core
from supertokens.transport import RequestSession, SessionEdge, StoredSessions

__all__ = ["Sessions"]

_WITH_HEADERS = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_SHUT_DOWN = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")


class Sessions:
    """The sessions of one application, and the threads that its event loop has for them."""

    def __init__(self, edge: SessionEdge, threads: Threads, *, owns_core: bool) -> None:
        self.edge = edge
        self.threads = threads
        self._owns_core = owns_core
        self.stored = StoredSessions(edge, self._asked)

    @property
    def core(self) -> Core:
        """The core, opened on first use."""
        return self.edge.core

    def current(self) -> AsgiRequest | None:
        """Return the current request of this application, or None outside of requests."""
        request = CURRENT.get()
        while request is not None and request.edge is not self.edge:
            request = request.outer
        return request

    def around(self, application: ASGIApp) -> ASGIApp:
        """Return `application` with sessions."""

        def with_sessions(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            kind = scope["type"]
            if kind == "http" or kind == "websocket":
                return self._answer(application, scope, receive, send)
            return application(scope, receive, self._closing(send) if kind == "lifespan" else send)

        return with_sessions

    async def close(self) -> None:
        """Close the store and the threads. A later request opens them again."""
        core = self.edge.opened_core
        if core is not None and self._owns_core:
            await self.threads.run(core.close, is_bounded=False)
        self.threads.close()

    def _asked(self) -> RequestSession | None:
        request = self.current()
        return None if request is None else request.asked()

    async def _answer(self, application: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        outer_here, edge = scope.get(SCOPE_KEY), self.edge
        owner, accepted = RequestSession(edge, edge.monotonic() if edge.renews else 0.0), False
        request = AsgiRequest(edge, self.threads, owner, scope, scope.get("root_path") or "", CURRENT.get())

        def sending(message: Message) -> Awaitable[None]:
            nonlocal accepted
            if owner.headers_left:
                return send(message)
            kind = message["type"]
            if kind in _WITH_HEADERS:
                sent = request.send_headers(message, send)
                accepted = kind == "websocket.accept"
                return sent
            if kind == "websocket.close":
                owner.headers_left = True  # a refused handshake has no headers to change
            return send(message)

        # In the scope, so that copies of it share the request; in the context, for verbs that get no scope.
        scope[SCOPE_KEY] = request
        token = CURRENT.set(request)
        try:
            await application(scope, receive, sending)
        except ANSWERED_ERRORS as error:
            if owner.headers_left and not accepted:
                raise
            answer = answer_for(scope, error)
            if scope["type"] == "websocket":
                await close_socket(answer, scope, sending, was_accepted=accepted)
            else:
                await send_answer(answer, sending)
        finally:
            CURRENT.reset(token)
            request.let_go_of_scope()
            if outer_here is not None:  # an outer application, which uses the same scope
                scope[SCOPE_KEY] = outer_here

    def _closing(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] in _SHUT_DOWN:
                await self.close()
            await send(message)

        return sending
