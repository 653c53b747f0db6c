# SPDX-License-Identifier: Apache-2.0
"""One clause away: every variant must fail, and tells how."""

from __future__ import annotations

from . import variants
from .check import NO_BOUND, SAFE, THEFT, at_most, beside_protocol1, chased, claim_3, honest
from .thief import APART, APART_ON_A_TOKEN

ANOTHER = {"thief_hints": (1,)}
CLONED = {"timing": APART_ON_A_TOKEN}

CHECKS = [
    honest("without row 2's write", variants.no_write_in_row_2(9), THEFT, life=20),
    chased("without the hint in row 2: thief with another hint", variants.no_hint_in_row_2(2), NO_BOUND, **ANOTHER),
    chased("without the hint in row 5: thief with another hint", variants.no_hint_in_row_5(2), NO_BOUND, **ANOTHER),
    chased("without any hint: thief with another hint", variants.no_hint_at_all(2), NO_BOUND, **ANOTHER),
    chased(
        "without the time in row 5: thief with a cloned hint", variants.no_time_limit_in_row_5(2), NO_BOUND, **CLONED
    ),
    chased("the same, apart", variants.no_time_limit_in_row_5(2), NO_BOUND, timing=APART),
    honest("without at in the swap", variants.swap_without_at(6), THEFT, life=10, gap=1),
    honest(
        "last not raised by accept", variants.last_is_not_raised(4), "current > last", life=6, in_flight=2, crashes=1
    ),
    claim_3("verify writes an old read", variants.verify_writes_an_old_read(1), "last decreased", life=6, gap=2),
    claim_3("without current in the swap", variants.swap_without_current(1), "current decreased", life=6, gap=2),
    claim_3("without last in the swap", variants.swap_without_last(1), "last decreased", life=4, gap=1, mixed=True),
    honest("without row 5", variants.no_row_5(9), THEFT, life=20),
    chased("row 5 while a child is pending", variants.row_5_while_a_child_is_pending(2), NO_BOUND, **CLONED),
    honest(
        "without the row for s > last", variants.no_row_for_a_serial_ahead(2), THEFT, life=4, in_flight=2, backups=1
    ),
    honest(
        "s > last does not count from now",
        variants.a_serial_ahead_does_not_count_from_now(9),
        THEFT,
        life=20,
        crashes=1,
    ),
    chased(
        "an older sibling keeps the window open",
        variants.an_older_sibling_keeps_the_window_open(2),
        NO_BOUND,
        **CLONED,
        diligent=False,
    ),
    honest("row 3 keeps the older hint", variants.row_3_keeps_the_older_hint(9), THEFT, life=20),
    honest("row 3 keeps the older moment", variants.row_3_keeps_the_older_moment(9), THEFT, life=20),
    beside_protocol1("rows 2 and 5 at W = 0", variants.rows_2_and_5_at_w_0(0), "ours repeats a token", depth=5),
    # Harmless within the claims, kept for other reasons.
    chased(
        "without the time in row 5: thief with another hint", variants.no_time_limit_in_row_5(2), at_most(2), **ANOTHER
    ),
    honest("a one-sided window, clocks differ", variants.near_is_one_sided(4), SAFE, life=12, clocks=(0, 2)),
]
