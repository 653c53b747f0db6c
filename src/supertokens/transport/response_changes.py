# SPDX-License-Identifier: Apache-2.0
"""Changes to the headers of a response, collected first and applied once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from supertokens.transport.cookies import Place, SetCookie

__all__ = ["Header", "ResponseChanges", "listed", "may_concern_caches", "with_cache_rules"]

Header = tuple[str, str]

_EXPOSE: Final = "Access-Control-Expose-Headers"
_SESSION_HEADERS: Final = ("id-refresh-token", "anti-csrf", "front-token", "st-access-token", "st-refresh-token")
_VARY: Final = ("Cookie", "Authorization")
_PRIVATE: Final[Header] = ("Cache-Control", "private")
_FOR_ANYBODY: Final[list[Header]] = [("Vary", ", ".join(_VARY))]
_FOR_ONE_USER: Final = [*_FOR_ANYBODY, _PRIVATE]
_SIZE_OF_OTHERS: Final = len("Access-Control-Expose-Headers: \r\nCache-Control: no-store\r\n")
_SIZE_OF_NAME: Final = len("Set-Cookie: \r\n")
_LENGTHS: Final = frozenset({len("Vary"), len("Cache-Control")})


class ResponseChanges:
    """Cookies and headers to set. A later change replaces an earlier one: nothing is ever sent twice.

    `whole`: these changes describe the session completely (it began or ended), so no change for an earlier one may stay
    on the same response.
    """

    __slots__ = ("_cookies", "_headers", "_whole")

    def __init__(self, *, whole: bool = False) -> None:
        self._cookies: dict[tuple[str, Place], str] = {}
        """The values of Set-Cookie headers, by what identifies the cookie."""
        self._headers: dict[str, str] = {}
        self._whole = whole

    def __bool__(self) -> bool:
        return bool(self._cookies or self._headers)

    @property
    def whole(self) -> bool:
        return self._whole

    @property
    def has_cookies(self) -> bool:
        return bool(self._cookies)

    def set_cookies(self, cookies: Iterable[SetCookie]) -> None:
        for cookie in cookies:
            self._cookies[cookie.identity] = cookie.line

    def drop_cookies(self) -> None:
        """Keep only the headers."""
        self._cookies.clear()

    def set_header(self, name: str, value: str) -> None:
        """Set the header `name` to `value` for the browser library, whose script may read it across origins."""
        self._headers[name] = value

    def update(self, later: ResponseChanges) -> None:
        """Add the changes in `later`."""
        if later._whole:
            self._headers.clear()
            self._whole = True
        self._cookies.update(later._cookies)
        self._headers.update(later._headers)

    def applied_to(self, headers: Iterable[Header]) -> list[Header]:
        """Return `headers` of a response with the changes made: session cookies are replaced, others are kept."""
        ours = {name.lower() for name in self._headers} | {"access-control-expose-headers", "cache-control"}
        if self._whole:
            ours.update(_SESSION_HEADERS)
        kept, exposed = [], ""
        for name, value in headers:
            lower = name.lower()
            if lower == "access-control-expose-headers":
                exposed = f"{exposed},{value}"
            elif lower not in ours and not (lower == "set-cookie" and _identity(value) in self._cookies):
                kept.append((name, value))
        kept += [("Set-Cookie", cookie) for cookie in self._cookies.values()]
        kept += self._headers.items()
        if exposed or self._headers:
            kept.append((_EXPOSE, listed(exposed, self._headers)))
        # No cache may store tokens (RFC 9111, 5.2.2.5; OWASP ASVS 14.3.2).
        kept.append(("Cache-Control", "no-store"))
        return kept

    def taken_from(self, headers: Iterable[Header]) -> list[Header]:
        """Return `headers` without the cookies and headers that these changes set, whatever their values.

        Earlier changes may have set them too.
        """
        ours = {name.lower() for name in self._headers}
        return [
            (name, value)
            for name, value in headers
            if name.lower() not in ours and not (name.lower() == "set-cookie" and _identity(value) in self._cookies)
        ]

    def size_of_largest(self) -> tuple[str, int]:
        """Return the name of the largest header or cookie (name and value, as browsers count), and its bytes."""
        sizes = {f"the cookie {name}": cookie.index(";") for (name, _), cookie in self._cookies.items()}
        sizes |= {
            f"the header {name}": len(_KEPT_AS.get(name, name)) + 1 + len(value)
            for name, value in self._headers.items()
        }
        return max(sizes.items(), key=lambda item: item[1])

    def size_at_most(self) -> int:
        """Return a number of bytes that `size_of_all` does not exceed, with less work."""
        headers = sum(2 * len(name) + len(value) + 6 for name, value in self._headers.items())
        return _SIZE_OF_OTHERS + headers + sum(map(len, self._cookies.values())) + len(self._cookies) * _SIZE_OF_NAME

    def size_of_all(self) -> int:
        """Return the size of all headers together in bytes, as sent over the wire."""
        return sum(len(name) + len(value) + 4 for name, value in self.applied_to([]))


def with_cache_rules(headers: list[Header], *, is_private: bool) -> list[Header]:
    """Return `headers` of a response for which a session was looked up, so that no cache serves it to another user.

    `is_private`: a session was found, so shared caches must not keep the response, unless the application has said
    otherwise (RFC 9111, section 5.2.2.7).
    """
    # Every check runs this, and few header names have the length of one of the two.
    for name, _ in headers:
        if len(name) in _LENGTHS:
            break
    else:
        return headers + (_FOR_ONE_USER if is_private else _FOR_ANYBODY)
    names = {name.lower() for name, _ in headers}
    if "vary" in names:
        headers = _merged_with_vary(headers)
    else:
        headers = headers + _FOR_ANYBODY
    return [*headers, _PRIVATE] if is_private and "cache-control" not in names else headers


def may_concern_caches(headers: Iterable[tuple[str | bytes, object]]) -> bool:
    """Return whether `with_cache_rules` may have to examine `headers`, judging by the lengths of their names.

    If not, it adds what it adds to an empty list.
    """
    return not _LENGTHS.isdisjoint(map(len, dict(headers)))


def _merged_with_vary(headers: list[Header]) -> list[Header]:
    vary = ", ".join(value for name, value in headers if name.lower() == "vary" and value)
    return [*(header for header in headers if header[0].lower() != "vary"), ("Vary", _with_vary(vary))]


def _with_vary(vary: str) -> str:
    present = {part.strip().lower() for part in vary.split(",")}
    if "*" in present:
        return vary
    return ", ".join(filter(None, [vary, *(name for name in _VARY if name.lower() not in present)]))


def listed(header: str, names: Iterable[str]) -> str:
    """Return the comma-separated `header` with the missing ones of `names` added."""
    present = (part.strip() for part in header.split(","))
    return ", ".join(dict.fromkeys([*filter(None, present), *names]))


# Browser libraries keep these headers in JavaScript cookies of other names, which have the size limit of cookies.
_KEPT_AS: Final = {"front-token": "sFrontToken", "anti-csrf": "sAntiCsrf", "id-refresh-token": "sIRTFrontend"}


def _identity(line: str) -> tuple[str, Place]:
    """Return what identifies the cookie of `line`, a Set-Cookie header: its name and place."""
    pair, *attributes = line.split(";")
    named = {name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in attributes)}
    return (pair.partition("=")[0].strip(), Place(named.get("domain") or None, named.get("path", "")))
