# SPDX-License-Identifier: Apache-2.0
"""A run, told as a numbered story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from .network import TICK
from .state import Event


def sentence(event: Event) -> str:
    text, *values = event
    return str(text).format(*values)


def sentences(events: Iterable[Event]) -> list[str]:
    """One sentence for each event; ticks in a row are one."""
    told = []
    for is_tick, run in groupby(events, key=lambda event: event == TICK):
        if is_tick:
            ticks = len(list(run))
            told.append("1 tick passes" if ticks == 1 else f"{ticks} ticks pass")
        else:
            told.extend(sentence(event) for event in run)
    return told


def tell(events: Sequence[Event], ending: str, *, round_begins: int | None = None) -> str:
    """A numbered story. From `round_begins` on, an index of `events`, it goes round and round."""
    begin = sentences(events[:round_begins])
    again = sentences(events[round_begins:]) if round_begins is not None else []
    lines = [f"  {number:2}. {line}" for number, line in enumerate(begin, 1)]
    if again:
        lines.append("      and then, again and again:")
        lines += [f"  {number:2}. {line}" for number, line in enumerate(again, len(begin) + 1)]
    lines.append(f"  => {ending}")
    return "\n".join(lines)
