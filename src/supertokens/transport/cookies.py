# SPDX-License-Identifier: Apache-2.0
"""The session cookies: their names, reading a raw header, and writing every attribute explicitly (RFC 6265bis)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from urllib.parse import quote, unquote

from supertokens.config import Config
from supertokens.engine.session import CookieLife
from supertokens.transport.locality import Locality
from supertokens.transport.request import Request

__all__ = ["COOKIE_KINDS", "CookieKind", "CookiePolicy", "Place", "SetCookie", "cookie_values", "sole_cookie_value"]

CookieKind = Literal["sAccessToken", "sRefreshToken", "sIdRefreshToken"]

COOKIE_KINDS: Final[tuple[CookieKind, ...]] = ("sAccessToken", "sIdRefreshToken", "sRefreshToken")
"""All kinds, in the order in which they are written (docs/protocol/browsers.md#cookies)."""

_MAX_LIFE_MS: Final = 400 * 24 * 60 * 60 * 1000  # browsers cap it there (RFC 6265bis, 5.5)
_EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"
_PATH_CHARACTERS: Final = "/:@!$&'()*+,=~"  # those of RFC 3986, 3.3, without the semicolon, which ends an attribute

_log = logging.getLogger("supertokens")


class Place(NamedTuple):
    """Where a browser keeps a cookie, which together with its name identifies it."""

    domain: str | None
    path: str


class SetCookie(NamedTuple):
    """One Set-Cookie header.

    `max_age`, in seconds, overrides `expires` and does not depend on the client's clock; None: the browser drops the
    cookie when it is closed. `expires` may be empty.
    """

    name: str
    place: Place
    value: str
    expires: str
    max_age: int | None
    secure: bool
    same_site: str

    @property
    def identity(self) -> tuple[str, Place]:
        return (self.name, self.place)

    @property
    def line(self) -> str:
        """Return the value of the header."""
        domain = f"; Domain={self.place.domain}" if self.place.domain else ""
        secure = "; Secure" if self.secure else ""
        life = f"; Expires={self.expires}" if self.expires else ""
        life += "" if self.max_age is None else f"; Max-Age={self.max_age}"
        return (
            f"{self.name}={self.value}{domain}{life}{secure}; HttpOnly"
            f"; Path={self.place.path}; SameSite={self.same_site}"
        )


class CookiePolicy:
    """Writes cookies as the configuration says.

    `explicit`: names of the settings that were set. The paths of the others follow the application's mount point.
    """

    def __init__(self, config: Config, explicit: Collection[str] = ()) -> None:
        self._prefix = "__Host-" if config.cookie_prefix == "host" else ""
        self._domain = _canonical_domain(config.cookie_domain)
        self._older_domain = _canonical_domain(config.older_cookie_domain)
        self._same_site = config.cookie_same_site.capitalize()
        self._secure = True if self._prefix else config.cookie_secure
        self._access_path = _CookiePath(config.access_token_path, is_fixed="access_token_path" in explicit)
        refresh_path = _CookiePath(config.refresh_api_path, is_fixed="refresh_api_path" in explicit)
        # A server that renews needs the refresh token with every request. Cookies at either path may remain from an
        # earlier configuration.
        paths = (self._access_path, refresh_path)
        self._refresh_paths = paths if config.renewal == "server" else paths[::-1]
        self.starts: dict[CookieKind, str] = {kind: f"{self._prefix}{kind}=" for kind in COOKIE_KINDS}
        """The beginning of each session cookie in a Cookie header."""
        # Every response of a page may carry them, and every browser knows Max-Age (RFC 6265, 5.2.2).
        self._dates = config.renewal != "server"
        self._places_at_root = {kind: self._places_below("", kind) for kind in COOKIE_KINDS}
        self._proxied = False
        self._warned_of_plain_http = False

    def set(self, kind: CookieKind, value: str, now: int, life: CookieLife, request: Request) -> SetCookie:
        """Return a cookie of the given `kind` and `value`, for the host and mount point of `request`.

        It lasts for `life` from `now` on, 400 days at most.
        """
        lives_until = min(life.until, now + _MAX_LIFE_MS)
        secure = self._is_secure(request)
        if secure and request.arrived_in_the_clear and request.locality is Locality.REMOTE:
            self._warn_of_plain_http()
        return SetCookie(
            self._prefix + kind,
            self._place(kind, request),
            quote(value),
            _http_date(lives_until // 1000) if life.remember and self._dates else "",
            max(0, (lives_until - now) // 1000) if life.remember else None,
            secure,
            self._same_site,
        )

    def clear(self, kind: CookieKind, request: Request) -> list[SetCookie]:
        """Return cookies that delete the `kind` where it is set now, and where an earlier configuration may have set
        it.

        `request` gives the host and the mount point.
        """
        return [self._cleared(kind, place, request) for place in self._known_places(kind, request)]

    def clear_elsewhere(self, kind: CookieKind, request: Request) -> list[SetCookie]:
        """Return cookies that delete duplicates of the `kind` at the other known places, not where it is set now.

        `request` gives the host and the mount point.
        """
        return [self._cleared(kind, place, request) for place in self._known_places(kind, request)[1:]]

    def came_with(self, request: Request) -> bool:
        """Return whether `request` has any session cookie, whatever its value."""
        cookie = request.cookies
        return bool(cookie) and any(cookie_values(cookie, start) for start in self.starts.values())

    def _place(self, kind: CookieKind, request: Request) -> Place:
        return self._known_places(kind, request)[0]

    def _known_places(self, kind: CookieKind, request: Request) -> list[Place]:
        mount = request.mount
        return self._places_below(mount, kind) if mount else self._places_at_root[kind]

    def _places_below(self, mount: str, kind: CookieKind) -> list[Place]:
        if self._prefix:
            return [Place(None, "/")]
        paths = self._refresh_paths if kind == "sRefreshToken" else (self._access_path,)
        known = dict.fromkeys(path.below(mount) for path in paths)
        domains: Iterable[str | None] = dict.fromkeys((self._domain, self._older_domain, None))
        return [Place(domain, path) for path in known for domain in domains]

    def _cleared(self, kind: CookieKind, place: Place, request: Request) -> SetCookie:
        return SetCookie(self._prefix + kind, place, "", _EPOCH, 0, self._is_secure(request), self._same_site)

    def _is_secure(self, request: Request) -> bool:
        if self._secure is not None:
            return self._secure
        locality = request.locality
        if locality is Locality.PROXIED and not self._proxied:
            # Nothing in a navigation reveals a proxy, so a proxy that was seen once is assumed from then on.
            self._proxied = True
            _log.warning(
                "a request on this machine has come through a proxy: cookies are marked Secure from now on. Set"
                " 'cookie_secure' to say whether browsers use https"
            )
        return self._proxied or locality is not Locality.LOCAL

    def _warn_of_plain_http(self) -> None:
        if not self._warned_of_plain_http:
            self._warned_of_plain_http = True
            _log.warning(
                "cookies are marked Secure, but a request came over plain http: its browser will drop them. Serve over"
                " https, tell the application about its proxy, or set 'cookie_secure' to false for development"
            )


class _CookiePath:
    """The path of a cookie. `is_fixed`: it was set explicitly, so it is not put below the mount point."""

    def __init__(self, path: str, *, is_fixed: bool) -> None:
        # Browsers treat a path with a trailing slash as a folder: they would not send the cookie to the path itself.
        self._path = path.rstrip("/") or "/"
        self._is_fixed = is_fixed

    def below(self, mount: str) -> str:
        """Return the path as browsers see it, for an application that is mounted at `mount`."""
        if not mount or self._is_fixed:
            return self._path
        prefix = quote(mount.rstrip("/"), safe=_PATH_CHARACTERS)
        return self._path if f"{self._path}/".startswith(f"{prefix}/") else prefix + self._path.rstrip("/")


def _canonical_domain(domain: str | None) -> str | None:
    """Return `domain` as browsers compare it: ".Example.com" is "example.com" (RFC 6265bis, section 5.6.3).

    An empty `older_cookie_domain` stands for none.
    """
    return domain.removeprefix(".").lower() or None if domain is not None else None


@lru_cache(maxsize=16)
def _http_date(moment: int) -> str:
    """Return `moment` (seconds) as HTTP writes it. The cookies of one response share few dates, so they are cached."""
    return formatdate(moment, usegmt=True)


def cookie_values(cookie: str, start: str) -> list[str]:
    """Return all values of one cookie in `cookie`, a raw Cookie header, percent-decoded once, in the order sent.

    `start`: the name of the cookie and "=". Names are compared byte by byte, and only space and tab around a pair are
    trimmed: by other bytes that Unicode counts as white space, a neighbouring host could plant ``__Host-`` names.
    """
    if start not in cookie:
        return []
    token = sole_cookie_value(cookie, start)
    if token is not None:
        return [token]
    credentials = [token.strip(" \t") for token in cookie.split(";")]
    return [unquote(token[len(start) :]) for token in credentials if token.startswith(start)]


def sole_cookie_value(cookie: str, start: str) -> str | None:
    """Return the value that `cookie_values` would return if it is the only one and simple to find; otherwise None.

    Nearly every request has each session cookie once, at the beginning or after "; ", with nothing to decode.
    """
    # Error reports hide variables of these names. `cookie` and `secret` end up with the cookies before and after it.
    cookie, _, secret = cookie.partition(start)
    token, _, secret = secret.partition(";")
    if token and "%" not in token and start not in secret and (not cookie or cookie.endswith("; ")):
        return token.rstrip(" \t")
    return None
