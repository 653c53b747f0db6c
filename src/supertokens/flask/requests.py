# SPDX-License-Identifier: Apache-2.0
"""Where a request's session is kept while Flask handles it, and how its changes get onto the response."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from itertools import count
from typing import Any, Final

import flask

from supertokens.core import Core
from supertokens.transport import NO_REQUEST, Header, RequestSession, SessionEdge, StoredSessions, from_wsgi

__all__ = [
    "APP_CONTEXT", "EXTENSION", "REQUEST_CONTEXT", "AppSessions", "current_app", "current_request", "requests_of",
    "rewrite_headers",
]  # fmt: skip

EXTENSION: Final = "supertokens"
"""The extension's name in `app.extensions`, and the session's in `flask.g`."""

_flask: Any = flask
# The objects behind Flask's proxies: each use of a proxy would cost a microsecond.
current_request: Callable[[], flask.Request] = _flask.request._get_current_object
current_app: Callable[[], flask.Flask] = _flask.current_app._get_current_object
# The context variables behind those, for what every request and every check runs. From Flask 3.2 on they are one.
APP_CONTEXT: Final[ContextVar[Any]] = _flask.globals._cv_app
REQUEST_CONTEXT: Final[ContextVar[Any]] = vars(flask.globals).get("_cv_request", APP_CONTEXT)

_numbers: Final = count()


class AppSessions:
    """The requests of one app.

    Each has one `RequestSession` in its environment, put there by the outermost WSGI wrapper, so that copies of the
    environment made further in share it. Requests that bypass the wrapper, as when another library took `app.wsgi_app`
    before the extension did, are handled by an `after_request` hook of the app.
    """

    def __init__(self, app: flask.Flask, edge: SessionEdge) -> None:
        self.edge = edge
        self._app = app
        self._key = f"supertokens.session.{next(_numbers)}"
        self._went_past = f"{self._key}.unwrapped"
        self._has_hook = False
        self.stored = StoredSessions(edge, lambda: self.current() if flask.has_request_context() else None)

    @property
    def core(self) -> Core:
        """The core, opened on first use."""
        return self.edge.core

    def current(self) -> RequestSession:
        """Return the session of the current request."""
        return self.of_environ(current_request().environ)

    def known(self) -> RequestSession | None:
        """Return the session of the current request if a verb has asked for it; this does not affect `Vary`."""
        owner: RequestSession | None = current_request().environ.get(self._key)
        return owner

    def of_environ(self, environ: dict[str, Any]) -> RequestSession:
        """Return the session of the request whose environment is now `environ`."""
        owner: RequestSession | None = environ.get(self._key)
        if owner is None:
            owner = environ[self._key] = RequestSession(self.edge, self.edge.monotonic())
            environ[self._went_past] = True
            self._hook()
        if owner.request is NO_REQUEST:
            # Only now: middleware may have corrected the environment in the meantime.
            owner.request, owner.is_asked = from_wsgi(environ), True
        return owner

    def of(self, response: object) -> RequestSession:
        """Return the session of the current request, and apply its changes to `response` too unless that is None."""
        owner = self.current()
        if response is not None:
            if not isinstance(response, flask.wrappers.Response):
                raise TypeError(f"res must be a flask.Response or None, not {type(response).__name__}")
            owner.put_on(response)
        return owner

    def around(self, application: Callable[..., Any]) -> Callable[..., Any]:
        """Return `application`, wrapped to apply the changes of its requests last, even after `after_request` hooks."""
        key, edge = self._key, self.edge
        renews, outer_context = edge.renews, APP_CONTEXT.get

        def outermost(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            owner = RequestSession(edge, edge.monotonic() if renews else 0.0)

            def start(status: str, headers: list[Header], error: Any = None) -> Any:
                return start_response(status, owner.sent_headers(headers), error)

            if outer_context(None) is not None:
                return _inside_another(application, environ, start, key, owner)
            environ[key] = owner
            return application(environ, start)

        return outermost

    def at_first_request(self, act: Callable[[], None]) -> None:
        """Call `act` before the first request is dispatched, however it reaches the app."""
        hooks = self._app.before_request_funcs

        def first() -> None:
            act()
            if self._key not in current_request().environ:
                self._hook()
            # Only now: each of several simultaneous first requests does this, so that none continues before it is done.
            hooks[None] = [hook for hook in hooks[None] if hook is not first]

        hooks[None] = [first, *hooks.get(None, [])]

    def _hook(self) -> None:
        """Let the app's last hook make the changes on the responses of requests that bypassed the wrapper."""
        if not self._has_hook:
            self._has_hook = True
            hooks = self._app.after_request_funcs
            # The hook registered first is called last. A new list, since other requests may be iterating over the old
            # one.
            hooks[None] = [self._after_request, *hooks.get(None, [])]

    def _after_request(self, response: flask.Response) -> flask.Response:
        environ = current_request().environ
        if self._went_past in environ:
            owner: RequestSession = environ[self._key]
            rewrite_headers(response, owner.sent_headers)
        return response


def _inside_another(
    application: Callable[..., Any], environ: dict[str, Any], start: Callable[..., Any], key: str, owner: RequestSession
) -> Any:
    """Handle a request inside another one, or inside an app context of a test or a script.

    It shares that context's `g`, and may share its environment.
    """
    outer, session_before = environ.get(key), flask.g.pop(EXTENSION, None)
    environ[key] = owner
    try:
        return application(environ, start)
    finally:
        flask.g.pop(EXTENSION, None)
        if session_before is not None:
            flask.g.supertokens = session_before
        if outer is not None:
            environ[key] = outer


def rewrite_headers(response: flask.Response, change: Callable[[list[Header]], list[Header]]) -> None:
    """Replace the headers of `response` with the result of `change`."""
    headers = change(list(response.headers))
    response.headers.clear()
    response.headers.extend(headers)


def requests_of(app: flask.Flask) -> AppSessions:
    """Return the sessions of `app`'s requests. Raise RuntimeError if it has none."""
    sessions: AppSessions | None = app.extensions.get(EXTENSION)
    if sessions is None:
        raise RuntimeError("this app has no sessions: call SuperTokens(app), or init_app(app)")
    return sessions
