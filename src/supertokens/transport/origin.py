# SPDX-License-Identifier: Apache-2.0
"""Refuse cross-site requests by the headers that browsers send, without any token (docs/browsers.md)."""

from __future__ import annotations

import logging
import time
from typing import Final
from urllib.parse import urlsplit

from supertokens.errors import SuperTokensCrossOriginError
from supertokens.transport.request import Request

__all__ = ["OriginCheck"]

_SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOG_EVERY_S: Final = 60.0

_log = logging.getLogger("supertokens")


class OriginCheck:
    """The check of one application. `trusted`: other origins that may send requests, compared exactly."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self._trusted = frozenset(trusted)
        self._logged_at = -_LOG_EVERY_S

    def require_same_origin(self, request: Request) -> None:
        """Raise SuperTokensCrossOriginError if a browser sent `request` for a page on another site or origin.

        Safe methods pass, but not the handshake of a WebSocket, which is a GET that any page may send.
        """
        if request.method in _SAFE_METHODS and not request.is_websocket:
            return
        origin, site = request.header("origin"), request.header("sec-fetch-site")
        if origin is not None and origin in self._trusted:
            return
        if site is not None:
            passes = site in ("same-origin", "none")
        else:
            passes = origin is None or _is_of_host(origin, request.host)
        if not passes:
            self._log(origin, site, request.host)
            raise SuperTokensCrossOriginError

    def _log(self, origin: str | None, site: str | None, host: str) -> None:
        now = time.monotonic()
        if now - self._logged_at >= _LOG_EVERY_S:
            self._logged_at = now
            _log.warning(
                "a cross-origin request was refused: Origin %r, Sec-Fetch-Site %r, Host %r. If it is one of your own"
                " pages, name its origin in 'trusted_origins'; behind a proxy, tell the application the Host that"
                " browsers use",
                origin,
                site,
                host,
            )


def _is_of_host(origin: str, host: str) -> bool:
    """Return whether the header `origin` names the authority in the Host header `host`, without default ports."""
    try:
        parts = urlsplit(origin)
        if parts.scheme not in _DEFAULT_PORTS or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            return False
        theirs = (parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme])
        ours = urlsplit(f"//{host}")
        # A Host header has no scheme, so its default port is that of whichever scheme the page used.
        return theirs == (ours.hostname, ours.port or _DEFAULT_PORTS[parts.scheme]) and bool(ours.hostname)
    except ValueError:
        return False
