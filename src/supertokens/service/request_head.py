# SPDX-License-Identifier: Apache-2.0
"""The part of a request before its body, read on demand from the HTTP server's scope (RSGI)."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["RequestHead"]

_UNREADABLE: Final = "\ufffd"


class RequestHead:
    """Method, path, query and headers of one request.

    `path` is percent-decoded: the server does not tell how it was written. A header value that is not ASCII reads as
    U+FFFD, since a header that is there is not a missing one.
    """

    __slots__ = ("_headers", "_scope", "method", "path", "query")

    def __init__(self, scope: Any) -> None:
        self._scope = scope
        self._headers = scope.headers
        self.method: str = scope.method
        self.path: str = scope.path
        self.query: str = scope.query_string

    def header(self, name: str) -> str | None:
        """Return the first value of the header `name`, which is in lower case, or None."""
        value: str | None = self._headers.get(name)
        return _UNREADABLE if value is None and name in self._headers else value

    def has(self, name: str) -> bool:
        """Return whether the header `name`, which is in lower case, is there, whatever its value."""
        return name in self._headers

    def values(self, name: str) -> list[str]:
        """Return all values of the header `name`, in their order."""
        if name not in self._headers:
            return []
        return self._headers.get_all(name) or [_UNREADABLE]

    @property
    def authority(self) -> str | None:
        """Return the host and port of a request target in absolute form (RFC 9112, section 3.2.2)."""
        authority: str | None = self._scope.authority
        return authority

    @property
    def http_version(self) -> str:
        """Return ``1`` or ``1.1``."""
        version: str = self._scope.http_version
        return version

    @property
    def peer(self) -> str:
        """Return the address at the other end of the connection, without its port."""
        address: str = self._scope.client.rpartition(":")[0]
        return address.removeprefix("[").removesuffix("]")
