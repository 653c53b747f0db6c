# SPDX-License-Identifier: Apache-2.0
"""Breadth-first search through everything that can happen: the first violation found is a shortest one."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from .state import Event

S = TypeVar("S", bound=Hashable)


class System(Protocol[S]):
    """What can be explored. ``normal`` folds states that behave alike into one."""

    @property
    def start(self) -> S: ...

    def moves(self, state: S) -> Iterable[tuple[Event, S, str]]: ...

    def normal(self, state: S) -> S: ...


@dataclass(frozen=True)
class Search(Generic[S]):
    """``violation`` is "" if there is none; ``path`` leads to the state in which it happens; ``complete`` is False if
    the search was cut off before it had seen everything."""

    violation: str
    states: int
    complete: bool
    path: tuple[S, ...]


@contextmanager
def no_cyclic_garbage() -> Iterator[None]:
    """A search makes millions of tuples and not one cycle; looking for cycles among them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def explore(system: System[S], *, most: int = 20_000_000, depth: int | None = None, ignoring: str = "") -> Search[S]:
    """Search until a violation, until nothing is new, or until `most` states or `depth` moves.

    A violation of the kind `ignoring` ends only the run in which it happens.
    """
    start = system.normal(system.start)
    came_from: dict[S, S | None] = {start: None}
    front = [start]
    moved = 0
    moves, normal = system.moves, system.normal
    with no_cyclic_garbage():
        while front and moved != depth:
            found = []
            for state in front:
                for _, after, violation in moves(state):
                    if violation:
                        if violation == ignoring:
                            continue
                        return Search(violation, len(came_from), True, _path(came_from, state))
                    after = normal(after)
                    known = len(came_from)
                    came_from.setdefault(after, state)  # hashes once, where a lookup before it would hash twice
                    if len(came_from) > known:
                        found.append(after)
                if len(came_from) > most:
                    return Search("", len(came_from), False, ())
            front = found
            moved += 1
    return Search("", len(came_from), True, ())


def _path(came_from: dict[S, S | None], state: S | None) -> tuple[S, ...]:
    path = []
    while state is not None:
        path.append(state)
        state = came_from[state]
    return tuple(reversed(path))


def follow(
    begin: S, path: Iterable[S], steps: Callable[[S], Iterable[tuple[Event, S]]], normal: Callable[[S], S]
) -> tuple[list[Event], S]:
    """Walk a path of folded states without folding, so that every serial keeps its number."""
    state, events = begin, []
    for target in path:
        event, state = next((event, after) for event, after in steps(state) if normal(after) == target)
        events.append(event)
    return events, state


def retrace(system: System[S], search: Search[S]) -> list[Event]:
    """What happens in the violating run, from the start."""

    def harmless(state: S) -> Iterator[tuple[Event, S]]:
        return ((event, after) for event, after, violation in system.moves(state) if not violation)

    events, state = follow(system.start, search.path[1:], harmless, system.normal)
    events.append(next(event for event, _, violation in system.moves(state) if violation == search.violation))
    return events
