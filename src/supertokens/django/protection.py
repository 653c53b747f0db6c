# SPDX-License-Identifier: Apache-2.0
"""`session_required`, the decorator that protects a view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, Final, NamedTuple, Protocol, TypeVar, overload

from asgiref.sync import iscoroutinefunction

from supertokens.django.async_verbs import averify_session
from supertokens.django.requests import DjangoRequest, request_of, why_no_sessions
from supertokens.errors import SuperTokensError
from supertokens.transport import verbs

__all__ = ["session_required"]

View = TypeVar("View", bound=Callable[..., Any])

_UNCHECKED: Final = ("OPTIONS", "TRACE")


class _Options(NamedTuple):
    required: bool
    anti_csrf_check: bool | None
    check_database: bool | None


class _Decorator(Protocol):
    def __call__(self, view: View, /) -> View: ...


@overload
def session_required(view: View, /) -> View: ...


@overload
def session_required(
    *, required: bool = True, anti_csrf_check: bool | None = None, check_database: bool | None = None
) -> _Decorator: ...


def session_required(
    view: Any = None,
    /,
    *,
    required: bool = True,
    anti_csrf_check: bool | None = None,
    check_database: bool | None = None,
) -> Any:
    """Protect a view, a coroutine function or not: bare, or with options. The session is `request.supertokens`.

    For class-based views, use `method_decorator(session_required, name="dispatch")`. By default, cross-site requests
    are refused for all methods but GET (`anti_csrf_check`); OPTIONS and TRACE pass; a POST to `refresh_api_path` is a
    refresh. Without `required`, the view also runs if there is no session. `check_database`: whether the session's
    record is read, so that a revocation takes effect at once; None: as `access_token_blacklisting` says.
    """
    options = _Options(required, anti_csrf_check, check_database)
    if view is None:
        return partial(_protected, options=options)
    if not callable(view):
        raise TypeError(f"session_required takes a view, and options by name, not a {type(view).__name__}")
    return _protected(view, options)


def _protected(view: Callable[..., Any], options: _Options) -> Callable[..., Any]:
    return _async(view, options) if _is_async(view) else _sync(view, options)


def _is_async(view: Callable[..., Any]) -> bool:
    """Return whether `view` is awaited; the `dispatch` of a class-based one returns what its handlers do."""
    if iscoroutinefunction(view):
        return True
    instance = getattr(getattr(view, "func", view), "__self__", None)
    return bool(getattr(instance, "view_is_async", False)) and getattr(view, "__name__", "") == "dispatch"


def _sync(view: Callable[..., Any], options: _Options) -> Callable[..., Any]:
    required, check_anti_csrf, check_database = options
    check = verbs.verify if required else partial(verbs.find, required=False)

    @wraps(view)
    def protected(request: Any, *args: Any, **kwargs: Any) -> Any:
        try:  # like `request_of`; inlined, since every request to the view runs this
            state: DjangoRequest = request._supertokens
        except AttributeError:
            raise why_no_sessions(request) from None
        method = request.method
        if method in _UNCHECKED:
            return view(request, *args, **kwargs)
        if method == "POST" and verbs.is_refresh(state.asked_for(request)):
            verbs.refresh(state.owner)
        else:
            check(state.asked_for(request), check_anti_csrf=check_anti_csrf, check_database=check_database)
        try:
            return view(request, *args, **kwargs)
        except SuperTokensError as error:
            # If the application itself raises it, it is treated as one of the library's.
            raise state.owner.refused(error) from error.__cause__

    return protected


def _async(view: Callable[..., Awaitable[Any]], options: _Options) -> Callable[..., Any]:
    required, check_anti_csrf, check_database = options

    @wraps(view)
    async def protected(request: Any, *args: Any, **kwargs: Any) -> Any:
        state = request_of(request)
        if request.method in _UNCHECKED:
            return await view(request, *args, **kwargs)
        await averify_session(request, check_anti_csrf, required=required, check_database=check_database)
        try:
            return await view(request, *args, **kwargs)
        except SuperTokensError as error:
            raise state.owner.refused(error) from error.__cause__

    return protected
