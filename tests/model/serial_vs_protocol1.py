# SPDX-License-Identifier: Apache-2.0
"""W = 0 beside the original (docs/protocol/cdi2.md#the-lineage): the same messages to both, and the answers compared.

Token k of one is token k of the other. Whoever holds the tokens may refresh with any of them, call with any marked
access token, let time pass, or revoke. The store's rule that an expired record is absent is left out for calls
(expired records count as missing here, on purpose): here the tables are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .network import TICK
from .protocol1 import Protocol1
from .rules import Judge, Record, Rules
from .serials import renumbering
from .state import Event
from .thief import Token

LIFETIME = 3
"""of a record, in ticks; an accept begins it anew"""


class Both(NamedTuple):
    """The two machines after the same messages."""

    theirs: Protocol1
    record: Record
    tokens: tuple[Token, ...]
    marked: tuple[int, ...]
    """the tokens that came with a marked access token"""
    age: int
    """of the record, since its expiry was moved last"""
    alive: bool


class SideBySide:
    """The system to explore. A violation is a difference.

    With `siblings` a run may have any length, but no token gets more children than that while it is the parent, and
    only as many stale tokens are remembered: the ones a promotion left behind last. Without it nothing is forgotten,
    and the depth must be bounded.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        clocks: tuple[int, ...] = (0,),
        hints: tuple[int, ...] = (0,),
        siblings: int | None = None,
    ) -> None:
        self.judge = Judge(rules, spread=max(clocks) - min(clocks))
        self.askers = [(clock, hint) for clock in clocks for hint in hints]
        self.siblings = siblings
        self.start = Both(Protocol1(0, (None,)), self.judge.start, ((1, 0),), (), 0, alive=True)

    def normal(self, state: Both) -> Both:
        if self.siblings is None:
            return state
        theirs, record = state.theirs, state.record
        numbers = range(len(state.tokens))
        stale = [token for token in numbers if theirs.is_stale(token)]
        kept = [token for token in numbers if token not in stale[: -self.siblings]]
        place = {token: number for number, token in enumerate(kept)}
        tokens = [state.tokens[token] for token in kept]
        names = renumbering({*record[:3], *(serial for token in tokens for serial in token)}, record.newest)
        if names is not None:
            tokens = [(names[serial], names[parent]) for serial, parent in tokens]
            record = Record(names[record[0]], names[record[1]], names[record[2]], record.age, record.hint)
        parents = (theirs.parent_of[token] for token in kept)
        return Both(
            Protocol1(place[theirs.head], tuple(None if parent is None else place.get(parent) for parent in parents)),
            record,
            tuple(tokens),
            tuple(place[token] for token in state.marked if token in place),
            state.age,
            state.alive,
        )

    def _has_room(self, state: Both, token: int) -> bool:
        head = state.theirs.head
        children = state.theirs.parent_of.count(head) if token == head else 0
        return self.siblings is None or children < self.siblings

    def moves(self, state: Both) -> Iterator[tuple[Event, Both, str]]:
        age = min(state.age + 1, LIFETIME + 1)
        yield TICK, state._replace(record=self.judge.older(state.record), age=age), ""
        yield ("the session is revoked",), state._replace(alive=False), ""
        for token in range(len(state.tokens)):
            if self._has_room(state, token):
                yield from self._refresh(state, token)
        for token in state.marked:
            yield from self._call(state, token)

    def _refresh(self, state: Both, token: int) -> Iterator[tuple[Event, Both, str]]:
        if not state.alive or state.age > LIFETIME:
            return  # both answer unauthorised before they ask anything of the lineage
        granted, theirs = state.theirs.refresh(token)
        for clock, hint in self.askers:
            ruling = self.judge.refresh(state.record, *state.tokens[token], hint, clock)
            event = ("refresh with token {}: granted by the original {}, by ours in row {}", token, granted, ruling.row)
            if ruling.theft == granted:
                yield event, state, "answers differ"
            elif ruling.accepted != (theirs.head != state.theirs.head):
                yield event, state, "expiry differs"
            elif ruling.pair is not None and ruling.pair[:2] in state.tokens:
                yield event, state, "ours repeats a token"
            elif ruling.pair is not None:
                after = Both(
                    theirs,
                    ruling.write or state.record,
                    (*state.tokens, ruling.pair[:2]),
                    (*state.marked, len(state.tokens)) if ruling.pair.marked else state.marked,
                    0 if ruling.accepted else state.age,
                    alive=True,
                )
                yield event, after, "" if ruling.pair.marked else "ours gives no marker"
            else:
                yield event, state, ""

    def _call(self, state: Both, token: int) -> Iterator[tuple[Event, Both, str]]:
        if not state.alive:
            return
        given, theirs = state.theirs.verify(token)
        for clock, hint in self.askers:
            ruling = self.judge.verify(state.record, *state.tokens[token], hint, clock)
            event = (
                "call with marked access token {}: a new one by the original {}, by ours {} (row {})",
                token,
                given,
                ruling.confirmed,
                ruling.row,
            )
            if ruling.confirmed != given:
                yield event, state, "answers differ"
            elif ruling.accepted != (theirs.head != state.theirs.head):
                yield event, state, "expiry differs"
            else:
                after = state._replace(
                    theirs=theirs,
                    record=ruling.write or state.record,
                    age=0 if ruling.accepted else state.age,
                )
                yield event, after, ""
