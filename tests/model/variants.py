# SPDX-License-Identifier: Apache-2.0
"""The product's rules with one clause taken away. Each must fail somewhere, or the clause would not be needed.

A variant is never written out: it is the product's table with one row replaced, or with that row shown something
else than what is; the product's ``accept`` with one value of its answer changed; or another way to write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from supertokens.engine import rotation
from supertokens.engine.rotation import LONG_AGO, NOBODY, REFRESH_TABLE, VERIFY_TABLE, Decision, Lineage, Presented, Row

from .rules import Rules

View: TypeAlias = Callable[[Lineage, Presented], tuple[Lineage, Presented]]
Table: TypeAlias = tuple[Row, ...]

accept = rotation.accept


def shown(table: Table, number: int, view: View) -> Table:
    """`table`, but the condition of row `number` is shown what `view` makes of the lineage and the asker."""

    def changed(row: Row) -> Row:
        def holds(lineage: Lineage, presented: Presented) -> bool:
            return row.holds(*view(lineage, presented))

        return row._replace(holds=holds)

    return tuple(changed(row) if row.number == number else row for row in table)


def answered(table: Table, number: int, change: Callable[[Lineage, Decision], Decision]) -> Table:
    """`table`, but the answer of row `number` is changed."""

    def changed(row: Row) -> Row:
        def answer(lineage: Lineage, presented: Presented) -> Decision:
            return change(lineage, row.answer(lineage, presented))

        return row._replace(answer=answer)

    return tuple(changed(row) if row.number == number else row for row in table)


def without(table: Table, number: int) -> Table:
    return tuple(row for row in table if row.number != number)


def _whoever_asks(lineage: Lineage, presented: Presented) -> tuple[Lineage, Presented]:
    return lineage._replace(fingerprint=presented.fingerprint), presented


def _whenever(lineage: Lineage, presented: Presented) -> tuple[Lineage, Presented]:
    return lineage._replace(handed_out_at=presented.now), presented


def _nothing_pending(lineage: Lineage, presented: Presented) -> tuple[Lineage, Presented]:
    return lineage._replace(newest=lineage.current), presented


def _nothing_ahead(lineage: Lineage, presented: Presented) -> tuple[Lineage, Presented]:
    return lineage._replace(newest=max(lineage.newest, presented.serial)), presented


def _one_sided(lineage: Lineage, presented: Presented) -> tuple[Lineage, Presented]:
    return lineage._replace(handed_out_at=min(lineage.handed_out_at, presented.now)), presented


def _in_the_same_moment(lineage: Lineage, presented: Presented) -> tuple[Lineage, Presented]:
    if presented.grace > 0:
        return lineage, presented
    handed_out_at = lineage.handed_out_at if lineage.handed_out_at == presented.now else LONG_AGO
    return lineage._replace(handed_out_at=handed_out_at), presented._replace(grace=1)


def _refresh(change: Callable[[Table], Table]) -> Callable[[int], Rules]:
    return lambda grace: Rules(grace, refresh_table=change(REFRESH_TABLE))


def _accepts(change: Callable[[Lineage, Presented, Lineage], Lineage]) -> Callable[[int], Rules]:
    def changed(lineage: Lineage, presented: Presented) -> Lineage:
        return change(lineage, presented, accept(lineage, presented))

    return lambda grace: Rules(grace, accept=changed)


# Each of these is a function of W.
no_write_in_row_2 = _refresh(lambda table: answered(table, 2, lambda _, decision: decision._replace(write=None)))
no_hint_in_row_2 = _refresh(lambda table: shown(table, 2, _whoever_asks))
no_hint_in_row_5 = _refresh(lambda table: shown(table, 5, _whoever_asks))
no_hint_at_all = _refresh(lambda table: shown(shown(table, 2, _whoever_asks), 5, _whoever_asks))
no_row_5 = _refresh(lambda table: without(table, 5))
row_5_while_a_child_is_pending = _refresh(lambda table: shown(table, 5, _nothing_pending))
near_is_one_sided = _refresh(lambda table: shown(shown(table, 2, _one_sided), 5, _one_sided))
rows_2_and_5_at_w_0 = _refresh(lambda table: shown(shown(table, 2, _in_the_same_moment), 5, _in_the_same_moment))
row_3_keeps_the_older_hint = _refresh(
    lambda table: answered(table, 3, lambda lineage, decision: _writes(decision, fingerprint=lineage.fingerprint))
)
row_3_keeps_the_older_moment = _refresh(
    lambda table: answered(table, 3, lambda lineage, decision: _writes(decision, handed_out_at=lineage.handed_out_at))
)

newest_is_not_raised = _accepts(lambda lineage, presented, accepted: accepted._replace(newest=lineage.newest))
a_serial_ahead_does_not_count_from_now = _accepts(
    lambda lineage, presented, accepted: (
        accepted._replace(handed_out_at=LONG_AGO, fingerprint=NOBODY) if presented.serial > lineage.newest else accepted
    )
)
an_older_sibling_keeps_the_window_open = _accepts(
    lambda lineage, presented, accepted: (
        accepted._replace(handed_out_at=lineage.handed_out_at, fingerprint=lineage.fingerprint)
        if presented.serial < lineage.newest
        else accepted
    )
)


def _writes(decision: Decision, *, fingerprint: bytes | None = None, handed_out_at: int | None = None) -> Decision:
    """The decision, but its write keeps what is given."""
    assert decision.write is not None
    write = (
        decision.write._replace(fingerprint=fingerprint)
        if handed_out_at is None
        else decision.write._replace(handed_out_at=handed_out_at)
    )
    return decision._replace(write=write)


def no_time_limit_in_row_5(grace: int) -> Rules:
    return Rules(grace, refresh_table=shown(REFRESH_TABLE, 5, _whenever), hint_fades=False)


def no_row_for_a_serial_ahead(grace: int) -> Rules:
    return Rules(
        grace,
        refresh_table=shown(REFRESH_TABLE, 4, _nothing_ahead),
        verify_table=shown(VERIFY_TABLE, 1, _nothing_ahead),
    )


def swap_without_handed_out_at(grace: int) -> Rules:
    return Rules(grace, swap_on=("current", "newest"))


def swap_without_newest(grace: int) -> Rules:
    return Rules(grace, swap_on=("current", "handed_out_at"))


def swap_without_current(grace: int) -> Rules:
    return Rules(grace, swap_on=("newest", "handed_out_at"))


def verify_without_swap(grace: int) -> Rules:
    return Rules(grace, verify_swaps=False)


def a_grace_window_without_hint(grace: int) -> Rules:
    """What other products do: whoever asks within W of the first handing-out gets the same pair."""
    table = shown(shown(REFRESH_TABLE, 2, _whoever_asks), 5, _whoever_asks)
    return Rules(grace, refresh_table=answered(table, 2, lambda _, decision: decision._replace(write=None)))
