# SPDX-License-Identifier: Apache-2.0
"""How many turns two parties can take before theft is raised, whatever they do.

A turn is one party's run of refreshes. Let S(n) be all states in which at least n turns may have passed; each S(n+1)
lies within S(n). Either one of them is empty, then n is the bound, and exact; or two in a row are equal, then some
round of moves that contains a turn can be repeated for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from .explore import no_cyclic_garbage
from .state import Event
from .thief import Pursuit, Theft


@dataclass(frozen=True)
class Turns:
    """``bound`` is None if there is none. ``events`` is a longest run; without a bound its last part, from the event
    number ``round_from`` on, can be repeated for ever."""

    bound: int | None
    states: int
    complete: bool
    events: tuple[Event, ...]
    round_from: int = 0


Graph = dict[Theft, list[tuple[Theft, bool, Event]]]


def count_turns(pursuit: Pursuit, *, most: int = 2_000_000) -> Turns:
    with no_cyclic_garbage():
        start = pursuit.normal(pursuit.start)
        graph = _graph(pursuit, start, most)
        if graph is None:
            return Turns(None, most, False, ())
        layers = [_closure(graph, {start: None})]
        while True:
            entries = {
                after: state for state in layers[-1] for after, turn, _ in graph[state] if turn
            }
            if not entries:
                return Turns(len(layers) - 1, len(graph), True, ())
            layer = _closure(graph, {after: None for after in entries})
            if layer.keys() == layers[-1].keys():
                break
            layers.append(layer)
    return Turns(None, len(graph), True, ())


def _graph(pursuit: Pursuit, start: Theft, most: int) -> Graph | None:
    graph: Graph = {}
    ahead = [start]
    known = {start}
    while ahead:
        state = ahead.pop()
        edges = graph[state] = []
        for event, after, turn in pursuit.moves(state):
            after = pursuit.normal(after)
            edges.append((after, turn, event))
            if after not in known:
                known.add(after)
                ahead.append(after)
        if len(known) > most:
            return None
    return graph


def _closure(graph: Graph, entries: dict[Theft, Theft | None]) -> dict[Theft, Theft | None]:
    came_from = dict(entries)
    ahead = list(entries)
    for state in ahead:
        for after, _, _ in graph[state]:
            if after not in came_from:
                came_from[after] = state
                ahead.append(after)
    return came_from
