# SPDX-License-Identifier: Apache-2.0
"""Thousands of honest browsers in real time: W = 10 s, T = 2.5 s, M = 30 s, the shortest life that is allowed."""

from __future__ import annotations

from collections import Counter

from supertokens.engine.renewal import RenewalTimes, least_validity

from . import pages_variants as variants
from .check import SAFE, THEFT, Check, Finding
from .pages_fleet import MINUTE, SECOND, fleet
from .pages_rules import PageRules

TIMES = RenewalTimes.of(10 * SECOND, upload_grace=10 * MINUTE)
LIFE = least_validity(TIMES.grace)
SEEN = ("row 2", "row 3", "row 5", "verify's row 1", "verify's row 2", "pairs dropped", "races lost",
        "access tokens kept back", "SERVE_BY_RECORD")  # fmt: skip


def found_in(counts: Counter[str], seen: tuple[str, ...], expected: str) -> Finding:
    """Return what a simulation came to, which is to be `expected`: to be safe says little unless all of `seen` was."""
    missing = [name for name in seen if not counts[name]]
    if missing and expected == SAFE:
        return Finding(f"never happened: {', '.join(missing)}", 0)
    return Finding(THEFT if counts[THEFT] else SAFE, 0)


def honest_fleet(claim: str, rules: PageRules, expected: str, *, browsers: int, lives: int) -> Check:
    def look() -> Finding:
        counts = fleet(rules, browsers=browsers, life=LIFE, lives=lives)
        return found_in(counts, SEEN, expected)

    return Check(claim, expected, look)


CHECKS = [
    honest_fleet("1,000 honest browsers", PageRules(TIMES), SAFE, browsers=1_000, lives=6),
    honest_fleet(
        "a fleet whose late pairs leave as they are",
        variants.late_pairs_leave_as_they_are(TIMES),
        THEFT,
        browsers=100,
        lives=10,
    ),
    honest_fleet(
        "a fleet whose large requests renew", variants.large_requests_renew(TIMES), THEFT, browsers=20, lives=10
    ),
    honest_fleet("5,000 honest browsers", PageRules(TIMES), SAFE, browsers=5_000, lives=30).deep(),
]
