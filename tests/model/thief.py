# SPDX-License-Identifier: Apache-2.0
"""A victim and a thief who copied the cookies once (claim 2).

The victim has one jar and hint 0; the thief keeps every token it ever saw and uses any of its hints. An exchange is
one step, but the victim's answer may be lost. A run ends when theft is raised. Nobody is in a hurry: access tokens
live for ever, and every refresh may come at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from .network import TICK
from .rules import Judge, Record, Rules, Ruling
from .serials import renumbering
from .state import Event

VICTIM: Final = "V"
THIEF: Final = "T"
NOBODY_YET: Final = ""

ANY_TIME: Final = "any time"
APART_ON_A_TOKEN: Final = "apart on a token"  # nobody refreshes a token that the other refreshed less than W ago
APART: Final = "apart"  # nobody refreshes, or uses a marked access token, within W of the other's doing so

Token: TypeAlias = tuple[int, int]
"""(serial, parent): of a refresh token, or of the marked access token that came with it."""


class Refreshed(NamedTuple):
    by: str
    token: Token
    age: int


class Theft(NamedTuple):
    """The state of a session between two parties."""

    record: Record
    victim: Token
    victims_marked: Token | None
    thiefs: frozenset[Token]
    thiefs_marked: frozenset[Token]
    recent: frozenset[Refreshed]
    idle: tuple[int, int]
    """ticks since the victim's, the thief's last act"""
    turn_of: str
    copies: int
    """how often the thief may still copy the victim's cookies"""
    crashes: int


Step: TypeAlias = tuple[Event, Theft, bool]
"""What happens, what is then, and whether a new turn began."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the two parties do."""

    thief_hints: tuple[int, ...] = (0,)
    """(0,): a cloned hint"""
    timing: str = ANY_TIME
    diligent: bool = True
    """the victim uses a new access token at once"""
    copies: int = 1
    crashes: int = 0
    """writes of row 3 that are lost"""


