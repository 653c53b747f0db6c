# SPDX-License-Identifier: Apache-2.0
"""Thousands of honest browsers without script, in milliseconds: no search, but ways and views as long as real ones.

Every request of a browser runs through the product's rules: from the jar, over the network, into a view that asks its
verb sooner or later, and back to the jar. Requests and answers get lost, views are aborted, bodies are large, a tab is
opened while another one loads. Only what claim 1 asks for is kept: the ways of requests and answers, a worker's gap
and the clocks' difference are together at most W / 2.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from supertokens.engine.renewal import AccessCookie, Course, Leaves
from supertokens.engine.rotation import NEW_SESSION, Decision, Pair, Presented, Row, decide

from .pages_rules import HANDLE, PageRules
from .server import THEFT

SECOND = 1_000
MINUTE = 60 * SECOND
LARGEST_WAY = 1_900
"""of a request, and of an answer"""
LARGEST_GAP = 200
CLOCKS_APART = 1_000

Run: TypeAlias = Generator[int, None, None]
"""What one request, or one tab, does; it yields how long it waits, in ms."""


class AccessToken(NamedTuple):
    serial: int
    parent: int
    marked: bool
    dies: int


class Cookies(NamedTuple):
    serial: int
    parent: int
    access: AccessToken


@dataclass(frozen=True)
class Trip:
    """How one request fares."""

    way_in: int
    way_out: int
    verb_after: int
    leaves_after: int
    """since it came in"""
    gap: int
    clock: int
    large: bool
    payload: bool


class Browser:
    """One browser and its session. ``counts`` says what happened, by name."""

    def __init__(self, rules: PageRules, life: int, seed: int) -> None:
        self.rules = rules
        self.life = life
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.now = 0
        self.lineage = NEW_SESSION
        self.jar = Cookies(1, 0, AccessToken(1, 0, marked=False, dies=life))
        self._ahead: list[tuple[int, int, Run]] = []
        self._started = 0

    def lives(self, until: int) -> None:
        """Two tabs browse until then, or until the first theft."""
        for _ in range(2):
            self._start(self._tab(), 0)
        while self._ahead and not self.counts[THEFT]:
            self.now, _, run = heappop(self._ahead)
            if self.now > until:
                return
            if (wait := next(run, None)) is not None:
                self._start(run, wait)

    def _start(self, run: Run, wait: int) -> None:
        self._started += 1
        heappush(self._ahead, (self.now + wait, self._started, run))

    # What people and networks do

    def _tab(self) -> Run:
        while True:
            yield int(self.random.expovariate(1 / (self.life / 4)))
            self._start(self._request(self._trip()), 0)
            yield self.random.randrange(LARGEST_WAY)
            for _ in range(self.random.choice((0, 0, 2, 8, 30))):  # the page's images
                self._start(self._request(self._trip()), self.random.randrange(300))

    def _way(self) -> int:
        return min(LARGEST_WAY, int(self.random.lognormvariate(4.5, 1.2)))

    def _trip(self) -> Trip:
        chance = self.random.random
        verb_after = self.random.randrange(100) if chance() < 0.9 else int(self.random.expovariate(1 / 5_000))
        view = int(self.random.lognormvariate(4, 1)) if chance() < 0.9 else int(self.random.paretovariate(0.7) * 500)
        large = chance() < 0.03
        return Trip(
            way_in=int(self.random.expovariate(1 / MINUTE)) if large else self._way(),
            way_out=self._way(),
            verb_after=verb_after,
            leaves_after=verb_after + view,
            gap=self.random.randrange(LARGEST_GAP),
            clock=self.random.choice((0, CLOCKS_APART)),
            large=large,
            payload=chance() < 0.05,
        )

    def _is_lost(self) -> bool:
        return self.random.random() < 0.03

    # What a request does

    def _request(self, trip: Trip) -> Run:
        cookies = self.jar
        yield trip.way_in
        if self._is_lost():
            return
        yield trip.verb_after
        access, times = cookies.access, self.rules.times
        shown = AccessCookie(HANDLE, access.dies - self._now_on_host(trip))
        course = self.rules.course_of(HANDLE, shown, waited=trip.verb_after, large=trip.large, times=times)
        self.counts[course.name] += 1
        if course is Course.RENEW:
            yield from self._renews(trip, cookies)
        elif course is Course.VERIFY:
            yield from self._verifies(trip, access)
        else:
            self._serves_by_record(trip, cookies, shown)

    def _swaps(
        self, table: tuple[Row, ...], serial: int, parent: int, trip: Trip
    ) -> Generator[int, None, Decision | None]:
        while True:
            read, now = self.lineage, self.now + trip.clock
            if self._has_ended(table, trip):
                self.counts["ended"] += 1
                return None
            decision = decide(table, read, Presented(serial, parent, now, b"", self.rules.times.grace))
            yield trip.gap
            if decision.write is None or self.lineage == read:
                self.lineage = decision.write or self.lineage
                return decision
            self.counts["races lost"] += 1

    def _renews(self, trip: Trip, cookies: Cookies) -> Run:
        decision = yield from self._swaps(self.rules.renewal_table, cookies.serial, cookies.parent, trip)
        if decision is None:
            return
        self.counts[f"row {decision.row}"] += 1
        pair = decision.pair
        if pair is None:
            self.counts[THEFT] += 1
            return
        dies = self._death(trip)
        yield max(0, trip.leaves_after - trip.verb_after - trip.gap)
        waited = max(trip.leaves_after, trip.verb_after + trip.gap)
        if self.rules.is_in_time(waited, self.rules.times):
            yield from self._arrives(trip, lambda: self._stores_pair(pair, dies))
        else:
            self.counts["pairs dropped"] += 1

    def _verifies(self, trip: Trip, access: AccessToken) -> Run:
        if access.marked:
            decision = yield from self._swaps(self.rules.verify_table, access.serial, access.parent, trip)
            if decision is None:
                return
            self.counts[f"verify's row {decision.row}"] += 1
            access = access._replace(marked=not decision.confirmed)
            if not decision.confirmed and not trip.payload:
                return
        elif not trip.payload:
            return
        yield max(0, trip.leaves_after - trip.verb_after - trip.gap)
        waited = max(trip.leaves_after, trip.verb_after + trip.gap)
        asked = {"waited": waited, "life_left": access.dies - self.now, "times": self.rules.times}
        if trip.payload:
            leaves = self.rules.payload_may_leave(renewed=False, **asked) is not Leaves.NO
        else:
            leaves = self.rules.reissue_may_leave(**asked)
        self.counts["access tokens sent" if leaves else "access tokens kept back"] += 1
        if leaves:
            yield from self._arrives(trip, lambda: self._stores_access(access))

    def _serves_by_record(self, trip: Trip, cookies: Cookies, shown: AccessCookie) -> None:
        came_in = self.now + trip.clock - trip.verb_after
        served = self.rules.serves_late(
            self.lineage, cookies.serial, cookies.parent, came_in=came_in, grace=self.rules.times.grace
        ) or (trip.large and self.rules.spares_upload(HANDLE, shown, self.rules.times))
        self.counts["served by the record" if served else "refused for this request"] += 1

    # What an end of the session changes

    def _now_on_host(self, trip: Trip) -> int:
        """The moment by which an access token is judged."""
        return self.now

    def _death(self, trip: Trip) -> int:
        """When an access token dies that is issued for a request that is about to write."""
        return self.now - trip.gap + self.life

    def _has_ended(self, table: tuple[Row, ...], trip: Trip) -> bool:
        return False

    def _arrives(self, trip: Trip, stores: Callable[[], None]) -> Run:
        yield trip.way_out
        if not self._is_lost():
            stores()

    def _stores_pair(self, pair: Pair, dies: int) -> None:
        self.jar = Cookies(pair.serial, pair.parent, AccessToken(pair.serial, pair.parent, pair.marked, dies))

    def _stores_access(self, access: AccessToken) -> None:
        self.jar = self.jar._replace(access=access)


def fleet(rules: PageRules, *, browsers: int, life: int, lives: int, seed: int = 0) -> Counter[str]:
    """What happened to that many browsers, each followed through `lives` lives of an access token (`life` ms)."""
    counts: Counter[str] = Counter()
    for number in range(browsers):
        browser = Browser(rules, life, seed * browsers + number)
        browser.lives(lives * life)
        counts += browser.counts
    return counts
