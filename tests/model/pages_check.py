# SPDX-License-Identifier: Apache-2.0
"""Claims about pages that renew their session, in the form of ``check.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from supertokens.engine.renewal import RenewalTimes

from .check import NO_BOUND, SAFE, Check, Finding, at_most
from .explore import System, explore, retrace
from .pages import Pages
from .pages_doors import Doors, House
from .pages_rules import PageRules, times
from .pages_state import Site
from .pages_thieves import Lurker, Overlap, Stealth
from .pages_variants import Variant
from .story import tell
from .thief import Plan
from .turns import count_turns


def at_the_bounds(q: int, r: int, in_time: int, *, apart: int = 0, w: int = 0, margin: int = 0) -> RenewalTimes:
    """The least W and M that are safe, or so many ticks more. `apart`: how far the hosts' clocks are.

    In milliseconds: W >= q + r + 2T + d and M >= q + 2r + T + d. An access token that leaves with M + 1 ticks left is
    used for the last time M + 1 ticks later and dead one tick after that, hence the 1.
    """
    least_w, least_margin = max(1, q + r + 2 * in_time), max(0, q + 2 * r + in_time - 1)
    return times(least_w + apart + w, in_time=in_time, margin=least_margin + apart + margin)


def least_life(q: int, r: int, in_time: int) -> int:
    """The least L that is safe: q + 2r + 2T."""
    return q + 2 * r + 2 * in_time


USUAL = at_the_bounds(1, 1, 1)
"""W = 4, T = 1, M = 3, at the bounds for q = r = 1; L is then at least 5."""


def searched(claim: str, system: System[Any], expected: str) -> Check:
    def look() -> Finding:
        search = explore(system)
        if not search.violation:
            return Finding(SAFE, search.states, search.complete)
        return Finding(search.violation, search.states, True, tell(retrace(system, search), search.violation))

    return Check(claim, expected, look)


def paged(claim: str, rules: RenewalTimes | PageRules, expected: str = SAFE, **site: Any) -> Check:
    """A claim about one honest browser and its site."""
    rules = rules if isinstance(rules, PageRules) else PageRules(rules)
    return searched(claim, Pages(rules, Site(**{"life": 5, "in_flight": 2, **site})), expected)


def without_it(claim: str, variant: Variant, expected: str, **site: Any) -> Iterator[Check]:
    """A rule is taken away, and the violation is found; with the rule, in the same circumstances, there is none."""
    rule_times = site.pop("times", USUAL)
    yield paged(claim, variant(rule_times), expected, **site)
    yield paged(f"{claim}: not so with the rule", rule_times, **site)


def at_the_door(claim: str, rules: PageRules, expected: str, **house: Any) -> Check:
    """A claim about log-out and log-in."""
    return searched(claim, Doors(rules, House(**house)), expected)


def lurking(claim: str, rules: PageRules, expected: str, **stealth: Any) -> Check:
    """A claim about a thief who renews nothing."""
    return searched(claim, Lurker(rules, Stealth(**stealth)), expected)


def overlapped(claim: str, grace: int, bound: int, way: int, **plan: Any) -> Check:
    """A claim about the turns of a victim, whose answers may be under way, and a thief."""

    def look() -> Finding:
        turns = count_turns(Overlap(grace, Plan(**plan), way))
        if turns.bound is not None:
            return Finding(at_most(turns.bound), turns.states)
        return Finding(NO_BOUND, turns.states, True, tell(turns.events, NO_BOUND, round_begins=turns.round_begins))

    return Check(claim, at_most(bound), look)
