# SPDX-License-Identifier: Apache-2.0
"""The parts of a browser's request that matter for sessions, from either interface: WSGI (PEP 3333) or ASGI."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from supertokens.transport.locality import Locality, locality_of

__all__ = ["NO_REQUEST", "Dialect", "Request", "from_asgi", "from_wsgi"]


class Dialect(Enum):
    """Which browser library sent the request. Their headers do not collide, but their rules do."""

    MODERN = "modern"
    """supertokens-website 16 and later: sends `st-auth-mode`."""
    LEGACY = "legacy"
    """supertokens-website 4: sends `supertokens-sdk-name`."""
    PLAIN = "plain"
    """Neither: supertokens-website 5 to 15, forms, curl, tests."""


# Each access to a member of an enumeration takes two lookups.
_MODERN: Final = Dialect.MODERN
_LEGACY: Final = Dialect.LEGACY
_PLAIN: Final = Dialect.PLAIN


class Target(NamedTuple):
    """Where a request goes: the scheme, the application's mount point, and the path below it, decoded."""

    scheme: str
    mount: str
    path: str


class Request(msgspec.Struct, eq=False):
    """A request as the rules see it, made by `from_wsgi` or `from_asgi`.

    The method and a few headers are read at once, since every check needs them; everything else on demand.
    """

    method: str
    cookies: str
    """The raw Cookie header."""
    user_agent: str | None
    dialect: Dialect
    """The dialect to use: a library's request may belong to a session in which the library has no part."""
    has_authorization: bool
    _locality: Locality | None
    """The result of `locality`; None before its first use."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.method!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("method", self.method)]

    def header(self, name: str) -> str | None:
        """Return the value of the header `name`, which is in lower case, or None."""
        raise NotImplementedError

    def header_names(self) -> tuple[str, ...]:
        """Return the names of all headers, in lower case."""
        raise NotImplementedError

    @property
    def target(self) -> Target:
        """Return where the request goes."""
        raise NotImplementedError

    @property
    def mount(self) -> str:
        """Return the mount point in `target`; empty at the root."""
        return self.target.mount

    @property
    def host(self) -> str:
        """Return the Host header, or the server's own name without one."""
        raise NotImplementedError

    @property
    def peer(self) -> str:
        """Return the address of the client, or of the last proxy; empty if it is unknown."""
        raise NotImplementedError

    @property
    def declared_dialect(self) -> Dialect:
        """Return the dialect that the request's own headers declare."""
        if self.header("st-auth-mode") is not None:
            return _MODERN
        return _PLAIN if self.header("supertokens-sdk-name") is None else _LEGACY

    @property
    def query(self) -> str:
        """Return the query string as it was sent, without the question mark."""
        raise NotImplementedError

    @property
    def is_websocket(self) -> bool:
        """Return whether this is the handshake of a WebSocket."""
        return (self.header("upgrade") or "").lower() == "websocket"

    @property
    def content_length(self) -> int | None:
        """Return the length of the body in bytes if the client has declared it, or None."""
        text = self.header("content-length") or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None

    @property
    def has_body(self) -> bool:
        """Return whether a body comes with the request."""
        return bool(self.content_length) or self.header("transfer-encoding") is not None

    @property
    def anti_csrf_token(self) -> str | None:
        return self.header("anti-csrf")

    @property
    def user_agent_as_text(self) -> str | None:
        """Return the User-Agent as Unicode text for people, decoded as UTF-8 if it is valid."""
        agent = self.user_agent
        return None if agent is None else _as_text(agent)

    def is_for(self, path: str) -> bool:
        """Return whether this is a request for `path`, with or without a trailing slash.

        For an application that is mounted under a prefix, `path` may be given with or without the prefix.
        """
        _, mount, below = self.target
        below = below.rstrip("/")
        return path.rstrip("/") in (below, mount + below)

    @property
    def wants_header_mode(self) -> bool:
        """Return whether a new session's tokens are to be sent in headers."""
        return (self.header("st-auth-mode") or "").lower() == "header"

    @property
    def prefers_cookies(self) -> bool:
        """Return whether a library in cookie mode sent it: the Authorization header then belongs to the application."""
        return (self.header("st-auth-mode") or "").lower() == "cookie"

    @property
    def bearer_text(self) -> str | None:
        """Return the Bearer credentials in the Authorization header, which may be another system's token."""
        scheme, _, text = (self.header("authorization") or "").partition(" ")
        return text.strip(" \t") or None if scheme.lower() == "bearer" else None

    @property
    def locality(self) -> Locality:
        """Return how far away the browser is, as far as can be told."""
        if self._locality is None:
            self._locality = locality_of(self.target.scheme, self.host, self.peer, self.header, self.header_names)
        return self._locality

    @property
    def arrived_in_the_clear(self) -> bool:
        """Return whether the browser used plain http, as far as can be told."""
        forwarded_scheme = self.header("x-forwarded-proto") or self.header("forwarded") or ""
        return self.target.scheme == "http" and "https" not in forwarded_scheme.lower()


class _NoRequest(Request, frozen=True):  # type: ignore[misc] # a rule for dataclasses; msgspec allows it
    pass


NO_REQUEST: Final[Request] = _NoRequest("", "", None, _PLAIN, False, None)
"""Placeholder while there is no request."""


