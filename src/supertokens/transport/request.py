# SPDX-License-Identifier: Apache-2.0
"""A browser's request, as far as sessions care: which protocol it speaks and what it carries (DESIGN, section 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Any

__all__ = ["Dialect", "Request"]


class Dialect(Enum):
    """Which browser library sent the request; their artefacts do not collide, but their rules do."""

    MODERN = "modern"
    """supertokens-website 5 and later: sends `st-auth-mode`."""
    LEGACY = "legacy"
    """supertokens-website 4: sends `supertokens-sdk-name`."""
    PLAIN = "plain"
    """None of them: forms, curl, tests."""


@dataclass(frozen=True, slots=True)
class Request:
    """What an integration tells of a request. `header` looks a name up in any case and gives None if it is absent."""

    method: str
    path: str
    scheme: str
    host: str
    peer: str
    header: Callable[[str], str | None]

    @classmethod
    def from_wsgi(cls, environ: Mapping[str, Any]) -> Request:
        """The request of a WSGI environment (PEP 3333)."""

        def header(name: str) -> str | None:
            value = environ.get("HTTP_" + name.upper().replace("-", "_"))
            return None if value is None else str(value)

        return cls(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO", ""),
            scheme=environ.get("wsgi.url_scheme", "http"),
            host=environ.get("HTTP_HOST") or environ.get("SERVER_NAME", ""),
            peer=environ.get("REMOTE_ADDR") or "",
            header=header,
        )

    @property
    def dialect(self) -> Dialect:
        if self.header("st-auth-mode") is not None:
            return Dialect.MODERN
        if self.header("supertokens-sdk-name") is not None:
            return Dialect.LEGACY
        return Dialect.PLAIN

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
        forwarded = any(self.header(name) is not None for name in _FORWARDED)
        return (
            self.scheme == "http" and not forwarded and _is_loopback(self.peer) and _is_loopback(_host_name(self.host))
        )

    @property
    def arrived_in_the_clear(self) -> bool:
        """Whether the browser used plain http, as far as can be told."""
        forwarded_scheme = self.header("x-forwarded-proto") or self.header("forwarded") or ""
        return self.scheme == "http" and "https" not in forwarded_scheme.lower()


_FORWARDED = (
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix",
    "x-forwarded-server",
)  # fmt: skip


def _host_name(host: str) -> str:
    """`host` without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_loopback(name: str) -> bool:
    if name.lower() == "localhost" or name.lower().endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
