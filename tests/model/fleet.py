# SPDX-License-Identifier: Apache-2.0
"""Thousands of honest browsers without a lock, in milliseconds: each tab that is told to refresh does so by itself.

As `pages_fleet`, but the browser renews: a request with a dead access token is answered "try refresh", and the tab that
hears it asks the refresh API with what the jar holds then. Ways are as long as W = 10 s allows (claim 1): twice a
worker's gap, both ways and the clocks' difference are W together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .pages_fleet import CLOCKS_APART, LARGEST_GAP, SECOND, Browser, Run, Trip
from .pages_rules import PageRules
from .server import THEFT

GRACE = 10 * SECOND
LARGEST_WAY = (GRACE - 2 * LARGEST_GAP - CLOCKS_APART) // 2


class LocklessBrowser(Browser):
    def _way(self) -> int:
        return min(LARGEST_WAY, int(self.random.lognormvariate(5, 1.8)))

    def _trip(self) -> Trip:
        """A request is on its way until its verb is asked, and a body that takes minutes is none of claim 1's."""
        trip = super()._trip()
        way_in = self._way()
        return replace(trip, way_in=way_in, verb_after=min(trip.verb_after, LARGEST_WAY - way_in), large=False)

    def _request(self, trip: Trip) -> Run:
        access = self.jar.access
        yield trip.way_in
        if self._is_lost():
            return
        yield trip.verb_after
        if access.dies > self.now:
            yield from self._verifies(trip, access)
            return
        self.counts["try refresh"] += 1
        yield trip.way_out
        if not self._is_lost():
            yield from self._refreshes(self._trip())

    def _refreshes(self, trip: Trip) -> Run:
        cookies = self.jar
        if cookies.access.dies > self.now:
            return  # another tab was faster: claim 1 asks for this look
        yield trip.way_in
        if self._is_lost():
            return
        decision = yield from self._swaps(self.rules.refresh_table, cookies.serial, cookies.parent, trip)
        self.counts[f"row {decision.row}"] += 1
        pair = decision.pair
        if pair is None:
            self.counts[THEFT] += 1
            return
        dies = self.now + self.life
        yield from self._arrives(trip, lambda: self._stores_pair(pair, dies))


def keeping_the_margin(rules: PageRules) -> PageRules:
    """The rules for a client without a lock: M, and no T."""
    return replace(rules, reissue_may_leave=lambda *, waited, life_left, times: life_left > times.margin)


def always_sending(rules: PageRules) -> PageRules:
    return replace(rules, reissue_may_leave=lambda *, waited, life_left, times: life_left > 0)


def lockless_fleet(rules: PageRules, *, browsers: int, life: int, lives: int, seed: int = 0) -> Counter[str]:
    """What happened to that many browsers, each followed through `lives` lives of an access token (`life` ms)."""
    counts: Counter[str] = Counter()
    for number in range(browsers):
        browser = LocklessBrowser(rules, life, seed * browsers + number)
        browser.lives(lives * life)
        counts += browser.counts
    return counts
