# SPDX-License-Identifier: Apache-2.0
"""Honest browsers at the absolute end of their sessions, in real time: W = 10 s, clocks a second apart."""

from __future__ import annotations

from .check import SAFE, THEFT, Check, Finding
from .checks_pages_fleet import LIFE, TIMES, found_in
from .pages_ending import ending_fleet
from .pages_rules import PageRules

CLOSING = TIMES.grace // 2
"""What the product takes: as much as clocks and ways may come to."""
SEEN = ("short lives", "row 2", "row 3", "row 5", "verify's row 1", "races lost", "ended", "SERVE_BY_RECORD")


def ends(claim: str, expected: str = SAFE, *, browsers: int, closing: int = CLOSING, asks_store: bool) -> Check:
    def look() -> Finding:
        counts = ending_fleet(PageRules(TIMES), browsers=browsers, life=LIFE, closing=closing, asks_store=asks_store)
        return found_in(counts, SEEN, expected)

    return Check(claim, expected, look)


CHECKS = [
    ends("each host judges by its own clock", browsers=400, asks_store=False),
    ends("the store judges by a clock of its own", browsers=400, asks_store=True),
    ends("refreshed up to the end", THEFT, browsers=400, closing=0, asks_store=True),
    ends("closing sooner than the clocks are apart", THEFT, browsers=400, closing=500, asks_store=True),
    ends("20,000 sessions, each host's clock", browsers=20_000, asks_store=False).deep(),
    ends("20,000 sessions, the store's clock", browsers=20_000, asks_store=True).deep(),
]
