# SPDX-License-Identifier: Apache-2.0
"""Sessions in Flask: `SuperTokens(app)`, the verbs, and the decorator (protocol-1, section E)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Final

try:
    import flask
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("supertokens.flask needs Flask: pip install 'supertokens-sessions[flask]'") from error

from supertokens import errors as exceptions  # the name that the 1.x series has for them
from supertokens.config import Config
from supertokens.core import Core
from supertokens.errors import (
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)  # fmt: skip
from supertokens.topology import open_core, require_extras
from supertokens.transport import CORS_HEADERS, Changes, Edge, Exchange, Header, Request, Session, listed

__all__ = [
    "Session", "SuperTokens", "SuperTokensError", "SuperTokensGeneralError", "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError", "SuperTokensUnauthorisedError", "Supertokens", "create_new_session",
    "exceptions", "get_all_session_handles_for_user", "get_cors_allowed_headers", "get_jwt_payload", "get_session",
    "get_session_data", "refresh_session", "revoke_all_sessions_for_user", "revoke_multiple_sessions", "revoke_session",
    "set_relevant_headers_for_options_api", "supertokens_middleware", "update_jwt_payload", "update_session_data",
]  # fmt: skip

_Json = dict[str, Any] | None
_EXTENSION: Final = "supertokens"
_EDGE: Final = "supertokens.edge"  # in the environment of a request
_PENDING: Final = "supertokens.changes"
# What Flask's proxies stand for now: each use of a proxy itself would cost a microsecond.
_flask: Any = flask
_request: Callable[[], flask.Request] = _flask.request._get_current_object
_current_app: Callable[[], flask.Flask] = _flask.current_app._get_current_object
_g: Callable[[], Any] = _flask.g._get_current_object


class SuperTokens:
    """The extension. `SuperTokens(app)` is all that an app needs; options are the keys of `Config`, by name.

    `core`: another than the configuration asks for. The store is opened on first use. Raises ConfigError.
    """

    def __init__(self, app: flask.Flask | None = None, *, core: Core | None = None, **options: object) -> None:
        self._core = core
        self._options = options
        self._on_unauthorised: Callable[[SuperTokensUnauthorisedError], Any] = lambda _: _answer("unauthorised")
        self._on_try_refresh: Callable[[SuperTokensTryRefreshTokenError], Any] = lambda _: _answer("try refresh token")
        self._on_theft: Callable[[str, str], Any] = lambda *_: _answer("token theft detected")
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Attach to `app`, with the configuration that it has now."""
        config = Config.load(arguments=self._options, app_config=app.config, environ=os.environ)
        require_extras(config)

        def core() -> Core:
            database = Path(app.instance_path) / "supertokens.sqlite3"
            return self._core or open_core(config, database, temporary_for=app if app.testing else None)

        app.extensions[_EXTENSION] = edge = Edge(config, core, _emit)
        app.register_error_handler(SuperTokensUnauthorisedError, lambda error: self._on_unauthorised(error))
        app.register_error_handler(SuperTokensTryRefreshTokenError, lambda error: self._on_try_refresh(error))
        app.register_error_handler(
            SuperTokensTokenTheftError, lambda error: self._on_theft(error.session_handle, error.user_id)
        )
        app.wsgi_app = _around(app.wsgi_app, edge)  # type: ignore[method-assign]

    def set_unauthorised_error_handler(self, callback: Callable[[SuperTokensUnauthorisedError], Any]) -> None:
        """What answers a request without a session; the cookies are cleared on its response."""
        self._on_unauthorised = callback

    def set_try_refresh_token_error_handler(self, callback: Callable[[SuperTokensTryRefreshTokenError], Any]) -> None:
        """What answers a request whose access token is not good."""
        self._on_try_refresh = callback

    def set_token_theft_detected_error_handler(self, callback: Callable[[str, str], Any]) -> None:
        """What answers a stolen token, given session handle and user id. The session is revoked by then."""
        self._on_theft = callback


Supertokens = SuperTokens  # as the older documentation spells it


def _around(application: Callable[..., Any], edge: Edge) -> Callable[..., Any]:
    """The WSGI application with the changes of its requests made last: also after what `after_request` did."""

    def outermost(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[Header], error: Any = None) -> Any:
            if _PENDING in environ:
                headers = environ.pop(_PENDING).applied_to(headers)
            return start_response(status, headers, error)

        if flask.has_app_context():  # tests and scripts keep one open over several requests, and `g` with it
            flask.g.pop(_EXTENSION, None)
        environ[_EDGE] = edge
        return application(environ, start)

    return outermost


def _emit(changes: Changes, request: Request, response: flask.Response | None, *, raising: bool) -> None:
    if response is not None:
        headers = changes.applied_to(list(response.headers))
        response.headers.clear()
        response.headers.extend(headers)
        if changes.whole and not raising:
            request.environ.pop(_PENDING, None)
    # An error's response is made by a handler, so what belongs on it has to wait.
    if response is None or raising:
        request.environ.setdefault(_PENDING, Changes()).update(changes)


