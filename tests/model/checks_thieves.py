# SPDX-License-Identifier: Apache-2.0
"""Claim 2: with a thief, theft is raised after at most 2 turns if the victim uses its new token at once, else 4.

The thief copies the victim's cookies at any moment. Each further copy is a new theft and may take as many turns; each
mint that a crash takes back costs two more.
"""

from __future__ import annotations

from collections.abc import Iterator

from .check import NO_BOUND, Check, at_most, chased
from .rules import Rules
from .thief import APART, APART_ON_A_TOKEN

VICTIMS = ((True, "diligent", 2), (False, "lazy", 4))


def another_client() -> Iterator[Check]:
    """No condition on timing."""
    for w in (1, 2, 10):
        for hints in ((1,), (1, 2)):
            for diligent, name, turns in VICTIMS:
                claim = f"thief with {len(hints)} other hint(s), W = {w}, {name} victim"
                yield chased(claim, Rules(w), at_most(turns), thief_hints=hints, diligent=diligent)


def cloned_hint() -> Iterator[Check]:
    for w in (2, 3):
        for diligent, name, turns in VICTIMS:
            for timing in (APART_ON_A_TOKEN, APART):
                claim = f"thief with a cloned hint, {timing}, W = {w}, {name} victim"
                yield chased(claim, Rules(w), at_most(turns), timing=timing, diligent=diligent)


def no_grace() -> Iterator[Check]:
    for diligent, name, turns in VICTIMS:
        yield chased(f"thief with a cloned hint, W = 0, {name} victim", Rules(0), at_most(turns), diligent=diligent)


def more_than_one_theft() -> Iterator[Check]:
    for diligent, name, turns in VICTIMS:
        claim = f"thief with another hint copies the cookies twice, {name} victim"
        yield chased(claim, Rules(2), at_most(2 * turns), thief_hints=(1,), diligent=diligent, copies=2)
        for crashes in (1, 2):
            claim = f"thief with another hint, row 3's write lost {crashes} time(s), {name} victim"
            yield chased(
                claim, Rules(2), at_most(turns + 2 * crashes), thief_hints=(1,), diligent=diligent, crashes=crashes
            )


CHECKS = [
    *another_client(),
    *cloned_hint(),
    *no_grace(),
    *more_than_one_theft(),
    chased("thief with a cloned hint who asks again in time shares unseen", Rules(2), NO_BOUND),
]
