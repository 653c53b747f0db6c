# SPDX-License-Identifier: Apache-2.0
"""Choose the next host, in turn. A host that failed rests for a while, and is then tried by a single call.

No I/O and no clock: moments and durations are in seconds of a clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from supertokens.forks import ProcessLock

__all__ = ["MAX_REST_S", "MIN_REST_S", "Host", "Hosts"]

MIN_REST_S: Final = 0.5
"""After the first failure; each further one doubles it."""

MAX_REST_S: Final = 8.0
"""The longest time after which a host that has recovered is used again."""


class Host:
    """One base URL, and how it has been doing."""

    __slots__ = ("failures", "rests_until", "url")

    def __init__(self, url: str) -> None:
        self.url = url
        self.failures = 0
        """In a row."""
        self.rests_until = 0.0

    def __repr__(self) -> str:
        return f"Host({self.url!r})"


class Hosts:
    """All hosts, for any thread."""

    def __init__(self, urls: Iterable[str]) -> None:
        self.all = tuple(Host(url) for url in urls)
        self._turn = 0
        self._changing = ProcessLock()

    def next(self, now: float, tried: Collection[Host], *, may_try_again: bool) -> Host | None:
        """Return the host to ask at `now` (seconds), or None if all were `tried` or rest.

        A host whose rest is over is given to a single call until that has failed or been answered. A call that can be
        repeated elsewhere (`may_try_again`) goes first.
        """
        with self._changing.own:
            start = self._turn
            self._turn = (start + 1) % len(self.all)
            left = [host for host in (*self.all[start:], *self.all[:start]) if host not in tried]
            well = [host for host in left if not host.failures]
            rested = [host for host in left if host.failures and now >= host.rests_until]
            if rested and (may_try_again or not well):
                self._let_rest(rested[0], now)
                return rested[0]
            return well[0] if well else None

    def failed(self, host: Host, now: float) -> None:
        """Note at `now` that `host` could not be reached, or did not answer."""
        with self._changing.own:
            host.failures += 1
            self._let_rest(host, now)

    def answered(self, host: Host) -> None:
        """Note that `host` has answered."""
        if host.failures:
            with self._changing.own:
                host.failures = 0

    def _let_rest(self, host: Host, now: float) -> None:
        doublings = min(host.failures - 1, 10)
        host.rests_until = now + min(MIN_REST_S * 2**doublings, MAX_REST_S)
