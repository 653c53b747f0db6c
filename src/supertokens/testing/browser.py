# SPDX-License-Identifier: Apache-2.0
"""A browser's cookie jar around any client that speaks in header lists: enough of RFC 6265 to follow a session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from supertokens.testing.clock import FakeClock

__all__ = ["Browser", "JarCookie"]


_END_OF_TIME = 2**53


@dataclass(frozen=True, slots=True)
class JarCookie:
    """A cookie as it is kept. `domain` None: host-only. `expires_at` in ms."""

    name: str
    value: str
    domain: str | None
    path: str
    expires_at: int
    secure: bool
    http_only: bool
    same_site: str


class Browser:
    """The jar of one browser on one host, and what the page's script remembers of our headers."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.jar: dict[tuple[str, str | None, str], JarCookie] = {}
        self.id_refresh_token: str | None = None
        self.anti_csrf: str | None = None

    def take(self, headers: Iterable[tuple[str, str]]) -> None:
        """Store the cookies that the `headers` of a response set."""
        for name, value in headers:
            lower = name.lower()
            if lower == "set-cookie":
                self._store(value)
            elif lower == "id-refresh-token":
                self.id_refresh_token = None if value == "remove" else value.partition(";")[0]
                if self.id_refresh_token is None:
                    self.anti_csrf = None
            elif lower == "anti-csrf":
                self.anti_csrf = value

    def cookie_header(self, path: str) -> str:
        """Return the Cookie header of a request for `path`: longer paths first."""
        live = [cookie for cookie in self.jar.values() if cookie.expires_at > self._clock()]
        matching = [cookie for cookie in live if _path_matches(path, cookie.path)]
        matching.sort(key=lambda cookie: len(cookie.path), reverse=True)
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in matching)

    def value(self, name: str) -> str | None:
        """Return the value of the newest live cookie called `name`."""
        values = [c.value for c in self.jar.values() if c.name == name and c.expires_at > self._clock()]
        return values[-1] if values else None

    def _store(self, line: str) -> None:
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        named = {key.lower(): text for key, _, text in (attribute.partition("=") for attribute in attributes)}
        expires = named.get("expires")
        expires_at = _END_OF_TIME if expires is None else round(parsedate_to_datetime(expires).timestamp() * 1000)
        cookie = JarCookie(
            name,
            value,
            named.get("domain"),
            named.get("path", "/"),
            expires_at,
            secure="secure" in named,
            http_only="httponly" in named,
            same_site=named.get("samesite", ""),
        )
        self.jar.pop((name, cookie.domain, cookie.path), None)
        if expires_at > self._clock():
            self.jar[(name, cookie.domain, cookie.path)] = cookie


def _path_matches(path: str, cookie_path: str) -> bool:
    """Return whether a cookie of `cookie_path` goes with a request for `path` (RFC 6265, section 5.1.4)."""
    if path == cookie_path:
        return True
    return path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/")
