# SPDX-License-Identifier: Apache-2.0
"""`supertokens_middleware`, the decorator that protects a view."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, Final, ParamSpec, Protocol, TypeVar, overload
from weakref import WeakSet

import flask

from supertokens.errors import SuperTokensError
from supertokens.flask.requests import APP_CONTEXT, EXTENSION, REQUEST_CONTEXT, current_request, requests_of
from supertokens.transport import Session, verbs

__all__ = ["refuse_unprotected_views", "supertokens_middleware"]

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger("supertokens")

_decorated: Final[WeakSet[Callable[..., Any]]] = WeakSet()
"""The views that were passed to the decorator."""

_protected_views: Final[WeakSet[Callable[..., Any]]] = WeakSet()
"""What the decorator returned for them."""


class _Decorator(Protocol):
    def __call__(self, view: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def supertokens_middleware(anti_csrf_check: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def supertokens_middleware(anti_csrf_check: bool | None = None, *, required: bool = True) -> _Decorator: ...


def supertokens_middleware(anti_csrf_check: Any = None, *, required: bool = True) -> Any:
    """Protect a view: bare, with `()`, or with True or False for the anti-CSRF check.

    The session is `current_session()`, and `g.supertokens`. By default all methods but GET are checked, and WebSocket
    handshakes if `anti_csrf` is `origin`. OPTIONS and TRACE pass; a POST to `refresh_api_path` is a refresh. With
    `required=False` the view also runs without a session; both are then None. Put it below the route decorator.
    """
    if callable(anti_csrf_check):
        return _protected(anti_csrf_check, None, required=True)
    if not isinstance(anti_csrf_check, bool | None):
        raise TypeError("supertokens_middleware takes True, False or nothing")
    return lambda view: _protected(view, anti_csrf_check, required=required)


def _protected(view: Callable[..., Any], anti_csrf_check: bool | None, *, required: bool) -> Callable[..., Any]:
    is_async = iscoroutinefunction(view)
    app_context, request_context = APP_CONTEXT.get, REQUEST_CONTEXT.get
    check = verbs.verify if required else partial(verbs.find, required=False)

    @wraps(view)
    def protected(*args: Any, **kwargs: Any) -> Any:
        try:
            context, environ = app_context(), request_context().request.environ
        except LookupError:
            current_request()  # raises Flask's error, which explains the mistake
            raise
        app = context.app
        method = environ["REQUEST_METHOD"]
        if method in ("OPTIONS", "TRACE"):
            return app.ensure_sync(view)(*args, **kwargs) if is_async else view(*args, **kwargs)
        owner = (app.extensions.get(EXTENSION) or requests_of(app)).of_environ(environ)
        # Like `verbs.is_refresh`; inlined, since every POST to a protected view runs this.
        if method == "POST" and owner.request.is_for(owner.edge.refresh_path):
            session: Session | None = verbs.refresh(owner)
        else:
            session = check(owner, check_anti_csrf=anti_csrf_check)
        context.g.supertokens = session
        try:
            return app.ensure_sync(view)(*args, **kwargs) if is_async else view(*args, **kwargs)
        except SuperTokensError as error:
            # An error that the application itself raises is treated in the same way, whatever handles it.
            raise owner.refused(error) from error.__cause__

    _protected_views.add(protected)
    try:
        _decorated.add(view)
    except TypeError:  # an object that does not support weak references cannot be looked up, and is accepted
        _log.debug("a protected view is not a plain function; whether it is registered unprotected is not checked")
    return protected


def refuse_unprotected_views(app: flask.Flask) -> None:
    """Close views that were decorated in the wrong order, so that the unprotected function is registered.

    A view that is registered both with and without protection is assumed to be intended.
    """
    with_protection = {view for registered in app.view_functions.values() for view in _protected_inside(registered)}
    for endpoint, view in app.view_functions.items():
        if _was_decorated(view) and view not in with_protection:
            _log.error(
                "the view %r is registered unprotected: put @supertokens_middleware below the route decorator."
                " Until then it responds with 500",
                endpoint,
            )
            app.view_functions[endpoint] = _refusal(endpoint)


def _protected_inside(view: Callable[..., Any] | None) -> Iterator[Callable[..., Any]]:
    """Yield the views whose protection is inside `view`, or inside what other decorators have wrapped."""
    while view is not None:
        inner: Callable[..., Any] | None = getattr(view, "__wrapped__", None)
        if inner is not None and view in _protected_views:
            yield inner
        view = inner


def _was_decorated(view: Callable[..., Any]) -> bool:
    try:
        return view in _decorated
    except TypeError:  # an object that does not support weak references
        return False


def _refusal(endpoint: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError(
            f"the view {endpoint!r} is registered without its protection: put @supertokens_middleware below the route"
            " decorator"
        )

    return refuse
