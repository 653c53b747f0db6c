# SPDX-License-Identifier: Apache-2.0
"""A run, told as a numbered story."""

from __future__ import annotations

from collections.abc import Iterable
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


def tell(title: str, events: Iterable[Event], ending: str) -> str:
    lines = [title, *(f"  {number:2}. {line}" for number, line in enumerate(sentences(events), 1)), f"  => {ending}"]
    return "\n".join(lines)