class _WsgiRequest(Request):
    _environ: dict[str, Any]

    def header(self, name: str) -> str | None:
        value: str | None = self._environ.get(_wsgi_key(name))
        return value

    @property
    def query(self) -> str:
        return str(self._environ.get("QUERY_STRING") or "")

    def header_names(self) -> tuple[str, ...]:
        return _names_of_headers(tuple(self._environ))

    @property
    def target(self) -> Target:
        environ = self._environ
        mount, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        return Target(environ.get("wsgi.url_scheme", "http"), _as_text(mount), _as_text(path))

    @property
    def mount(self) -> str:
        return _as_text(self._environ.get("SCRIPT_NAME", ""))

    def is_for(self, path: str) -> bool:
        below: str = self._environ.get("PATH_INFO", "").rstrip("/")
        # Nearly every request is for a path that does not occur in `path`.
        return (below in path or not below.isascii()) and super().is_for(path)

    @property
    def host(self) -> str:
        environ = self._environ
        return str(environ.get("HTTP_HOST") or environ.get("SERVER_NAME", ""))

    @property
    def peer(self) -> str:
        return str(self._environ.get("REMOTE_ADDR") or "")

    @property
    def anti_csrf_token(self) -> str | None:
        value: str | None = self._environ.get("HTTP_ANTI_CSRF")  # inlined, since many checks need it
        return value


class _AsgiRequest(Request):
    _headers: dict[bytes, bytes]
    """Kept as bytes: few headers are read, and decoding them all would be most of the cost of a check."""
    _scope: Mapping[str, Any]

    def header(self, name: str) -> str | None:
        value = self._headers.get(_asgi_key(name))
        return None if value is None else value.decode("latin-1")

    def header_names(self) -> tuple[str, ...]:
        return tuple(name.decode("latin-1") for name in self._headers)

    @property
    def target(self) -> Target:
        said: str = self._scope.get("scheme") or "http"
        scheme = _SCHEME_OF_SOCKETS.get(said, said)
        mount: str = self._scope.get("root_path") or ""
        path: str = self._scope.get("path") or ""
        # Servers differ on whether the path includes the mount point (ASGI, "HTTP & WebSocket", root_path).
        below = path[len(mount) :] if mount and f"{path}/".startswith(f"{mount}/") else path
        return Target(scheme, mount, below)

    @property
    def query(self) -> str:
        return str(self._scope.get("query_string") or b"", "latin-1")

    @property
    def is_websocket(self) -> bool:
        return self._scope.get("type") == "websocket" or super().is_websocket

    @property
    def host(self) -> str:
        server = self._scope.get("server") or ("",)
        return self.header("host") or str(server[0])

    @property
    def peer(self) -> str:
        client = self._scope.get("client") or ("",)
        return str(client[0] or "")


@cache
def _wsgi_key(name: str) -> str:
    """Return the key of the header `name` in WSGI environments (PEP 3333). Only names known here are passed."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"


@lru_cache(maxsize=64)  # browsers send few different sets of headers
def _names_of_headers(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, in lower case, of the headers among `keys`, those of a WSGI environment."""
    return tuple(key[5:].lower().replace("_", "-") for key in keys if key.startswith("HTTP_"))


@cache
def _asgi_key(name: str) -> bytes:
    """Return the header `name` in the form that ASGI scopes use. Only names known here are passed."""
    return name.encode("latin-1")


def _headers_of(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return the headers of `scope` by name, in lower case, each once."""
    sent = tuple(scope.get("headers") or ())
    headers: dict[bytes, bytes] = dict(sent)
    names = b"".join(headers)
    if len(headers) == len(sent) and names == names.lower():  # true for nearly all requests
        return headers
    headers = {}
    for raw_name, value in sent:
        name = raw_name.lower()
        # HTTP/2 may split the Cookie header (RFC 9113, 8.2.3); other headers are lists (RFC 9110, 5.3).
        separator = b"; " if name == b"cookie" else b","
        headers[name] = headers[name] + separator + value if name in headers else value
    return headers


def _as_text(path: str) -> str:
    """Return `path`, whose bytes are given as if they were Latin-1 (PEP 3333), as Unicode text."""
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


_SCHEME_OF_SOCKETS: Final = {"ws": "http", "wss": "https"}


def from_wsgi(environ: dict[str, Any]) -> Request:
    """Return the request in `environ`, which is not copied: values read later include corrections by middleware."""
    if "HTTP_ST_AUTH_MODE" in environ:
        dialect = _MODERN
    else:
        dialect = _LEGACY if "HTTP_SUPERTOKENS_SDK_NAME" in environ else _PLAIN
    return _WsgiRequest(
        environ["REQUEST_METHOD"],
        environ.get("HTTP_COOKIE", ""),
        environ.get("HTTP_USER_AGENT"),
        dialect,
        "HTTP_AUTHORIZATION" in environ,
        None,
        environ,
    )


def from_asgi(scope: Mapping[str, Any]) -> Request:
    """Return the request in `scope`, an ASGI connection scope of the type ``http`` or ``websocket``."""
    headers = _headers_of(scope)
    if b"st-auth-mode" in headers:
        dialect = _MODERN
    else:
        dialect = _LEGACY if b"supertokens-sdk-name" in headers else _PLAIN
    user_agent = headers.get(b"user-agent")
    return _AsgiRequest(
        scope.get("method", "GET"),  # as the handshake of a WebSocket is
        headers.get(b"cookie", b"").decode("latin-1"),
        None if user_agent is None else user_agent.decode("latin-1"),
        dialect,
        b"authorization" in headers,
        None,
        headers,
        scope,
    )
