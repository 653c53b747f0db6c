# SPDX-License-Identifier: Apache-2.0
"""A thief who copied the refresh token once and polls: how long until theft is raised?

No search: a simulation in real seconds, on the product's rules with real moments. The victim makes a call now and
then and refreshes at the first one after its access token has died. The thief presents the newest token that it holds
for certain, uses no marked access token, and moves on when an answer comes without the marker.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import fmean

from supertokens.engine.rotation import NEW_SESSION, Decision, Lineage, Presented, decide

from .rules import HINTS, Rules

SECOND = 1_000
HOUR = 3_600 * SECOND
ACCESS_LIFE = HOUR


@dataclass(frozen=True)
class Thief:
    """How the thief polls: every so many seconds, and with ``around_expiry`` only from one second before the victim's
    access token dies until the new pair is won."""

    hint: int
    every: int
    around_expiry: bool = False


class Chase:
    """One run of the simulation. Times are in milliseconds since the session began."""

    def __init__(self, rules: Rules, thief: Thief, *, victim_every: int, seed: int) -> None:
        self.rules = rules
        self.thief = thief
        self.victim_every = victim_every * SECOND
        self.random = random.Random(seed)
        self.lineage: Lineage = NEW_SESSION
        self.victims, self.thiefs = (1, 0), (1, 0)
        self.victims_access_dies = ACCESS_LIFE // 2
        self.victim_next = self.victims_access_dies + self._pause()
        first = self.victims_access_dies - SECOND
        self.thief_next = first if thief.around_expiry else int(self.random.random() * thief.every * SECOND)

    def hours_until_theft(self, cut_off: int) -> float | None:
        """None: not within `cut_off` hours."""
        while (now := min(self.victim_next, self.thief_next)) < cut_off * HOUR:
            caught = self._victim_refreshes(now) if self.victim_next <= self.thief_next else self._thief_refreshes(now)
            if caught:
                return now / HOUR
        return None

    def _pause(self) -> int:
        return int(self.random.expovariate(1 / self.victim_every))

    def _refresh(self, token: tuple[int, int], now: int, hint: int) -> Decision:
        presented = Presented(*token, now, HINTS[hint] or b"", self.rules.grace * SECOND)
        decision = decide(self.rules.refresh_table, self.lineage, presented)
        self.lineage = decision.write or self.lineage
        return decision

    def _victim_refreshes(self, now: int) -> bool:
        pair = self._refresh(self.victims, now, 0).pair
        if pair is None:
            return True
        self.victims = pair[:2]
        if pair.marked:
            presented = Presented(*self.victims, now, HINTS[0] or b"", self.rules.grace * SECOND)
            self.lineage = decide(self.rules.verify_table, self.lineage, presented).write or self.lineage
        self.victims_access_dies = now + ACCESS_LIFE
        self.victim_next = self.victims_access_dies + self._pause()
        return False

    def _thief_refreshes(self, now: int) -> bool:
        pair = self._refresh(self.thiefs, now, self.thief.hint).pair
        if pair is None:
            return True
        self.thief_next = now + self.thief.every * SECOND
        if not pair.marked:
            self.thiefs = pair[:2]
            if self.thief.around_expiry:
                self.thief_next = max(self.thief_next, self.victims_access_dies - SECOND)
        return False


@dataclass(frozen=True)
class Caught:
    """In how many of how many runs, and after how many hours on average (None: never)."""

    runs: int
    of: int
    hours: float | None

    def __str__(self) -> str:
        if self.hours is None:
            return "never"
        return f"{self.hours:.2f} h" + ("" if self.runs == self.of else f" in {self.runs} of {self.of}")


def chase(rules: Rules, thief: Thief, *, victim_every: int = 60, seeds: int = 20, cut_off: int = 200) -> Caught:
    runs = (Chase(rules, thief, victim_every=victim_every, seed=seed) for seed in range(seeds))
    hours = [caught for run in runs if (caught := run.hours_until_theft(cut_off)) is not None]
    return Caught(len(hours), seeds, fmean(hours) if hours else None)