class Pursuit:
    """The system whose turns are counted (``turns.py``)."""

    def __init__(self, rules: Rules, plan: Plan) -> None:
        self.judge = Judge(rules)
        self.plan = plan
        self.grace = rules.grace
        long_idle = (self.judge.long_ago, self.judge.long_ago)
        nothing: frozenset[Token] = frozenset()
        self.start = Theft(
            self.judge.start,
            (1, 0),
            None,
            nothing,
            nothing,
            frozenset(),
            long_idle,
            NOBODY_YET,
            plan.copies,
            plan.crashes,
        )

    def moves(self, state: Theft) -> Iterator[Step]:
        yield self._tick(state)
        yield from self._victim_refreshes(state)
        yield from self._thief_refreshes(state)
        yield from self._victim_calls(state)
        yield from self._thief_calls(state)
        if state.copies:
            marked = {state.victims_marked} if state.victims_marked else set()
            after = state._replace(
                thiefs=state.thiefs | {state.victim},
                thiefs_marked=state.thiefs_marked | marked,
                copies=state.copies - 1,
            )
            yield ("T copies V's cookies: R{}", state.victim[0]), after, False

    def _tick(self, state: Theft) -> Step:
        most = self.judge.long_ago
        after = state._replace(
            record=self.judge.older(state.record),
            recent=frozenset(entry._replace(age=entry.age + 1) for entry in state.recent),
            idle=(min(state.idle[0] + 1, most), min(state.idle[1] + 1, most)),
        )
        return TICK, after, False

    def _may(self, state: Theft, party: str, refreshed: Token | None) -> bool:
        """Whether the plan's timing allows `party` to act now."""
        if self.plan.timing == APART:
            return state.idle[1 if party == VICTIM else 0] > self.grace
        if self.plan.timing == APART_ON_A_TOKEN:
            return not any(
                entry.by != party and entry.token == refreshed and entry.age <= self.grace for entry in state.recent
            )
        return True

    def _refreshed(self, state: Theft, party: str, token: Token, record: Record) -> Theft:
        return self._acted(state, party)._replace(record=record, recent=state.recent | {Refreshed(party, token, 0)})

    def _acted(self, state: Theft, party: str) -> Theft:
        return state._replace(idle=(0, state.idle[1]) if party == VICTIM else (state.idle[0], 0))

    def _outcomes(self, state: Theft, ruling: Ruling) -> Iterator[tuple[Record, int, str]]:
        """The record after a refresh: written, or lost in a crash."""
        yield ruling.write or state.record, state.crashes, ""
        if state.crashes and ruling.row == 3:
            yield state.record, state.crashes - 1, " [the write is lost in a crash]"

    def _victim_refreshes(self, state: Theft) -> Iterator[Step]:
        token = state.victim
        if not self._may(state, VICTIM, token):
            return
        ruling = self.judge.refresh(state.record, *token, 0, 0)
        if ruling.pair is None:
            return
        child = ruling.pair[:2]
        marked = child if ruling.pair.marked else None
        for record, crashes, lost in self._outcomes(state, ruling):
            text = f"V refreshes R{{}} (parent {{}}) by row {{}}: pair {{}}{lost}"
            event = (text, *token, ruling.row, child[0])
            after = self._refreshed(state, VICTIM, token, record)._replace(crashes=crashes)
            yield (f"{text}, but the answer is lost", *event[1:]), after, False
            after = after._replace(victim=child, victims_marked=marked, turn_of=VICTIM)
            if self.plan.diligent and marked:
                call = self.judge.verify(record, *marked, 0, 0)
                after = after._replace(record=call.write or record, victims_marked=None if call.confirmed else marked)
                event = (f"{text}, and uses it at once", *event[1:])
            yield event, after, state.turn_of == THIEF

    def _thief_refreshes(self, state: Theft) -> Iterator[Step]:
        for token in sorted(state.thiefs):
            if not self._may(state, THIEF, token):
                continue
            for hint in self.plan.thief_hints:
                ruling = self.judge.refresh(state.record, *token, hint, 0)
                if ruling.pair is None:
                    continue
                child = ruling.pair[:2]
                for record, crashes, lost in self._outcomes(state, ruling):
                    text = f"T refreshes R{{}} (parent {{}}){self._with(hint)} by row {{}}: pair {{}}{lost}"
                    after = self._refreshed(state, THIEF, token, record)._replace(
                        thiefs=state.thiefs | {child},
                        thiefs_marked=state.thiefs_marked | {child} if ruling.pair.marked else state.thiefs_marked,
                        turn_of=THIEF,
                        crashes=crashes,
                    )
                    yield (text, *token, ruling.row, child[0]), after, state.turn_of != THIEF

    def _victim_calls(self, state: Theft) -> Iterator[Step]:
        token = state.victims_marked
        if token is None or not self._may(state, VICTIM, None):
            return
        ruling = self.judge.verify(state.record, *token, 0, 0)
        if ruling.confirmed:
            after = self._acted(state, VICTIM)._replace(record=ruling.write or state.record, victims_marked=None)
            yield ("V uses A{}", token[0]), after, False

    def _thief_calls(self, state: Theft) -> Iterator[Step]:
        if not self._may(state, THIEF, None):
            return
        for token in sorted(state.thiefs_marked):
            for hint in self.plan.thief_hints:
                ruling = self.judge.verify(state.record, *token, hint, 0)
                if ruling.confirmed:
                    after = self._acted(state, THIEF)._replace(
                        record=ruling.write or state.record, thiefs_marked=state.thiefs_marked - {token}
                    )
                    yield ("T uses A{} (parent {})", *token), after, False

    def _with(self, hint: int) -> str:
        return f" with hint {hint}" if self.plan.thief_hints != (0,) else ""

    # ------------------------------------------------------------------------------------------ one name for many

    def normal(self, state: Theft) -> Theft:
        state = self._without_the_dead(state)
        record = state.record
        held = {state.victim, *state.thiefs, *state.thiefs_marked, *(entry.token for entry in state.recent)}
        if state.victims_marked:
            held.add(state.victims_marked)
        names = renumbering({*record[:3], *(serial for token in held for serial in token)}, record.newest)
        return state if names is None else self._renamed(state, names)

    def _without_the_dead(self, state: Theft) -> Theft:
        """Forget what can change nothing any more: tokens that only raise theft, and moments beyond W."""
        record = state.record
        thiefs = {token for token in state.thiefs if record.parent == token[0] or self._may_be_confirmed(record, token)}
        marked = {token for token in state.thiefs_marked if self._may_be_confirmed(record, token)}
        recent: frozenset[Refreshed] = frozenset()
        if self.plan.timing == APART_ON_A_TOKEN:
            obtainable = {*thiefs, state.victim, (record.current, record.parent), (record.newest, record.current)}
            recent = frozenset(entry for entry in state.recent if entry.age <= self.grace and entry.token in obtainable)
        # Older siblings all lead to the same: one stands for those that nothing else refers to.
        spare = thiefs & marked - {state.victim, state.victims_marked} - {entry.token for entry in recent}
        for token in sorted(token for token in spare if token[1] == record.current and token[0] < record.newest)[:-1]:
            thiefs.remove(token)
            marked.remove(token)
        long_ago = (self.judge.long_ago, self.judge.long_ago)
        return state._replace(
            thiefs=frozenset(thiefs),
            thiefs_marked=frozenset(marked),
            recent=recent,
            idle=state.idle if self.plan.timing == APART else long_ago,
        )

    def _may_be_confirmed(self, record: Record, token: Token) -> bool:
        serial, parent = token
        return record.current in (serial, parent) or serial > record.newest

    def _renamed(self, state: Theft, names: Mapping[int, int]) -> Theft:
        def named(token: Token) -> Token:
            return names[token[0]], names[token[1]]

        record = state.record
        return state._replace(
            record=Record(names[record[0]], names[record[1]], names[record[2]], record[3], record[4]),
            victim=named(state.victim),
            victims_marked=state.victims_marked and named(state.victims_marked),
            thiefs=frozenset(map(named, state.thiefs)),
            thiefs_marked=frozenset(map(named, state.thiefs_marked)),
            recent=frozenset(entry._replace(token=named(entry.token)) for entry in state.recent),
        )
