# SPDX-License-Identifier: Apache-2.0
"""Time that passes when a test says so."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["FakeClock", "SkewedClock"]


class FakeClock:
    """A frozen clock in milliseconds since the epoch: call it to read it.

    >>> clock = FakeClock()
    >>> before = clock()
    >>> clock.advance(minutes=5)
    >>> clock() - before
    300000
    """

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let `seconds`, `minutes`, `hours` and `days` pass; negative amounts set the clock back."""
        self.now += _ms(seconds, minutes, hours, days)


class SkewedClock:
    """A clock that is off from `clock` by a fixed amount, for a client or a server.

    >>> clock = FakeClock()
    >>> ahead = SkewedClock(clock)
    >>> ahead.skew(minutes=1)
    >>> clock.advance(hours=1)
    >>> ahead() - clock()
    60000
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.ahead_ms = 0
        """How far it is ahead of the other; negative: behind."""

    def __call__(self) -> int:
        return self._clock() + self.ahead_ms

    def skew(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Put this clock ahead of the other by `seconds`, `minutes`, `hours` and `days`; behind it by negative ones.

        This replaces the effect of earlier calls.
        """
        self.ahead_ms = _ms(seconds, minutes, hours, days)


def _ms(seconds: float, minutes: float, hours: float, days: float) -> int:
    return round(1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days))))
