# SPDX-License-Identifier: Apache-2.0
"""The product's rules with one clause taken away. Each must fail somewhere, or the clause would not be needed.

A variant is never written out: it is the product's table with one row replaced, or with that row shown something
else than what is; the product's ``accept`` with one value of its answer changed; or another way to write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from supertokens.engine import rotation
from supertokens.engine.rotation import LONG_AGO, NOBODY, REFRESH_TABLE, VERIFY_TABLE, Asked, Decision, Lineage, Row

from .rules import Rules

View: TypeAlias = Callable[[Lineage, Asked], tuple[Lineage, Asked]]
Table: TypeAlias = tuple[Row, ...]

accept = rotation.accept


def shown(table: Table, number: int, view: View) -> Table:
    """`table`, but the condition of row `number` is shown what `view` makes of the lineage and the asker."""

    def changed(row: Row) -> Row:
        def holds(lineage: Lineage, asked: Asked) -> bool:
            return row.holds(*view(lineage, asked))

        return row._replace(holds=holds)

    return tuple(changed(row) if row.number == number else row for row in table)


def answered(table: Table, number: int, change: Callable[[Lineage, Decision], Decision]) -> Table:
    """`table`, but the answer of row `number` is changed."""

    def changed(row: Row) -> Row:
        def answer(lineage: Lineage, asked: Asked) -> Decision:
            return change(lineage, row.answer(lineage, asked))

        return row._replace(answer=answer)

    return tuple(changed(row) if row.number == number else row for row in table)


def without(table: Table, number: int) -> Table:
    return tuple(row for row in table if row.number != number)


def _whoever_asks(lineage: Lineage, asked: Asked) -> tuple[Lineage, Asked]:
    return lineage._replace(hint=asked.hint), asked


def _whenever(lineage: Lineage, asked: Asked) -> tuple[Lineage, Asked]:
    return lineage._replace(at=asked.now), asked


def _nothing_pending(lineage: Lineage, asked: Asked) -> tuple[Lineage, Asked]:
    return lineage._replace(last=lineage.current), asked


def _nothing_ahead(lineage: Lineage, asked: Asked) -> tuple[Lineage, Asked]:
    return lineage._replace(last=max(lineage.last, asked.serial)), asked


def _one_sided(lineage: Lineage, asked: Asked) -> tuple[Lineage, Asked]:
    return lineage._replace(at=min(lineage.at, asked.now)), asked


def _in_the_same_moment(lineage: Lineage, asked: Asked) -> tuple[Lineage, Asked]:
    if asked.grace > 0:
        return lineage, asked
    at = lineage.at if lineage.at == asked.now else LONG_AGO
    return lineage._replace(at=at), asked._replace(grace=1)


def _refresh(change: Callable[[Table], Table]) -> Callable[[int], Rules]:
    return lambda grace: Rules(grace, refresh_table=change(REFRESH_TABLE))


def _accepts(change: Callable[[Lineage, Asked, Lineage], Lineage]) -> Callable[[int], Rules]:
    def changed(lineage: Lineage, asked: Asked) -> Lineage:
        return change(lineage, asked, accept(lineage, asked))

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
    lambda table: answered(table, 3, lambda lineage, decision: _writes(decision, hint=lineage.hint))
)
row_3_keeps_the_older_moment = _refresh(
    lambda table: answered(table, 3, lambda lineage, decision: _writes(decision, at=lineage.at))
)

last_is_not_raised = _accepts(lambda lineage, asked, accepted: accepted._replace(last=lineage.last))
a_serial_ahead_does_not_count_from_now = _accepts(
    lambda lineage, asked, accepted: (
        accepted._replace(at=LONG_AGO, hint=NOBODY) if asked.serial > lineage.last else accepted
    )
)
an_older_sibling_keeps_the_window_open = _accepts(
    lambda lineage, asked, accepted: (
        accepted._replace(at=lineage.at, hint=lineage.hint) if asked.serial < lineage.last else accepted
    )
)


def _writes(decision: Decision, *, hint: bytes | None = None, at: int | None = None) -> Decision:
    """The decision, but its write keeps what is given."""
    assert decision.write is not None
    write = decision.write._replace(hint=hint) if at is None else decision.write._replace(at=at)
    return decision._replace(write=write)


def no_time_limit_in_row_5(grace: int) -> Rules:
    return Rules(grace, refresh_table=shown(REFRESH_TABLE, 5, _whenever), hint_fades=False)


def no_row_for_a_serial_ahead(grace: int) -> Rules:
    return Rules(
        grace,
        refresh_table=shown(REFRESH_TABLE, 4, _nothing_ahead),
        verify_table=shown(VERIFY_TABLE, 1, _nothing_ahead),
    )


def swap_without_at(grace: int) -> Rules:
    return Rules(grace, swap_on=("current", "last"))


def swap_without_last(grace: int) -> Rules:
    return Rules(grace, swap_on=("current", "at"))


def swap_without_current(grace: int) -> Rules:
    return Rules(grace, swap_on=("last", "at"))


def verify_without_swap(grace: int) -> Rules:
    return Rules(grace, verify_swaps=False)


def a_grace_window_without_hint(grace: int) -> Rules:
    """What other products do: whoever asks within W of the first handing-out gets the same pair."""
    table = shown(shown(REFRESH_TABLE, 2, _whoever_asks), 5, _whoever_asks)
    return Rules(grace, refresh_table=answered(table, 2, lambda _, decision: decision._replace(write=None)))
