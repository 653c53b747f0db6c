# SPDX-License-Identifier: Apache-2.0
"""The product's rules, asked in the model's small numbers.

The model keeps no rule of its own. A :class:`Record` is a lineage in small integers: the stored moment as an age in
ticks, the hint as a number. A :class:`Judge` hands it to ``supertokens.engine.rotation`` and remembers the answer,
because a search asks the same question many thousand times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple
from unittest.mock import patch

from supertokens.engine import rotation
from supertokens.engine.rotation import NEW_SESSION, REFRESH_TABLE, VERIFY_TABLE, Lineage, Pair, Presented, Row

NOBODY: Final = -1
# The browser under test sends no User-Agent at all: b"" must be equal to itself and different from nobody.
HINTS: Final[dict[int, bytes | None]] = {NOBODY: rotation.NOBODY, 0: b"", 1: b"client 1", 2: b"client 2"}
NUMBERS: Final = {hint: number for number, hint in HINTS.items()}


class Record(NamedTuple):
    """A lineage as the model stores it. ``age``: ticks since ``handed_out_at``; below 0 if a fast clock wrote it."""

    current: int
    parent: int
    newest: int
    age: int
    hint: int


class Ruling(NamedTuple):
    """An answer of a table, with the record to write instead of the lineage."""

    row: int
    pair: Pair | None
    write: Record | None
    accepted: bool
    confirmed: bool
    theft: bool


@dataclass(frozen=True)
class Rules:
    """The product's tables, or a variant with one thing broken. ``grace`` is W in ticks."""

    grace: int
    refresh_table: tuple[Row, ...] = REFRESH_TABLE
    verify_table: tuple[Row, ...] = VERIFY_TABLE
    accept: Callable[[Lineage, Presented], Lineage] = rotation.accept
    swap_on: tuple[str, ...] = ("current", "newest", "handed_out_at")
    verify_swaps: bool = True
    """False: the accept of a verify is written over whatever has become of the row that was read."""
    hint_fades: bool = True
    """A hint that is older than W says nothing. Not so where a variant ignores the time."""


class Judge:
    """What one set of rules answers. ``spread``: the largest clock difference of two hosts; ``gap``: the longest
    time between a worker's read and its write. Both only decide from which age on a moment is long ago."""

    def __init__(self, rules: Rules, *, spread: int = 0, gap: int = 0) -> None:
        self.rules = rules
        self.long_ago = rules.grace + 1 + 2 * spread + gap
        self.start = self._record(NEW_SESSION)
        self.refresh = lru_cache(maxsize=None)(self._refresh)
        self.verify = lru_cache(maxsize=None)(self._verify)
        self.older = lru_cache(maxsize=None)(self._older)
        self.swap_key = itemgetter(
            *(Record._fields.index("age" if name == "handed_out_at" else name) for name in rules.swap_on)
        )

    def _refresh(self, record: Record, serial: int, parent: int, hint: int, clock: int) -> Ruling:
        return self._ask(self.rules.refresh_table, record, serial, parent, hint, clock)

    def _verify(self, record: Record, serial: int, parent: int, hint: int, clock: int) -> Ruling:
        return self._ask(self.rules.verify_table, record, serial, parent, hint, clock)

    def _ask(self, table: tuple[Row, ...], record: Record, serial: int, parent: int, hint: int, clock: int) -> Ruling:
        lineage = Lineage(record.current, record.parent, record.newest, -record.age, HINTS[record.hint])
        asked_by = HINTS[hint]
        assert asked_by is not None, "nobody asks for nothing"
        presented = Presented(serial, parent, clock, asked_by, self.rules.grace)
        with patch.object(rotation, "accept", self.rules.accept):
            row, pair, write, accepted, confirmed, theft = rotation.decide(table, lineage, presented)
        return Ruling(row, pair, None if write is None else self._record(write), accepted, confirmed, theft)

    def _record(self, lineage: Lineage) -> Record:
        age = min(-lineage.handed_out_at, self.long_ago)
        return self._fade(Record(lineage.current, lineage.parent, lineage.newest, age, NUMBERS[lineage.fingerprint]))

    def _older(self, record: Record) -> Record:
        return self._fade(record._replace(age=min(record.age + 1, self.long_ago)))

    def _fade(self, record: Record) -> Record:
        if self.rules.hint_fades and record.age == self.long_ago:
            return record._replace(hint=NOBODY)
        return record
