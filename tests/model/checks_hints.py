# SPDX-License-Identifier: Apache-2.0
"""The honest browser's own hint changes: an update of the browser, a proxy that rewrites User-Agent."""

from __future__ import annotations

from .check import THEFT, honest
from .rules import Rules

CHECKS = [
    honest("the hint changes while a refresh is under way: not covered", Rules(9), THEFT, life=20, hint_changes=1),
    honest("the hint changes while no refresh is under way", Rules(9), life=20, hint_changes=1, calm=True),
    honest("the hint changes three times, under the lock", Rules(9), life=20, hint_changes=3, lock=True),
    honest(
        "the hint changes, under the lock, an explicit refresh",
        Rules(9),
        life=12,
        hint_changes=1,
        lock=True,
        explicit=1,
    ),
    honest("every request has its own hint, under the lock", Rules(9), life=20, mixed=True, lock=True),
    honest("every request has its own hint, no lock: not covered", Rules(9), THEFT, life=20, mixed=True),
    honest(
        "the hint changes, under the lock, 2 explicit refreshes",
        Rules(9),
        life=20,
        hint_changes=1,
        lock=True,
        explicit=2,
    ).deep(),
    honest("the hint changes, calm, read and swap apart", Rules(4), life=8, gap=1, hint_changes=1, calm=True).deep(),
]
