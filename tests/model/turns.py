# SPDX-License-Identifier: Apache-2.0
"""How many turns two parties can take before theft is raised, whatever they do.

A turn is one party's run of refreshes. Let S(n) be all states before which n turns may have passed: S(n+1) lies
within S(n). Either one of them is empty, then n is the bound, and exact; or two in a row are equal, then some round
of moves with a turn in it can be repeated for ever.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from .explore import follow, no_cyclic_garbage
from .state import Event

S = TypeVar("S", bound=Hashable)

Graph: TypeAlias = dict[S, list[tuple[S, bool]]]
"""From each state the states after one move, and whether that move begins a turn."""
CameFrom: TypeAlias = dict[S, S | None]


class Chase(Protocol[S]):
    """Two parties; a move says what happens, what is then, and whether a turn began."""

    @property
    def start(self) -> S: ...

    def moves(self, state: S) -> Iterable[tuple[Event, S, bool]]: ...

    def normal(self, state: S) -> S: ...


@dataclass(frozen=True)
class Turns:
    """``bound`` is None if there is none: then ``events`` tells a run whose part from the event number
    ``round_begins`` on can be repeated for ever."""

    bound: int | None
    states: int
    events: tuple[Event, ...] = ()
    round_begins: int = 0


def count_turns(chase: Chase[S]) -> Turns:
    with no_cyclic_garbage():
        start = chase.normal(chase.start)
        graph = _graph(chase, start)
        within, turns = _reach(graph, [start]), 0
        while entries := [after for state in within for after, turn in graph[state] if turn]:
            later = _reach(graph, entries)
            if later.keys() == within.keys():
                return _without_bound(chase, graph, start, list(within))
            within, turns = later, turns + 1
    return Turns(turns, len(graph))


def _graph(chase: Chase[S], start: S) -> Graph[S]:
    graph: Graph[S] = {start: []}
    ahead = [start]
    while ahead:
        state = ahead.pop()
        for _, after, turn in chase.moves(state):
            after = chase.normal(after)
            graph[state].append((after, turn))
            if after not in graph:
                graph[after] = []
                ahead.append(after)
    return graph


def _reach(graph: Graph[S], entries: Iterable[S]) -> CameFrom[S]:
    """Everything that can be reached, breadth first, and where from."""
    came_from: CameFrom[S] = dict.fromkeys(entries)
    ahead = list(came_from)
    for state in ahead:
        for after, _ in graph[state]:
            if after not in came_from:
                came_from[after] = state
                ahead.append(after)
    return came_from


def _way(came_from: CameFrom[S], to: S) -> list[S]:
    way = [to]
    while (before := came_from[way[-1]]) is not None:
        way.append(before)
    return way[::-1]


def _without_bound(chase: Chase[S], graph: Graph[S], start: S, within: list[S]) -> Turns:
    """The first turn, breadth first, from which there is a way back to where it began."""

    def steps(state: S) -> Iterator[tuple[Event, S]]:
        return ((event, after) for event, after, _ in chase.moves(state))

    prefix = _reach(graph, [start])
    inside = set(within)
    for state in prefix:
        for after, turn in graph[state]:
            if turn and after in inside and state in (back := _reach(graph, [after])):
                way = _way(prefix, state)
                events, _ = follow(chase.start, [*way[1:], *_way(back, state)], steps, chase.normal)
                return Turns(None, len(graph), tuple(events), len(way) - 1)
    raise AssertionError("a set of states that turns keep within itself contains a round")
