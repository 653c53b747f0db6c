# SPDX-License-Identifier: Apache-2.0
"""Cookies by the rules of browsers: RFC 6265 with its revision, draft-ietf-httpbis-rfc6265bis ("6265bis").

One rule is simpler than in browsers, which have a list of public suffixes: here, the site of a host is its last two
labels, and no cookie can have a domain of one label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

__all__ = [
    "Jar", "JarCookie", "Way", "cookie_of_line", "in_order", "is_sent", "is_trustworthy", "keep", "path_matches",
    "site_of",
]  # fmt: skip

_END_OF_TIME: Final = 2**53
_MAX_LIFE_MS: Final = 400 * 24 * 3600 * 1000
"""6265bis, section 5.6.1."""
_MAX_PAIR_BYTES: Final = 4096
_BLANK: Final = " \t"


@dataclass(frozen=True, slots=True)
class JarCookie:
    """A stored cookie. `domain` None: only for the `host` that set it. Times are in ms.

    `persistent`: it outlasts the closing of the browser. `host` is empty if it is not known.
    """

    name: str
    value: str
    domain: str | None
    path: str
    expires_at: int
    secure: bool
    http_only: bool
    same_site: str
    host: str = ""
    persistent: bool = True
    created_at: int = 0


Jar = dict[tuple[str, str | None, str, str], JarCookie]
"""Cookies by name, domain, path and host, the newest last; the host is empty for cookies with a domain."""


class Way(NamedTuple):
    """How a request came about, as far as it matters for cookies. `same_site`: a page of the same site has sent it.

    `navigates`: it is for a page that the browser is to show.
    """

    same_site: bool = True
    navigates: bool = False


def site_of(url: str) -> tuple[str, str]:
    """Return the site of `url`: its scheme, and the registrable domain of its host."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme, host if _is_address(host) else ".".join(host.split(".")[-2:])


def is_trustworthy(url: str) -> bool:
    """Return whether nobody can listen in on `url`: https, or this machine (W3C Secure Contexts, section 3.1)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme in ("https", "wss") or host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


def cookie_of_line(line: str, url: str | None, now: int, way: Way) -> JarCookie | None:
    """Return the cookie that `line`, a Set-Cookie header, sets at `now` (ms), or None if a browser ignores it.

    `url`: the URL of the request; None: a site for which all of the cookie's attributes are accepted. `way`: how the
    request came about.
    """
    pair, *attributes = line.split(";")
    name, separator, value = pair.partition("=")
    name, value = (name.strip(_BLANK), value.strip(_BLANK)) if separator else ("", name.strip(_BLANK))
    parts = (attribute.partition("=") for attribute in attributes)
    named = {key.strip(_BLANK).lower(): text.strip(_BLANK) for key, _, text in parts}
    at = None if url is None else urlsplit(url)
    expires_at = _expiry(named, now)
    cookie = JarCookie(
        name,
        value,
        named.get("domain", "").removeprefix(".").lower() or None,
        _path(named.get("path", ""), at),
        _END_OF_TIME if expires_at is None else expires_at,
        secure="secure" in named,
        http_only="httponly" in named,
        same_site=named.get("samesite", ""),
        host="" if at is None else at.hostname or "",
        persistent=expires_at is not None,
        created_at=now,
    )
    if url is not None and at is not None and not _is_acceptable(cookie, url, at, way):
        return None
    return cookie


def keep(jar: Jar, cookie: JarCookie, now: int, *, over_https: bool = True) -> None:
    """Put `cookie` into `jar`, replacing one of the same name, domain and path; an expired one deletes that.

    `over_https` False: it neither replaces nor hides a Secure cookie (6265bis, section 5.7, step 16).
    """
    if not (over_https or cookie.secure) and any(_is_hidden_by(cookie, each) for each in jar.values()):
        return
    jar.pop(_place(cookie), None)
    if cookie.expires_at > now:
        jar[_place(cookie)] = cookie


def is_sent(cookie: JarCookie, url: str, now: int, way: Way, method: str = "GET") -> bool:
    """Return whether `cookie` is sent with a request `method` for `url` at `now` (ms) that came about by `way`."""
    if cookie.expires_at <= now or not path_matches(urlsplit(url).path or "/", cookie.path):
        return False
    return _is_for_host(cookie, urlsplit(url).hostname or "") and (
        (not cookie.secure or is_trustworthy(url)) and _same_site_allows(cookie, way, method)
    )


def in_order(cookies: Iterable[JarCookie]) -> list[JarCookie]:
    """Return `cookies` as a request lists them: longer paths first, then the older ones (RFC 6265, section 5.4)."""
    return sorted(cookies, key=lambda cookie: (-len(cookie.path), cookie.created_at))


def _place(cookie: JarCookie) -> tuple[str, str | None, str, str]:
    return cookie.name, cookie.domain, cookie.path, "" if cookie.domain else cookie.host


def _path(text: str, at: SplitResult | None) -> str:
    """Return the path of a cookie with the attribute `text`, by default the request's folder (section 5.1.4)."""
    if text.startswith("/"):
        return text
    return "/" if at is None else at.path.rpartition("/")[0] or "/"


