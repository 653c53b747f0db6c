# SPDX-License-Identifier: Apache-2.0
"""A claim, the search that decides it, and what the search must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .explore import System, explore, retrace
from .honest import Honest
from .rules import Rules
from .serial_vs_protocol1 import SideBySide
from .state import World
from .story import tell
from .thief import Plan, Pursuit
from .turns import count_turns

SAFE = "no violation"
THEFT = "theft"
UNAUTHORISED = "unauthorised"
NO_BOUND = "no bound"
IDENTICAL = "identical"


def at_most(turns: int) -> str:
    return f"at most {turns} turns"


@dataclass(frozen=True)
class Finding:
    """What a search found. ``story`` is the counterexample, "" without one."""

    verdict: str
    states: int
    complete: bool = True
    story: str = ""


@dataclass(frozen=True)
class Check:
    """One claim as a sentence, what must be found, and how to look for it."""

    claim: str
    expected: str
    look: Callable[[], Finding]
    is_deep: bool = False
    """too long for CI; part of ``python -m tests.model``"""

    def run(self) -> Finding:
        finding = self.look()
        return replace(finding, story=f"{self.claim}\n{finding.story}") if finding.story else finding

    def holds(self, finding: Finding) -> bool:
        return finding.complete and finding.verdict == self.expected

    def deep(self) -> Check:
        return replace(self, is_deep=True)


def _explored(system: System[Any], harmless: str, depth: int | None = None, ignoring: str = "") -> Finding:
    search = explore(system, depth=depth, ignoring=ignoring)
    if not search.violation:
        return Finding(harmless, search.states, search.complete)
    return Finding(search.violation, search.states, True, tell(retrace(system, search), search.violation))


def honest(claim: str, rules: Rules, expected: str = SAFE, **world: Any) -> Check:
    """A claim about one honest browser in a world of these properties."""
    return Check(claim, expected, lambda: _explored(Honest(rules, World(**world)), SAFE))


def claim_3(claim: str, rules: Rules, expected: str = SAFE, **world: Any) -> Check:
    """A claim about the order of the serials where claim 1 is not to be had: a theft only ends its run."""
    return Check(claim, expected, lambda: _explored(Honest(rules, World(**world)), SAFE, ignoring=THEFT))


def chased(claim: str, rules: Rules, expected: str, **plan: Any) -> Check:
    """A claim about the turns of a victim and a thief who follow this plan."""

    def look() -> Finding:
        pursuit = Pursuit(rules, Plan(**plan))
        turns = count_turns(pursuit)
        if turns.bound is not None:
            return Finding(at_most(turns.bound), turns.states)
        return Finding(NO_BOUND, turns.states, True, tell(turns.events, NO_BOUND, round_begins=turns.round_begins))

    return Check(claim, expected, look)


def beside_protocol1(
    claim: str, rules: Rules, expected: str = IDENTICAL, *, depth: int | None = None, **machine: Any
) -> Check:
    """A claim about W = 0 and the old protocol under the same messages."""
    return Check(claim, expected, lambda: _explored(SideBySide(rules, **machine), IDENTICAL, depth))
