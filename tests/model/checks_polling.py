# SPDX-License-Identifier: Apache-2.0
"""How long a polling thief stays unseen, simulated: W = 10 s, access tokens live 1 h, a call a minute."""

from __future__ import annotations

from collections.abc import Iterator

from .check import Check, Finding
from .polling import Thief, chase
from .rules import Rules
from .variants import a_grace_window_without_hint

GRACE = 10
OTHER_CLIENT, CLONED = 1, 0
AT_ONCE = "caught as soon as with W = 0"
ALWAYS = "caught in every run"
NEVER = "never caught"
SOMETIME = "caught late or never"

POLLS = {
    "every second": (1, False),
    "every 4 s": (4, False),
    "every 9 s": (9, False),
    "every 30 s": (30, False),
    "around the expiry": (4, True),
}


def verdict(rules: Rules, thief: Thief, seeds: int, hours: int) -> str:
    caught = chase(rules, thief, seeds=seeds, cut_off=hours)
    if caught == chase(Rules(0), thief, seeds=seeds, cut_off=hours):
        return AT_ONCE
    if caught.runs == caught.of and caught.hours is not None and caught.hours < 2:
        return ALWAYS
    return NEVER if caught.runs == 0 else SOMETIME


def polled(claim: str, rules: Rules, hint: int, poll: str, expected: str, *, seeds: int, hours: int) -> Check:
    thief = Thief(hint, *POLLS[poll])
    return Check(claim, expected, lambda: Finding(verdict(rules, thief, seeds, hours), 0))


def polls(names: list[str], *, seeds: int, hours: int) -> Iterator[Check]:
    for name in names:
        length = {"seeds": seeds, "hours": hours}
        late = name == "every 30 s"  # the window closes between two questions
        cloned = ALWAYS if late else NEVER
        hintless = ALWAYS if late else NEVER if name == "every second" else SOMETIME
        yield polled(f"polls {name}, on another client", Rules(GRACE), OTHER_CLIENT, name, AT_ONCE, **length)
        yield polled(f"polls {name}, with a cloned hint", Rules(GRACE), CLONED, name, cloned, **length)
        without_hint = a_grace_window_without_hint(GRACE)
        yield polled(f"polls {name}, a grace window without hint", without_hint, CLONED, name, hintless, **length)


def table(hours: int, seeds: int = 20) -> Iterator[str]:
    """Mean time until theft is raised, for each way of polling."""
    rows = {
        "W = 0": (Rules(0), CLONED),
        "another client": (Rules(GRACE), OTHER_CLIENT),
        "cloned hint": (Rules(GRACE), CLONED),
        "window without hint": (a_grace_window_without_hint(GRACE), CLONED),
    }
    yield f"{'':20}" + "".join(f"{name:>22}" for name in POLLS)
    for name, (rules, hint) in rows.items():
        cells = (chase(rules, Thief(hint, *poll), seeds=seeds, cut_off=hours) for poll in POLLS.values())
        yield f"{name:20}" + "".join(f"{cell!s:>22}" for cell in cells)


CHECKS = [
    *polls(["every 4 s", "every 30 s"], seeds=3, hours=10),
    *(check.deep() for check in polls(["every second", "every 9 s", "around the expiry"], seeds=10, hours=40)),
]