def _expiry(named: dict[str, str], now: int) -> int | None:
    """Return when a cookie with the attributes `named` expires (ms), or None: when the browser closes."""
    age = named.get("max-age", "")
    if re.fullmatch("-?[0-9]{1,18}", age):
        return min(now + 1000 * int(age), now + _MAX_LIFE_MS)
    try:
        return min(round(parsedate_to_datetime(named["expires"]).timestamp() * 1000), now + _MAX_LIFE_MS)
    except (KeyError, ValueError, OverflowError):
        return None


def _is_acceptable(cookie: JarCookie, url: str, at: SplitResult, way: Way) -> bool:
    """Return whether a browser that requested `url` by `way` accepts `cookie` (6265bis, section 5.7)."""
    if len(cookie.name.encode()) + len(cookie.value.encode()) > _MAX_PAIR_BYTES or not (cookie.name or cookie.value):
        return False
    host_matches = cookie.domain is None or _is_for_host(cookie, at.hostname or "")
    one_label = cookie.domain is not None and "." not in cookie.domain and cookie.domain != at.hostname
    same_site = cookie.same_site.lower()
    return (
        host_matches
        and not one_label
        and (not cookie.secure or is_trustworthy(url))
        and (same_site != "none" or cookie.secure)
        and (same_site == "none" or way.same_site or way.navigates)
        and (not cookie.name.lower().startswith("__secure-") or cookie.secure)
        and (not cookie.name.lower().startswith("__host-") or _is_bound_to_host(cookie))
    )


def _is_bound_to_host(cookie: JarCookie) -> bool:
    return cookie.secure and cookie.domain is None and cookie.path == "/"


def _is_hidden_by(cookie: JarCookie, kept: JarCookie) -> bool:
    """Return whether `kept` is a Secure cookie of the same name that would be sent together with `cookie`."""
    host, kept_host = cookie.domain or cookie.host, kept.domain or kept.host
    return (
        kept.secure
        and kept.name == cookie.name
        and (_domain_matches(host, kept_host) or _domain_matches(kept_host, host))
        and path_matches(cookie.path, kept.path)
    )


def _is_for_host(cookie: JarCookie, host: str) -> bool:
    return cookie.host in ("", host) if cookie.domain is None else _domain_matches(host, cookie.domain)


def _domain_matches(host: str, domain: str) -> bool:
    """Return whether `host` is `domain` or below it (RFC 6265, section 5.1.3)."""
    return host == domain or (host.endswith(f".{domain}") and not _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def path_matches(path: str, cookie_path: str) -> bool:
    """Return whether a cookie of `cookie_path` is sent with a request for `path` (RFC 6265, section 5.1.4)."""
    if path == cookie_path:
        return True
    return path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/")


def _same_site_allows(cookie: JarCookie, way: Way, method: str) -> bool:
    """Return whether SameSite allows sending `cookie`; without the attribute, it is Lax (6265bis, section 5.8.3)."""
    same_site = cookie.same_site.lower()
    if way.same_site or same_site == "none":
        return True
    is_safe = method in ("GET", "HEAD", "OPTIONS", "TRACE")
    return same_site != "strict" and way.navigates and is_safe
