# SPDX-License-Identifier: Apache-2.0
"""Honest browsers near the absolute end of their sessions, where access tokens live for less than 8 W.

All of them die with the session, so that a generation begins sooner only where two clocks disagree about its end: a
host that is ahead finds tokens dead while a store with a clock of its own, or a core elsewhere, still has the record.
"""

from __future__ import annotations

from collections import Counter

from supertokens.engine.lifetimes import Lifetimes
from supertokens.engine.rotation import VERIFY_TABLE, Row

from .pages_fleet import SECOND, Browser, Trip
from .pages_rules import PageRules

__all__ = ["EndingBrowser", "ending_fleet"]


class EndingBrowser(Browser):
    """One whose session ends when `lifetimes` says, however much it is used; it began at 0.

    `asks_store`: the store has a clock of its own, which says whether a session has ended; else each host's says so.
    """

    def __init__(self, rules: PageRules, seed: int, lifetimes: Lifetimes, *, asks_store: bool) -> None:
        super().__init__(rules, lifetimes.access_token, seed)
        self.lifetimes = lifetimes
        self.asks_store = asks_store
        first = self.jar.access
        self.jar = self.jar._replace(access=first._replace(dies=lifetimes.access_token_end(0, 0)))

    def _now_on_host(self, trip: Trip) -> int:
        return self.now + trip.clock

    def _death(self, trip: Trip) -> int:
        issued_at = self._now_on_host(trip) - trip.gap
        dies = self.lifetimes.access_token_end(0, issued_at)
        self.counts["short lives"] += dies < issued_at + self.life // 2
        self.counts["dead on arrival"] += dies <= self._now_on_host(trip)
        return dies

    def _has_ended(self, table: tuple[Row, ...], trip: Trip) -> bool:
        now, end = self.now if self.asks_store else self._now_on_host(trip), self.lifetimes.absolute_end(0)
        assert end is not None
        return now >= end or (table is not VERIFY_TABLE and self.lifetimes.is_closing(0, now))


def ending_fleet(
    rules: PageRules, *, browsers: int, life: int, closing: int, asks_store: bool, seed: int = 0
) -> Counter[str]:
    """Return what happened to that many browsers, each followed to the end of its session and beyond.

    Sessions last from a little more than a grace period to three times `life` (ms), so that most have no access token
    of a whole life. `closing`: for how long before its end a session is not refreshed any more (ms).
    """
    counts: Counter[str] = Counter()
    shortest = rules.times.grace + SECOND
    for number in range(browsers):
        most = shortest + (3 * life - shortest) * number // browsers
        lifetimes = Lifetimes(life, 10**9, 10**9, most, closing)
        browser = EndingBrowser(rules, seed * browsers + number, lifetimes, asks_store=asks_store)
        browser.lives(most + 30 * SECOND)
        counts += browser.counts
    return counts
