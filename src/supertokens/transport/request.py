# SPDX-License-Identifier: Apache-2.0
"""A browser's request, as far as sessions care: which protocol it speaks and what it carries (DESIGN, section 7)."""

from __future__ import annotations

from enum import Enum
from ipaddress import ip_address
from typing import Any, Final

__all__ = ["Dialect", "Request"]

_USUAL_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
"""Names of this machine that need no parsing."""


class Dialect(Enum):
    """Which browser library sent the request; their artefacts do not collide, but their rules do."""

    MODERN = "modern"
    """supertokens-website 5 and later: sends `st-auth-mode`."""
    LEGACY = "legacy"
    """supertokens-website 4: sends `supertokens-sdk-name`."""
    PLAIN = "plain"
    """None of them: forms, curl, tests."""


class Request:
    """What the rules ask of a request, read from a WSGI environment (PEP 3333): what every check asks at once."""

    __slots__ = ("_is_local", "cookies", "dialect", "environ", "method")

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.cookies: str = environ.get("HTTP_COOKIE", "")
        """The raw Cookie header."""
        self._is_local: bool | None = None
        if "HTTP_ST_AUTH_MODE" in environ:
            self.dialect = Dialect.MODERN
        elif "HTTP_SUPERTOKENS_SDK_NAME" in environ:
            self.dialect = Dialect.LEGACY
        else:
            self.dialect = Dialect.PLAIN

    def header(self, name: str) -> str | None:
        """The value of a header, or None if it is absent."""
        value: str | None = self.environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return value

    @property
    def anti_csrf_token(self) -> str | None:
        value: str | None = self.environ.get("HTTP_ANTI_CSRF")
        return value

    @property
    def user_agent(self) -> str | None:
        value: str | None = self.environ.get("HTTP_USER_AGENT")
        return value

    def is_for(self, path: str) -> bool:
        """Whether this is a request for `path`, with or without a slash at its end.

        For an application that is mounted below a prefix, `path` may be given with or without that.
        """
        below_prefix: str = self.environ.get("PATH_INFO", "").rstrip("/")
        prefix: str = self.environ.get("SCRIPT_NAME", "")
        return path.rstrip("/") in (below_prefix, prefix + below_prefix)

    @property
    def scheme(self) -> str:
        scheme: str = self.environ.get("wsgi.url_scheme", "http")
        return scheme

    @property
    def wants_header_mode(self) -> bool:
        """Whether a new session's tokens shall travel in headers."""
        return (self.header("st-auth-mode") or "").lower() == "header"

    @property
    def bearer_token(self) -> str | None:
        """The token in the Authorization header of a modern library."""
        if self.dialect is not Dialect.MODERN:
            return None
        scheme, _, token = (self.header("authorization") or "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    @property
    def prefers_cookies(self) -> bool:
        """A library in cookie mode: an Authorization header beside its cookie is the application's own."""
        return (self.header("st-auth-mode") or "").lower() == "cookie"

    @property
    def is_local(self) -> bool:
        """Whether a browser on this very machine talks to us in plain http, with nothing between."""
        if self._is_local is None:
            environ = self.environ
            host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
            self._is_local = (
                self.scheme == "http"
                and _is_loopback(environ.get("REMOTE_ADDR") or "")
                and _is_loopback(_host_name(host))
                and not any(name.startswith(("HTTP_FORWARDED", "HTTP_X_FORWARDED")) for name in environ)
            )
        return self._is_local

    @property
    def arrived_in_the_clear(self) -> bool:
        """Whether the browser used plain http, as far as can be told."""
        forwarded_scheme = self.header("x-forwarded-proto") or self.header("forwarded") or ""
        return self.scheme == "http" and "https" not in forwarded_scheme.lower()


def _host_name(host: str) -> str:
    """`host` without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_loopback(name: str) -> bool:
    name = name.lower()
    if name in _USUAL_LOOPBACK or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
