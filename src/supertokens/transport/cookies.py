# SPDX-License-Identifier: Apache-2.0
"""Our cookies: their names, found in a raw header, and written with every attribute explicit (RFC 6265bis)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import quote, unquote

from supertokens.config import Config
from supertokens.transport.request import Request

__all__ = ["Cookie", "CookieKind", "CookiePolicy", "SetCookie", "cookie_values"]

CookieKind = Literal["sAccessToken", "sRefreshToken", "sIdRefreshToken"]

Cookie: Final[tuple[CookieKind, ...]] = ("sAccessToken", "sIdRefreshToken", "sRefreshToken")
"""All kinds, in the order in which they are written (protocol-1, D.1)."""

_LONGEST_LIFE: Final = 400 * 24 * 60 * 60 * 1000  # ms; browsers cap it there (RFC 6265bis, 5.5)
_EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"

_log = logging.getLogger("supertokens")


@dataclass(frozen=True, slots=True)
class SetCookie:
    """One Set-Cookie header. Browsers tell cookies apart by name, domain and path."""

    name: str
    domain: str | None
    path: str
    value: str
    expires: str
    secure: bool
    same_site: str

    @property
    def identity(self) -> tuple[str, str | None, str]:
        return (self.name, self.domain, self.path)

    @property
    def line(self) -> str:
        """The header's value."""
        domain = f"; Domain={self.domain}" if self.domain else ""
        secure = "; Secure" if self.secure else ""
        return (
            f"{self.name}={self.value}{domain}; Expires={self.expires}{secure}; HttpOnly; Path={self.path}"
            f"; SameSite={self.same_site}"
        )


class CookiePolicy:
    """How the configuration wants cookies."""

    def __init__(self, config: Config) -> None:
        self._prefix = "__Host-" if config.cookie_prefix == "host" else ""
        self._domain = _as_browsers_have_it(config.cookie_domain)
        self._older_domain = _as_browsers_have_it(config.older_cookie_domain)
        self._same_site = config.cookie_same_site.capitalize()
        self._secure = True if self._prefix else config.cookie_secure
        self._paths: dict[CookieKind, str] = {
            "sAccessToken": config.access_token_path,
            "sRefreshToken": config.refresh_api_path,
            "sIdRefreshToken": config.access_token_path,
        }
        self.starts: dict[CookieKind, str] = {kind: f"{self._prefix}{kind}=" for kind in Cookie}
        """What each of our cookies begins with in a Cookie header."""
        self._has_warned = False

    def set(self, kind: CookieKind, value: str, now: int, expires_at: int, request: Request) -> SetCookie:
        """A cookie that lives until `expires_at` (ms), 400 days at most."""
        lives_until = min(expires_at, now + _LONGEST_LIFE)
        expires = _http_date(lives_until // 1000)
        secure = self._is_secure(request)
        if secure and request.arrived_in_the_clear and not request.is_local:
            self._warn_once()
        return self._cookie(kind, quote(value), expires, self._domain, secure)

    def clear(self, kind: CookieKind, request: Request) -> list[SetCookie]:
        """Delete it where it is set, and where an earlier configuration may have set it."""
        return [self._cleared(kind, self._domain, request), *self.clear_elsewhere(kind, request)]

    def clear_elsewhere(self, kind: CookieKind, request: Request) -> list[SetCookie]:
        """Delete its doubles: at the other known domains, but not where it is set now."""
        others = dict.fromkeys([] if self._prefix else [self._older_domain, None])
        others.pop(self._domain, None)
        return [self._cleared(kind, domain, request) for domain in others]

    def _cleared(self, kind: CookieKind, domain: str | None, request: Request) -> SetCookie:
        return self._cookie(kind, "", _EPOCH, domain, self._is_secure(request))

    def _cookie(self, kind: CookieKind, value: str, expires: str, domain: str | None, secure: bool) -> SetCookie:
        path = "/" if self._prefix else self._paths[kind]
        return SetCookie(self._prefix + kind, domain, path, value, expires, secure, self._same_site)

    def _is_secure(self, request: Request) -> bool:
        return not request.is_local if self._secure is None else self._secure

    def _warn_once(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "cookies are marked Secure, but a request came over plain http: its browser will drop them. Serve over"
                " https, tell the application about its proxy, or set 'cookie_secure' to false for development"
            )


def _as_browsers_have_it(domain: str | None) -> str | None:
    """To them ".Example.com" is "example.com" (RFC 6265bis, 5.6.3); an older domain may be empty, for none."""
    return domain.removeprefix(".").lower() or None if domain is not None else None


@lru_cache(maxsize=16)
def _http_date(moment: int) -> str:
    """A moment in seconds, as HTTP writes it. The cookies of one response have few of them."""
    return formatdate(moment, usegmt=True)


def cookie_values(header: str, start: str) -> list[str]:
    """All values of a cookie in a raw Cookie header, percent-decoded once, in the order sent.

    `start`: the cookie's name and "=".
    """
    at = header.find(start)
    if at < 0:
        return []
    if header.rfind(start) == at and (at == 0 or header.startswith("; ", at - 2)):
        end = header.find(";", at)  # as nearly every request has it
        values = [header[at + len(start) : len(header) if end < 0 else end].rstrip()]
    else:
        pairs = [pair.strip() for pair in header.split(";")]
        values = [pair[len(start) :] for pair in pairs if pair.startswith(start)]
    return [unquote(value) for value in values] if "%" in header else values
