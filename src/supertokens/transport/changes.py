# SPDX-License-Identifier: Apache-2.0
"""What shall change in a response's headers, collected first and applied once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from supertokens.transport.cookies import SetCookie

__all__ = ["Changes", "Header", "listed"]

Header = tuple[str, str]

_EXPOSE: Final = "Access-Control-Expose-Headers"
_SESSION_HEADERS: Final = ("id-refresh-token", "anti-csrf", "front-token", "st-access-token", "st-refresh-token")


class Changes:
    """Cookies and headers to set. What comes later replaces what came before: nothing is ever sent twice.

    `whole`: these are all that there is to say of the session (it began or ended), so that nothing of an earlier
    one on the same response may stay.
    """

    __slots__ = ("_cookies", "_headers", "_whole")

    def __init__(self, *, whole: bool = False) -> None:
        self._cookies: dict[tuple[str, str | None, str], SetCookie] = {}
        self._headers: dict[str, str] = {}
        self._whole = whole

    @property
    def whole(self) -> bool:
        return self._whole

    def set_cookies(self, cookies: Iterable[SetCookie]) -> None:
        self._cookies.update((cookie.identity, cookie) for cookie in cookies)

    def set_header(self, name: str, value: str) -> None:
        """A header for the browser library: readable by its script also across origins."""
        self._headers[name] = value

    def update(self, later: Changes) -> None:
        """Add what `later` holds."""
        if later._whole:
            self._headers.clear()
            self._whole = True
        self._cookies.update(later._cookies)
        self._headers.update(later._headers)

    def applied_to(self, headers: Iterable[Header]) -> list[Header]:
        """`headers` of a response with the changes made: ours replaced, all others as they were."""
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
        kept += [("Set-Cookie", cookie.line) for cookie in self._cookies.values()]
        kept += self._headers.items()
        if exposed or self._headers:
            kept.append((_EXPOSE, listed(exposed, self._headers)))
        # Tokens are for nobody's cache (RFC 9111, 5.2.2.5; OWASP ASVS 14.3.2).
        kept.append(("Cache-Control", "no-store"))
        return kept

    def size_of_largest(self) -> tuple[str, int]:
        """The largest cookie (name and value, as browsers count) or header: what it is, and its bytes."""
        sizes = {
            f"the cookie {cookie.name}": len(cookie.name) + 1 + len(cookie.value) for cookie in self._cookies.values()
        }
        sizes |= {
            f"the header {name}": len(_KEPT_AS.get(name, name)) + 1 + len(value)
            for name, value in self._headers.items()
        }
        return max(sizes.items(), key=lambda item: item[1])

    def size_of_all(self) -> int:
        """Bytes of all headers together, as they go over the wire."""
        return sum(len(name) + len(value) + 4 for name, value in self.applied_to([]))


def listed(header: str, names: Iterable[str]) -> str:
    """A comma-separated header with `names` added to what it has, each once."""
    present = (part.strip() for part in header.split(","))
    return ", ".join(dict.fromkeys([*filter(None, present), *names]))


# Browser libraries keep these headers in JavaScript cookies of other names, and those have the limit of a cookie.
_KEPT_AS: Final = {"front-token": "sFrontToken", "anti-csrf": "sAntiCsrf", "id-refresh-token": "sIRTFrontend"}


def _identity(line: str) -> tuple[str, str | None, str]:
    """(name, domain, path) of a Set-Cookie line; the first is enough to tell that it is not ours."""
    pair, *attributes = line.split(";")
    named = {name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in attributes)}
    return (pair.partition("=")[0].strip(), named.get("domain") or None, named.get("path", ""))
