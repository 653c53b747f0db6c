# SPDX-License-Identifier: Apache-2.0
"""Time that passes when a test says so."""

from __future__ import annotations

__all__ = ["FakeClock"]


class FakeClock:
    """A clock in milliseconds since the epoch: call it to read it."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let `seconds`, `minutes`, `hours` and `days` pass; negative amounts set the clock back."""
        self.now += round(1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days))))
