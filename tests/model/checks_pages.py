# SPDX-License-Identifier: Apache-2.0
"""Claim 1 where pages renew, by the nine rules: an honest browser without lock never gets theft if

    W >= q + r + 2T + d        L >= q + 2r + 2T + d        M >= q + 2r + T + d

Each of the three is sharp. The clocks' difference d counts in all of them: in W, since one host dates the record and
another reads it; in L and M, since one host dates an access token and another finds it dead. A worker's gap g between
read and swap (g <= T) counts once more in W and in L. The product's own times, T = W / 4, M = 3 W and L >= 8 W, ask for
q + r + d + g <= W / 2 only.
"""

from __future__ import annotations

from typing import Any

from supertokens.engine.renewal import RenewalTimes, least_validity

from .check import SAFE, THEFT, Check, Finding
from .explore import explore
from .pages import Pages
from .pages_check import USUAL, at_the_bounds, least_life, paged
from .pages_rules import PageRules
from .pages_server import REFUSED
from .pages_state import ANY_NUMBER, BY_RULE_5, Site

SHARP = "safe exactly where the bounds say"
OWN = RenewalTimes.of(4, upload_grace=3)
OWN_LIFE = least_validity(4)


def sharp(q: int, r: int, in_time: int, in_flight: int) -> Check:
    """W and L, and with three requests M, at their bounds and one less."""
    life = least_life(q, r, in_time)
    bounds = at_the_bounds(q, r, in_time)
    points = [(bounds, life, SAFE), (at_the_bounds(q, r, in_time, w=3), life + 2, SAFE)]
    if q + r + 2 * in_time > 1:
        points.append((at_the_bounds(q, r, in_time, w=-1), life + 2, THEFT))
    if life and q + r:
        points.append((at_the_bounds(q, r, in_time, w=3), life - 1, THEFT))
    if bounds.margin and in_flight > 2:
        points.append((at_the_bounds(q, r, in_time, margin=-1), life + 1, THEFT))

    def look() -> Finding:
        states, off = 0, []
        for at, lives, expected in points:
            search = explore(Pages(PageRules(at), Site(q=q, r=r, life=lives, in_flight=in_flight)))
            states += search.states
            if (search.violation or SAFE) != expected:
                off.append(f"W={at.grace}, M={at.margin}, L={lives}: {search.violation or SAFE}")
        return Finding("; ".join(off) or SHARP, states)

    return Check(f"{in_flight} requests, q = {q}, r = {r}, T = {in_time}: {len(points)} points", SHARP, look)


EVERYTHING: dict[str, Any] = {"payloads": ANY_NUMBER, "uploads": ANY_NUMBER, "crashes": ANY_NUMBER, "library": True}
NO_WAIT = at_the_bounds(1, 1, 0)
APART, NO_WAIT_APART = at_the_bounds(1, 1, 1, apart=1), at_the_bounds(1, 1, 0, apart=1)

