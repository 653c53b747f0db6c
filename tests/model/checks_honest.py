# SPDX-License-Identifier: Apache-2.0
"""Claim 1: an honest browser never gets theft if W >= q + r and L > q + 2r. Both bounds are sharp.

Claim 3 (the serials only rise, in order) is checked at every write of every search with an honest browser.
"""

from __future__ import annotations

from collections.abc import Iterable

from .check import SAFE, THEFT, Check, Finding, honest
from .explore import explore
from .honest import Honest
from .rules import Rules
from .state import World

SHARP = "safe exactly where W >= q + r and L > q + 2r"


def grid(q: int, r: int, ws: Iterable[int]) -> Check:
    """Every L near the bound for each of these W."""
    points = [
        (w, life)
        for w in ws
        for life in sorted({1, q + r, q + 2 * r - 1, q + 2 * r, q + 2 * r + 1, q + 2 * r + 2, 20})
        if life >= 1
    ]

    def look() -> Finding:
        states, off = 0, []
        for w, life in points:
            search = explore(Honest(Rules(w), World(q=q, r=r, life=life)))
            states += search.states
            holds = w >= q + r and life > q + 2 * r
            if holds == bool(search.violation) or search.violation not in ("", THEFT):
                off.append(f"W={w}, L={life}: {search.violation or SAFE}")
        return Finding("; ".join(off) or SHARP, states)

    return Check(f"{len(points)} points of W and L for q = {q}, r = {r}", SHARP, look)


CHECKS = [
    honest("W = q + r: 4 messages in flight, 2 duplicates", Rules(2), life=4, in_flight=4, duplicates=2),
    honest("W = q + r - 1: 4 messages in flight, 2 duplicates", Rules(1), THEFT, life=4, in_flight=4, duplicates=2),
    honest("L = q + 2r, however large W is", Rules(9), THEFT, life=3, in_flight=4),
    honest("W = q + r: 5 messages in flight", Rules(2), life=4, in_flight=5),
    honest("W = q + r: slower ways, 4 in flight", Rules(4), q=2, r=2, life=7, in_flight=4),
    honest("W = q + r - 1: slower ways, 4 in flight", Rules(3), THEFT, q=2, r=2, life=7, in_flight=4),
    honest("L = q + 2r: slower ways", Rules(9), THEFT, q=2, r=2, life=6),
    honest("W = 0 has no grace for a straggler", Rules(0), THEFT),
    honest("one explicit refresh without the lock is not covered", Rules(9), THEFT, life=20, explicit=1),
    honest("3 explicit refreshes under the lock", Rules(2), life=20, explicit=3, lock=True),
    honest("explicit refreshes under the lock, duplicated", Rules(2), life=8, explicit=2, lock=True, duplicates=1),
    *(grid(q, r, range(1, 5)) for q in (0, 1) for r in (0, 1)),
    *(grid(q, r, range(1, 9)).deep() for q in range(4) for r in range(4)),
    *(grid(q, r, (q + r - 1, q + r)).deep() for q in range(5) for r in range(5) if 4 in (q, r)),
    honest("W = q + r: 5 messages in flight, 3 duplicates", Rules(2), life=4, in_flight=5, duplicates=3).deep(),
    honest("4 explicit refreshes under the lock", Rules(2), life=20, explicit=4, lock=True, in_flight=4).deep(),
    honest("5 explicit refreshes under the lock", Rules(2), life=20, explicit=5, lock=True, in_flight=4).deep(),
    honest("W = q + r: 6 messages in flight", Rules(2), life=4, in_flight=6).deep(),
    honest(
        "W = q + r: slower ways, 5 in flight, a duplicate", Rules(4), q=2, r=2, life=7, in_flight=5, duplicates=1
    ).deep(),
    honest("W = q + r: slow ways, 4 in flight", Rules(6), q=3, r=3, life=10, in_flight=4, duplicates=1).deep(),
]
