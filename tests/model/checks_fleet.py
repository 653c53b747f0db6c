# SPDX-License-Identifier: Apache-2.0
"""Thousands of honest browsers without a lock in real time: W = 10 s, M = 30 s; ways as long as W allows."""

from __future__ import annotations

from dataclasses import replace

from supertokens.engine.renewal import RenewalTimes, least_validity
from supertokens.engine.rotation import REFRESH_TABLE

from .check import SAFE, THEFT, Check, Finding
from .fleet import GRACE, SECOND, always_sending, keeping_the_margin, lockless_fleet
from .pages_rules import PageRules
from .variants import without

TIMES = RenewalTimes.of(GRACE)
SHORTEST = least_validity(GRACE)
SEEN = ("try refresh", "row 2", "row 3", "row 4", "row 5", "verify's row 1", "verify's row 2", "races lost",
        "access tokens sent", "access tokens kept back")  # fmt: skip


def fleet(claim: str, rules: PageRules, expected: str = SAFE, *, browsers: int, lives: int, life: int) -> Check:
    """A claim about that many browsers, each followed through `lives` lives of an access token of `life` ms."""

    def look() -> Finding:
        counts = lockless_fleet(rules, browsers=browsers, life=life, lives=lives)
        if missing := [name for name in SEEN if not counts[name] and expected == SAFE]:
            return Finding(f"never happened: {', '.join(missing)}", 0)
        return Finding(THEFT if counts[THEFT] else SAFE, 0)

    return Check(claim, expected, look)


OURS = keeping_the_margin(PageRules(TIMES))
CHECKS = [
    fleet("2,000 honest browsers without a lock", OURS, browsers=2_000, lives=4, life=SHORTEST),
    fleet(
        "tokens that verify issues always leave, 300 browsers",
        always_sending(PageRules(TIMES)),
        THEFT,
        browsers=300,
        lives=10,
        life=15 * SECOND,
    ),
    fleet(
        "without row 5, 50 browsers",
        replace(OURS, refresh_table=without(REFRESH_TABLE, 5)),
        THEFT,
        browsers=50,
        lives=10,
        life=SHORTEST,
    ),
    fleet("10,000 honest browsers without a lock", OURS, browsers=10_000, lives=30, life=SHORTEST).deep(),
]
