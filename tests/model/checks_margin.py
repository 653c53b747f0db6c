# SPDX-License-Identifier: Apache-2.0
"""A token that verify issues keeps the expiry of the one that was shown, so it may be about to die when it leaves.

Without a lock, such an answer can arrive late and lay a dying token over a living one; the next generation then begins
at once, while a straggler of the one before is still under way. So it leaves only with more than M of its life left,
and M = q + 2r is the sharp bound. Under the libraries' lock no margin is needed.
"""

from __future__ import annotations

from supertokens.engine.renewal import RenewalTimes, least_validity

from .check import SAFE, THEFT, Check, Finding, honest
from .explore import explore
from .honest import Honest
from .rules import Rules
from .state import World

SHARP = "none at M = q + 2r for any L; theft at M = q + 2r - 1 for some"
ALWAYS = {"margin": 0, "life": 20}


def sharp_margin(q: int, r: int, w: int) -> Check:
    """Every L from the shortest that claim 1 allows up to twice that, with a change of the payload on top."""

    def look() -> Finding:
        states, found = 0, {0: set[str](), -1: set[str]()}
        bound = q + 2 * r
        for life in range(bound + 1, 2 * bound + 3):
            for less, violations in found.items():
                search = explore(Honest(Rules(w), World(q=q, r=r, life=life, margin=bound + less, payload_changes=1)))
                states += search.states
                violations.add(search.violation)
        if found == {0: {""}, -1: {"", THEFT}} or found == {0: {""}, -1: {THEFT}}:
            return Finding(SHARP, states)
        return Finding(f"M = q + 2r: {found[0]}; M = q + 2r - 1: {found[-1]}", states)

    return Check(f"the margin's bound for q = {q}, r = {r}, W = {w}", SHARP, look)


def own_margin(q: int, r: int) -> Check:
    """The product's M for ways as long as its W allows, and every L from the shortest that claim 1 allows."""
    grace = q + r
    margin = RenewalTimes.of(grace).margin

    def look() -> Finding:
        states, bound = 0, q + 2 * r
        for life in (*range(bound + 1, 2 * bound + 3), least_validity(grace)):
            search = explore(Honest(Rules(grace), World(q=q, r=r, life=life, margin=margin, payload_changes=1)))
            states += search.states
            if search.violation:
                return Finding(f"{search.violation} for L = {life}", states)
        return Finding(SAFE, states)

    return Check(f"the product's own M and L, for q = {q}, r = {r}, which W just allows", SAFE, look)


CHECKS = [
    own_margin(0, 2),
    own_margin(1, 1),
    *(sharp_margin(q, r, q + r) for q, r in ((0, 1), (1, 0), (1, 1))),
    *(sharp_margin(q, r, w).deep() for q, r in ((1, 2), (2, 1), (2, 2)) for w in (q + r, 9)),
    honest("M = q + 2r: 4 messages in flight, a duplicate, 2 payload changes", Rules(2), life=6, in_flight=4,
           duplicates=1, payload_changes=2).deep(),
    honest("M = q + 2r: 4 messages in flight, a payload change", Rules(2), life=5, in_flight=4, payload_changes=1),
    honest("M = q + g + 2r: read and swap apart", Rules(4), life=8, gap=1, payload_changes=1),
    honest("M = q + g + 2r - 1: read and swap apart", Rules(4), THEFT, life=8, gap=1, margin=3, payload_changes=1),
    honest("tokens that verify issues always leave: theft for a large W and L", Rules(9), THEFT, **ALWAYS),
    honest("... also where only a payload change issues them", Rules(9), THEFT, **ALWAYS, payload_changes=1),
    honest("they always leave, under the lock", Rules(2), margin=0, life=8, lock=True, explicit=1, payload_changes=2),
    honest("they always leave, under the lock, 2 explicit refreshes", Rules(2), **ALWAYS, lock=True, explicit=2,
           payload_changes=2).deep(),
    honest("they always leave, under the lock, at the shortest life", Rules(2), margin=0, life=4, lock=True,
           payload_changes=2, duplicates=1),
    # What verify did before: no margin is needed, but the holder of a stolen token lives for ever (checks_lives.py).
    honest("tokens that verify issues begin a new life", Rules(2), margin=0, life=6, new_life=True),
]  # fmt: skip