def create_new_session(
    res: flask.Response | None, user_id: str, jwt_payload: _Json = None, session_data: _Json = None
) -> Session:
    """Log `user_id` in. Raises TypeError or ValueError for what cannot be kept, SuperTokensGeneralError."""
    return _exchange(res).create(user_id, jwt_payload, session_data)


def get_session(res: flask.Response | None, enable_csrf_protection: bool) -> Session:
    """The session of the current request.

    `enable_csrf_protection` counts only while `enable_anti_csrf` is set. Raises SuperTokensUnauthorisedError (the
    cookies are cleared), SuperTokensTryRefreshTokenError (they are left alone), SuperTokensGeneralError.
    """
    return _exchange(res).verify(check_anti_csrf=bool(enable_csrf_protection))


def refresh_session(res: flask.Response | None) -> Session:
    """The session of the current request, with new tokens. Raises SuperTokensUnauthorisedError and, once the session
    is revoked, SuperTokensTokenTheftError (the cookies are cleared), SuperTokensGeneralError.
    """
    return _exchange(res).refresh()


def revoke_session(session_handle: str) -> bool:
    """End one session. False if there was none."""
    return bool(_edge().core.revoke_sessions([session_handle]))


def revoke_multiple_sessions(session_handles: Sequence[str]) -> list[str]:
    """End sessions; the handles of those that there were."""
    return _edge().core.revoke_sessions(session_handles)


def revoke_all_sessions_for_user(user_id: str) -> list[str]:
    """End all sessions of a user; their handles."""
    return _edge().core.revoke_user(user_id)


def get_all_session_handles_for_user(user_id: str) -> list[str]:
    """The user's sessions, oldest first."""
    return _edge().core.session_handles(user_id)


def get_session_data(session_handle: str) -> dict[str, Any]:
    """What the application keeps of a session on the server. Raises SuperTokensUnauthorisedError."""
    return _edge().core.session_data(session_handle)


def update_session_data(session_handle: str, new_session_data: _Json) -> None:
    """Replace it. Raises SuperTokensUnauthorisedError, TypeError, ValueError."""
    _edge().update_session_data(session_handle, new_session_data)


def get_jwt_payload(session_handle: str) -> dict[str, Any]:
    """The payload as stored. Raises SuperTokensUnauthorisedError."""
    return _edge().jwt_payload(session_handle)


def update_jwt_payload(session_handle: str, new_jwt_payload: _Json) -> None:
    """Replace it in the store, for access tokens renewed from then on. Raises as `update_session_data` does."""
    _edge().update_jwt_payload(session_handle, new_jwt_payload)


def get_cors_allowed_headers() -> list[str]:
    """The request headers that a preflight has to allow."""
    return list(CORS_HEADERS)


def set_relevant_headers_for_options_api(res: flask.Response) -> None:
    """Let a preflight pass: our request headers, and credentials."""
    allowed = res.headers.get("Access-Control-Allow-Headers", "")
    res.headers["Access-Control-Allow-Headers"] = listed(allowed, CORS_HEADERS)
    res.headers["Access-Control-Allow-Credentials"] = "true"


def supertokens_middleware(anti_csrf_check: bool | Callable[..., Any] | None = None) -> Any:
    """Protect a view: bare, with `()`, or with True or False for the anti-CSRF check; the session is `g.supertokens`.

    By default all methods but GET are checked. OPTIONS and TRACE pass; a POST to `refresh_api_path` is a refresh.
    """
    if callable(anti_csrf_check):
        return _protected(anti_csrf_check, None)
    if not isinstance(anti_csrf_check, bool | None):
        raise TypeError("supertokens_middleware takes True, False or nothing")
    return lambda view: _protected(view, anti_csrf_check)


def _protected(view: Callable[..., Any], anti_csrf_check: bool | None) -> Callable[..., Any]:
    is_async = iscoroutinefunction(view)

    @wraps(view)
    def protected(*args: Any, **kwargs: Any) -> Any:
        environ = _request().environ
        method = environ["REQUEST_METHOD"]
        if method not in ("OPTIONS", "TRACE"):
            exchange = Exchange(environ.get(_EDGE) or _edge(), Request(environ))
            if method == "POST" and exchange.is_refresh:
                session = exchange.refresh()
            else:
                check = method != "GET" if anti_csrf_check is None else anti_csrf_check
                session = exchange.verify(check_anti_csrf=check)
            _g().supertokens = session
        return flask.current_app.ensure_sync(view)(*args, **kwargs) if is_async else view(*args, **kwargs)

    return protected


def _edge() -> Edge:
    edge: Edge | None = _current_app().extensions.get(_EXTENSION)
    if edge is None:
        raise RuntimeError("this app has no sessions yet: call SuperTokens(app), or init_app(app)")
    return edge


def _exchange(res: flask.Response | None) -> Exchange:
    if res is not None and not isinstance(res, flask.wrappers.Response):
        raise TypeError(f"res must be a flask.Response or None, not {type(res).__name__}")
    environ = _request().environ
    return Exchange(environ.get(_EDGE) or _edge(), Request(environ), res)


def _answer(error: str) -> flask.Response:
    # The older browser libraries read `error`, the newer ones `message`.
    return flask.make_response({"error": error, "message": error}, _edge().config.session_expired_status_code)
