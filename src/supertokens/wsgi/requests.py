# SPDX-License-Identifier: Apache-2.0
"""Where the session of a request is kept while a WSGI application handles it (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol

from supertokens.transport import NO_REQUEST, Header, RequestSession, SessionEdge, from_wsgi

__all__ = [
    "CURRENT", "ENVIRON_KEY", "Connection", "Environ", "StartResponse", "WSGIApp", "WsgiRequest", "environ_of",
    "request_of",
]  # fmt: skip

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]


class _HasEnviron(Protocol):
    @property
    def environ(self) -> Environ: ...


Connection = Environ | _HasEnviron
"""A request as passed to the verbs: its WSGI environment, or a framework's object with an attribute `environ`."""

ENVIRON_KEY: Final = "supertokens"
"""The key in environments for the `WsgiRequest` of the innermost application with sessions; copies share it."""


class WsgiRequest:
    """The session of one request, with the server's `environ`, to an application whose edge is `edge`."""

    __slots__ = ("_mount", "_path", "environ", "outer", "owner")

    def __init__(self, edge: SessionEdge, environ: Environ, outer: WsgiRequest | None) -> None:
        self.owner = RequestSession(edge, edge.monotonic() if edge.renews else 0.0)
        self.environ = environ
        self.outer = outer
        """The request during which this one is made, or that of the application in which this one's is mounted."""
        self._mount: str = environ.get("SCRIPT_NAME", "")
        self._path: str = self._mount + environ.get("PATH_INFO", "")

    def asked(self, environ: Environ | None = None) -> RequestSession:
        """Return what is known of the session, for a verb. `environ`: the caller's, as middleware has corrected it."""
        owner = self.owner
        if owner.request is NO_REQUEST:
            owner.request, owner.is_asked = from_wsgi(self._seen_from_here(environ or self.environ)), True
        return owner

    def _seen_from_here(self, environ: Environ) -> Environ:
        """Return `environ` with this application's mount point, which applications mounted in it use for cookies too.

        Mounting moves a part of the path from PATH_INFO to SCRIPT_NAME, and the whole stays the same; otherwise the
        mount point has been corrected from a proxy's header.
        """
        mount: str = environ.get("SCRIPT_NAME", "")
        if mount == self._mount or mount + environ.get("PATH_INFO", "") != self._path:
            return environ
        return {**environ, "SCRIPT_NAME": self._mount, "PATH_INFO": self._path[len(self._mount) :]}

    def starting(self, start_response: StartResponse) -> StartResponse:
        """Return a function that starts the response with the session's changes. `start_response`: the server's."""

        def start(status: str, headers: list[Header], error: Any = None) -> Any:
            return start_response(status, self.owner.sent_headers(headers), error)

        return start

    @contextmanager
    def current(self) -> Iterator[None]:
        """Let verbs find this request, with its environment or without, until the end of the block."""
        environ = self.environ
        before = environ.get(ENVIRON_KEY)
        environ[ENVIRON_KEY] = self
        token = CURRENT.set(self)
        try:
            yield
        finally:
            CURRENT.reset(token)
            if before is not None:  # an outer application's, which uses the same environment
                environ[ENVIRON_KEY] = before


CURRENT: Final[ContextVar[WsgiRequest | None]] = ContextVar("supertokens.wsgi", default=None)
"""The current request, for verbs that are called without one."""


def environ_of(connection: Connection) -> Environ:
    """Return the environment of `connection`."""
    return connection if isinstance(connection, dict) else connection.environ


def request_of(connection: Connection | None) -> WsgiRequest:
    """Return the request that `connection` stands for, or the current one for None.

    Raise RuntimeError if no application with sessions is handling it.
    """
    found = CURRENT.get() if connection is None else environ_of(connection).get(ENVIRON_KEY)
    if found is None:
        raise RuntimeError("this request has no sessions: SuperTokens(app) has to wrap the application")
    return found
