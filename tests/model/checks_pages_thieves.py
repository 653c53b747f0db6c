# SPDX-License-Identifier: Apache-2.0
"""Claim 2 where pages renew, and thieves who renew nothing."""

from __future__ import annotations

from collections.abc import Iterator

from .check import SAFE, Check
from .pages_check import lurking, overlapped
from .pages_rules import PageRules, times
from .pages_thieves import SERVED
from .thief import APART_ON_A_TOKEN

RULES = PageRules(times(2))
LIFE, UPLOAD_GRACE = 3, 3


def turns() -> Iterator[Check]:
    """While an answer of the victim's is under way, a thief may take more turns than without: 2 / 4."""
    for way in (0, 2):
        about = f"one answer of the victim's under way for {way}"
        yield overlapped(f"thief with another hint, diligent victim, {about}", 2, 4, way, thief_hints=(1,))
        yield overlapped(f"thief with another hint, lazy victim, {about}", 2, 8, way, thief_hints=(1,), diligent=False)
    for diligent, name, bound in ((True, "diligent", 3), (False, "lazy", 4)):
        claim = f"thief with a cloned hint, {APART_ON_A_TOKEN}, {name} victim with an answer under way"
        yield overlapped(claim, 2, bound, 1, timing=APART_ON_A_TOKEN, diligent=diligent)


CHECKS = [
    *turns(),
    lurking("late verbs: served until the victim confirms a child", RULES, SERVED, confirmed=0),
    lurking("late verbs: not served after that", RULES, SAFE, confirmed=1),
    lurking("late verbs and a renewal, another hint", RULES, SAFE, renewals=1, hint=1, confirmed=1),
    lurking("late verbs and a renewal, a cloned hint: one child more", RULES, SERVED, renewals=1, hint=0, confirmed=1),
    lurking("late verbs and a renewal, a cloned hint: not two more", RULES, SAFE, renewals=1, hint=0, confirmed=2),
    lurking("large bodies: served while the copied access token lives", RULES, SERVED, large=True, life=LIFE),
    lurking(
        "large bodies: not served beyond its life and the grace",
        RULES,
        SAFE,
        large=True,
        life=LIFE,
        after=LIFE + UPLOAD_GRACE,
    ),
]
