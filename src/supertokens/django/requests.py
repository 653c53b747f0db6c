# SPDX-License-Identifier: Apache-2.0
"""Where the session of a request is kept while Django handles it, and the request as the rules see it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, Protocol

from django.conf import settings
from django.http import HttpRequest

from supertokens.asgi.requests import AsgiRequest
from supertokens.transport import NO_REQUEST, RequestSession, from_wsgi

__all__ = ["CURRENT", "AnyRequest", "DjangoRequest", "ProxiedRequest", "request_of", "why_no_sessions"]


class _WrapsRequest(Protocol):
    @property
    def _request(self) -> HttpRequest: ...


AnyRequest = HttpRequest | _WrapsRequest
"""A request as passed to the verbs: Django's, or Django REST framework's, which wraps it."""

CURRENT: Final[ContextVar[HttpRequest | None]] = ContextVar("supertokens.django", default=None)
"""The current request, for verbs that are called without one."""


class DjangoRequest(AsgiRequest, eq=False):
    """The session of one request. Asynchronous verbs run one after the other, as in any ASGI application.

    Until the headers are sent it may refer to the request and the session object, which both refer to it: after that,
    such a cycle would keep them all until the garbage collector runs.
    """

    session: Any = None
    """The last value of `request.supertokens`."""
    gives_user: bool = False
    """Whether `request.user` is the user of this session."""
    http: AnyRequest | None = None
    """The request as the last asynchronous verb got it."""

    def asked(self, scope: Any = None) -> RequestSession:  # noqa: ARG002
        """Return what is known of the session, for a verb. `scope`: not used."""
        return self.owner if self.http is None else self.asked_for(self.http)

    def asked_for(self, http: AnyRequest) -> RequestSession:
        """Return what is known of the session of `http`, for a verb."""
        owner = self.owner
        if owner.request is NO_REQUEST:
            # Not earlier: corrections to the request by other middleware must be respected.
            meta = http.META  # type: ignore[union-attr]
            if "wsgi.url_scheme" not in meta or not (meta["PATH_INFO"] + meta["SCRIPT_NAME"]).isascii():
                meta = _corrected(http, meta)
            owner.request = from_wsgi(meta)
            owner.is_asked = True
        return owner

    def awaiting(self, http: AnyRequest) -> RequestSession:
        """Return the same as `asked_for`, for a verb that may run in a thread."""
        self.http = http
        return self.asked_for(http)


class ProxiedRequest(DjangoRequest, eq=False):
    """The session of one request where a setting lets a proxy set the request's scheme or host."""

    def asked_for(self, http: AnyRequest) -> RequestSession:
        """Return what is known of the session of `http`, for a verb."""
        owner = self.owner
        if owner.request is NO_REQUEST:
            owner.request = from_wsgi(_corrected(http, http.META))  # type: ignore[union-attr]
            owner.is_asked = True
        return owner


def request_of(http: AnyRequest) -> DjangoRequest:
    """Return the session of `http`. Raise RuntimeError if it has none, and TypeError if it is not a request."""
    try:
        return http._supertokens  # type: ignore[union-attr, no-any-return]
    except AttributeError:
        raise why_no_sessions(http) from None


def why_no_sessions(http: object) -> TypeError | RuntimeError:
    """Return the error to raise because `http` has no session."""
    if not hasattr(http, "META"):
        return TypeError(
            f"a request was expected, and this is a {type(http).__name__}: methods of class-based views are"
            " protected by @method_decorator(session_required)"
        )
    return RuntimeError(
        "this request has no sessions: 'supertokens.django.SuperTokensMiddleware' has to be in MIDDLEWARE, before"
        " everything that uses sessions; without Django around it, call SuperTokensMiddleware(view)(request)"
    )


def _corrected(http: Any, meta: dict[str, Any]) -> dict[str, Any]:
    """Return `meta` of `http` as a WSGI environment (PEP 3333)."""
    environ = {**meta, "REQUEST_METHOD": meta.get("REQUEST_METHOD") or http.method or "GET"}
    for name in ("PATH_INFO", "SCRIPT_NAME"):  # Django has decoded them in place
        environ[name] = str(meta.get(name, "")).encode("utf-8", "replace").decode("latin-1")
    environ["wsgi.url_scheme"] = http.scheme
    if settings.USE_X_FORWARDED_HOST:
        environ["HTTP_HOST"] = http.get_host()
    cookies = [value for name, value in getattr(http, "scope", {}).get("headers", ()) if name == b"cookie"]
    if len(cookies) > 1:  # HTTP/2 may split the header (RFC 9113, 8.2.3), and Django joins lists with commas
        environ["HTTP_COOKIE"] = "; ".join(value.decode("latin-1") for value in cookies)
    return environ