CHECKS = [
    *(sharp(q, r, t, 2) for q in (0, 1) for r in (0, 1) for t in (0, 1)),
    *(sharp(q, r, 0, 3) for q, r in ((0, 1), (1, 1))),
    paged("three requests at the bounds", USUAL, in_flight=3),
    paged("the product's own times", OWN, life=OWN_LIFE),
    paged("hosts 1 apart", APART, life=6, clocks=(0, 1)),
    paged("hosts 1 apart, the other way round", APART, life=6, clocks=(0, -1)),
    paged("hosts 1 apart: one W less", at_the_bounds(1, 1, 1, apart=1, w=-1), THEFT, life=8, clocks=(0, 1)),
    paged("hosts 1 apart: one L less", APART, THEFT, life=5, clocks=(0, 1)),
    paged("three requests, T = 0, hosts 1 apart", NO_WAIT_APART, life=4, in_flight=3, clocks=(0, 1)),
    paged("read and swap 1 apart", at_the_bounds(1, 1, 1, w=1), life=6, gap=1),
    paged("read and swap 1 apart: one W less", USUAL, THEFT, life=8, gap=1),
    paged("read and swap within a tick", USUAL, gap=0),
    paged("row 3's writes are lost in crashes", USUAL, life=8, crashes=ANY_NUMBER),
    paged("row 2's write is lost in a crash is not covered", USUAL, THEFT, life=9, crashes=1, crash_rows=(2,)),
    paged("views change the payload", USUAL, life=8, payloads=ANY_NUMBER),
    paged("uploads", USUAL, life=8, uploads=ANY_NUMBER),
    paged("a library that does not see what pages renewed", USUAL, life=8, library=True),
    paged("uploads, payloads, crashes, a blind library", USUAL, life=6, **EVERYTHING),
    paged("three requests, row 3's writes are lost", NO_WAIT, life=3, in_flight=3, crashes=ANY_NUMBER),
    paged("three requests, uploads", NO_WAIT, life=3, in_flight=3, uploads=ANY_NUMBER),
    paged(
        "three requests, uploads, payloads, crashes, a blind library that calls",
        at_the_bounds(0, 1, 0),
        q=0,
        life=2,
        in_flight=3,
        library_calls=BY_RULE_5,
        **EVERYTHING,
    ),
    paged("a session in use outlives its idle time", USUAL, idle=12, pause=4),
    paged("a verb asked within L - q - r - T is never refused", USUAL, life=9, verb_within=6),
    paged("a verb asked later may be refused", USUAL, REFUSED, life=9, verb_within=7),
    paged("an upload that comes in later than its grace may be refused", USUAL, REFUSED, uploads=1, verb_within=1),
]
DEEP = [
    *(sharp(q, r, t, 2) for q in range(3) for r in range(3) for t in range(3) if 2 in (q, r, t)),
    *(sharp(q, r, 1, 3) for q in (0, 1) for r in (0, 1)),
    *(sharp(q, r, 2, 3) for q, r in ((0, 1), (1, 0))),
    *(sharp(q, r, 0, 3) for q, r in ((2, 1), (1, 2))),
    paged("three requests, the product's own times", OWN, life=OWN_LIFE, in_flight=3),
    paged("four requests at the bounds, T = 0", NO_WAIT, life=3, in_flight=4),
    paged("four requests at the bounds, q = 0", at_the_bounds(0, 1, 1), q=0, life=4, in_flight=4),
    paged("four requests at the bounds, r = 0", at_the_bounds(1, 0, 1), r=0, life=3, in_flight=4),
    paged("four requests at the bounds", USUAL, in_flight=4),
    paged("three requests, hosts 1 apart", APART, life=6, in_flight=3, clocks=(0, 1)),
    paged(
        "three requests, T = 0, hosts 1 apart: one M less",
        at_the_bounds(1, 1, 0, apart=1, margin=-1),
        THEFT,
        life=5,
        in_flight=3,
        clocks=(0, 1),
    ),
    paged(
        "three requests, three hosts 2 apart",
        at_the_bounds(0, 1, 0, apart=2),
        q=0,
        life=4,
        in_flight=3,
        clocks=(-1, 0, 1),
    ),
    paged("three requests, read and swap 1 apart", at_the_bounds(0, 1, 1, w=1), q=0, life=5, in_flight=3, gap=1),
    paged("three requests, 1 apart: one L less", at_the_bounds(0, 1, 1, w=1), THEFT, q=0, life=4, in_flight=3, gap=1),
    paged("three requests, T = 1, row 3's writes are lost", USUAL, in_flight=3, crashes=ANY_NUMBER),
    paged("three requests, views change the payload", USUAL, in_flight=3, payloads=ANY_NUMBER),
    paged("three requests, T = 1, uploads", USUAL, in_flight=3, uploads=ANY_NUMBER),
    paged("three requests, a blind library", USUAL, in_flight=3, library=True),
    paged("three requests, a blind library that calls", NO_WAIT, life=6, in_flight=3, library=True,
          library_calls=BY_RULE_5),
    paged("three requests, uploads, payloads, crashes, a blind library", NO_WAIT, life=3, in_flight=3, **EVERYTHING),
    paged("three requests, a session in use", USUAL, in_flight=3, idle=14, pause=4),
    paged("three requests, no verb within L - q - r - T is refused", USUAL, life=9, in_flight=3, verb_within=6),
]  # fmt: skip
CHECKS += [check.deep() for check in DEEP]
