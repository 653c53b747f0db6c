# SPDX-License-Identifier: Apache-2.0
"""One clause away: every variant must fail, and tells how; the product's rules must not, in the same circumstances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import variants
from .check import IDENTICAL, NO_BOUND, SAFE, THEFT, Check, at_most, beside_protocol1, chased, claim_3, honest
from .rules import Rules
from .thief import APART, APART_ON_A_TOKEN

Variant = Callable[[int], Rules]


def breaks(claim: str, variant: Variant, w: int, expected: str = THEFT, **world: Any) -> Iterator[Check]:
    """An honest browser meets a violation."""
    yield honest(claim, variant(w), expected, **world)
    yield honest(f"{claim}: not so with it", Rules(w), **world)


def disorders(claim: str, variant: Variant, w: int, expected: str, **world: Any) -> Iterator[Check]:
    """The serials do not rise in order."""
    yield claim_3(claim, variant(w), expected, **world)
    yield claim_3(f"{claim}: not so with it", Rules(w), **world)


def lets_go(claim: str, variant: Variant, turns: int, **plan: Any) -> Iterator[Check]:
    """A thief is never caught."""
    yield chased(claim, variant(2), NO_BOUND, **plan)
    yield chased(f"{claim}: not so with it", Rules(2), at_most(turns), **plan)


ANOTHER: dict[str, Any] = {"thief_hints": (1,)}
CLONED: dict[str, Any] = {"timing": APART_ON_A_TOKEN}
LAZY: dict[str, Any] = {**CLONED, "diligent": False}
GAP: dict[str, Any] = {"life": 10, "gap": 1}
SLOW: dict[str, Any] = {"life": 2, "gap": 1, "in_flight": 2}

CHECKS = [
    *breaks("without row 2's write", variants.no_write_in_row_2, 9, life=20),
    *lets_go("without the hint in row 2", variants.no_hint_in_row_2, 2, **ANOTHER),
    *lets_go("without the hint in row 5", variants.no_hint_in_row_5, 2, **ANOTHER),
    *lets_go("without any hint", variants.no_hint_at_all, 2, **ANOTHER),
    *lets_go("without the time in row 5", variants.no_time_limit_in_row_5, 2, **CLONED),
    *lets_go("without the time in row 5, nobody near the other", variants.no_time_limit_in_row_5, 2, timing=APART),
    *lets_go("row 5 while a child is pending", variants.row_5_while_a_child_is_pending, 2, **CLONED),
    *lets_go("an older sibling keeps the window open", variants.an_older_sibling_keeps_the_window_open, 4, **LAZY),
    *breaks("without handed_out_at in the swap", variants.swap_without_handed_out_at, 6, **GAP),
    *disorders("without current in the swap", variants.swap_without_current, 1, "current decreased", **SLOW),
    # That the product's rules keep the order in this world is a deep check in checks_serials.
    claim_3(
        "without newest in the swap", variants.swap_without_newest(1), "newest decreased", life=4, gap=1, mixed=True
    ),
    *disorders("without the swap in verify", variants.verify_without_swap, 1, "newest decreased", **SLOW),
    *breaks("newest not raised by accept", variants.newest_is_not_raised, 4, "current > newest", life=6, crashes=1),
    *breaks("without row 5", variants.no_row_5, 9, life=20),
    *breaks("without the row for s > newest", variants.no_row_for_a_serial_ahead, 2, life=4, in_flight=2, backups=1),
    *breaks("s > newest not from now", variants.a_serial_ahead_does_not_count_from_now, 9, life=20, crashes=1),
    *breaks("row 3 keeps the older hint", variants.row_3_keeps_the_older_hint, 9, life=20),
    *breaks("row 3 keeps the older moment", variants.row_3_keeps_the_older_moment, 9, life=20),
    beside_protocol1("rows 2 and 5 at W = 0", variants.rows_2_and_5_at_w_0(0), "ours repeats a token", depth=5),
    beside_protocol1("rows 2 and 5 at W = 0: not so without", Rules(0), IDENTICAL, depth=5),
    # Harmless within the claims, kept for other reasons.
    chased(
        "without the time in row 5: thief with another hint", variants.no_time_limit_in_row_5(2), at_most(2), **ANOTHER
    ),
    honest("a one-sided window, clocks differ", variants.near_is_one_sided(4), SAFE, life=12, clocks=(0, 2)),
]
