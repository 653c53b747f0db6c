# SPDX-License-Identifier: Apache-2.0
"""Sessions for `django.contrib.auth`: users log in through Django, and `request.user` comes from our session.

The payload's member `django` has what Django stores about a login: the authentication backend, and the session auth
hash, which changes with the password. So a change of password ends a user's other sessions here too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
    user_logged_in,
    user_logged_out,
)
from django.contrib.auth import middleware as django_middleware
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from supertokens.django.async_verbs import averify_session
from supertokens.django.requests import AnyRequest, request_of
from supertokens.django.responses import ANSWERED_ERRORS, answer_for
from supertokens.django.session import Session, current_session
from supertokens.django.verbs import create_new_session, sign_out, verify_session

__all__ = ["AuthenticationMiddleware", "log_in", "user_of"]

CLAIM: Final = "django"
_ASKS_BEFORE_VIEWS: Final = "django.contrib.auth.middleware.LoginRequiredMiddleware"


def log_in(
    request: AnyRequest,
    user: Any,
    jwt_payload: dict[str, Any] | None = None,
    session_data: dict[str, Any] | None = None,
    *,
    backend: str | None = None,
    remember: bool = True,
) -> Session:
    """Create a session for `user`, a user of `django.contrib.auth`. It replaces the browser's earlier one.

    With `AuthenticationMiddleware`, `django.contrib.auth.login` does this by itself. `backend`: the path of the user's
    authentication backend; None: the one that authenticated `user`, or the only one there is. For the other arguments,
    and the errors, see `create_new_session`; also raise ValueError if the backend is not known.
    """
    path = backend or getattr(user, "backend", None)
    if path is None:
        if len(settings.AUTHENTICATION_BACKENDS) != 1:
            raise ValueError("pass `backend`: AUTHENTICATION_BACKENDS does not have exactly one")
        path = settings.AUTHENTICATION_BACKENDS[0]
    claim = {"backend": path, "hash": _hashes_of(user)[0]}
    user_id = user._meta.pk.value_to_string(user)
    payload = {**(jwt_payload or {}), CLAIM: claim}
    return create_new_session(request, user_id, payload, session_data, remember=remember, replace=True)


def user_of(session: Session | None) -> Any:
    """Return the user of `session`, or AnonymousUser. Revoke a session from before a change of the password."""
    claim = None if session is None else session.get_jwt_payload().get(CLAIM)
    if session is None or not isinstance(claim, dict) or claim.get("backend") not in settings.AUTHENTICATION_BACKENDS:
        return AnonymousUser()
    try:
        key = get_user_model()._meta.pk.to_python(session.get_user_id())
    except ValidationError:
        return AnonymousUser()
    user = load_backend(claim["backend"]).get_user(key)
    if user is None:
        return AnonymousUser()
    if not any(constant_time_compare(str(claim.get("hash")), known) for known in _hashes_of(user)):
        session.revoke_session()
        return AnonymousUser()
    return user


class AuthenticationMiddleware(django_middleware.AuthenticationMiddleware):
    """A replacement for Django's middleware of the same name, with `request.user` from our session."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        user_logged_in.connect(_begin, dispatch_uid="supertokens.begin")
        user_logged_out.connect(_end, dispatch_uid="supertokens.end")
        if _ASKS_BEFORE_VIEWS in settings.MIDDLEWARE:
            self.process_view = _answer_before_view

    def process_request(self, request: HttpRequest) -> None:
        """Set `request.user`, which is looked up on first use."""
        request_of(request).gives_user = True
        request.user = SimpleLazyObject(partial(_user, request))  # type: ignore[assignment]
        request.auser = partial(_auser, request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Keep the session of `request` valid if its user has changed the password, and return `response`."""
        if _has_new_hash(request):
            _take_up_new_hash(request)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)  # this does not block
        response: HttpResponseBase = await self.get_response(request)  # type: ignore[misc]
        if _has_new_hash(request):
            await sync_to_async(_take_up_new_hash)(request)
        return response


def _user(request: Any) -> Any:
    if not hasattr(request, "_cached_user"):
        request._cached_user = user_of(verify_session(request, required=False))
    return request._cached_user


async def _auser(request: Any) -> Any:
    if not hasattr(request, "_acached_user"):
        session = await averify_session(request, required=False)
        request._acached_user = await sync_to_async(user_of)(session)
    return request._acached_user


def _hashes_of(user: Any) -> list[str]:
    """Return the hashes that a session of `user` may have: with the current secret key, and with earlier ones."""
    if not hasattr(user, "get_session_auth_hash"):
        return [""]
    return [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]


def _gives_user(request: Any) -> bool:
    return bool(getattr(getattr(request, "_supertokens", None), "gives_user", False))


def _begin(*, request: Any, user: Any, **_: Any) -> None:
    """Create a session for `user`, who has just logged in through Django; remove the login from Django's session."""
    if _gives_user(request):
        backend = request.session[BACKEND_SESSION_KEY]
        for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
            request.session.pop(key, None)
        log_in(request, user, backend=backend, remember=not request.session.get_expire_at_browser_close())


def _end(*, request: Any, **_: Any) -> None:
    if _gives_user(request):
        sign_out(request)


def _has_new_hash(request: Any) -> bool:
    """Return whether `update_session_auth_hash` was called: nothing else leaves the hash in Django's session."""
    session = getattr(request, "session", None)
    return session is not None and session.modified and HASH_SESSION_KEY in session


def _take_up_new_hash(request: Any) -> None:
    new, session = request.session.pop(HASH_SESSION_KEY), current_session(request)
    payload = {} if session is None else session.get_jwt_payload()
    if session is not None and isinstance(payload.get(CLAIM), dict):
        session.update_jwt_payload({**payload, CLAIM: {**payload[CLAIM], "hash": new}})
        session.renew()


def _answer_before_view(request: Any, view: Any, *_: Any) -> HttpResponseBase | None:
    """Return a response if looking up `request.user` fails: Django turns errors of inner middleware into 500s."""
    try:
        if getattr(view, "login_required", True):
            bool(request.user.is_authenticated)
    except ANSWERED_ERRORS as error:
        return answer_for(request, error)
    return None
