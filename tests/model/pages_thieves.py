# SPDX-License-Identifier: Apache-2.0
"""A thief where pages renew: one whose victim has an answer under way, and one who never renews.

``Overlap`` is the pursuit of ``thief.py`` on the renewal table, where one answer of the victim may be under way while
the thief goes on. ``Lurker`` copies the cookies once and only sends what renews nothing: requests whose verb it has
asked late on purpose, or requests with a large body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from supertokens.engine.renewal import RENEWAL_TABLE

from .network import TICK
from .pages_rules import PageJudge, PageRules
from .pages_state import Site
from .rules import Judge, Record, Rules
from .serials import renumbering
from .state import Event
from .thief import APART_ON_A_TOKEN, THIEF, VICTIM, Plan, Pursuit, Theft, Token

SERVED: Final = "the thief is served"


class Held(NamedTuple):
    """A pair of the victim's that is under way."""

    token: Token
    age: int


class Overlapping(NamedTuple):
    theft: Theft
    held: Held | None


Step: TypeAlias = tuple[Event, Overlapping, bool]


class Overlap:
    """The system whose turns are counted; a turn of the victim's counts when its request is answered."""

    def __init__(self, grace: int, plan: Plan, way: int) -> None:
        self.pursuit = Pursuit(Rules(grace, refresh_table=RENEWAL_TABLE), plan)
        self.plan = plan
        self.way = way
        """longest time under way: T + r"""
        self.start = Overlapping(self.pursuit.start, None)

    def moves(self, state: Overlapping) -> Iterator[Step]:
        theft, held = state
        for event, after, turn in self.pursuit.moves(theft):
            if event != TICK:
                yield event, Overlapping(after, held), turn
            elif held is None or held.age < self.way:
                yield event, Overlapping(after, held and held._replace(age=held.age + 1)), turn
        if held is None:
            yield from self._renews(theft)
        else:
            yield from self._receives(theft, held)

    def _renews(self, theft: Theft) -> Iterator[Step]:
        token = theft.victim
        if not self.pursuit._may(theft, VICTIM, token):
            return
        ruling = self.pursuit.judge.refresh(theft.record, *token, 0, 0)
        if ruling.pair is not None:
            record = ruling.write or theft.record
            after = self.pursuit._refreshed(theft, VICTIM, token, record)._replace(turn_of=VICTIM)
            event = (
                "V renews with R{} (parent {}) by row {}: pair {} is under way",
                *token,
                ruling.row,
                ruling.pair[0],
            )
            yield event, Overlapping(after, Held(ruling.pair[:2], 0)), theft.turn_of == THIEF

    def _receives(self, theft: Theft, held: Held) -> Iterator[Step]:
        token = held.token
        after = theft._replace(victim=token, victims_marked=token)
        if self.plan.diligent:
            call = self.pursuit.judge.verify(theft.record, *token, 0, 0)
            after = after._replace(record=call.write or theft.record, victims_marked=None if call.confirmed else token)
        yield ("V's jar stores pair {}", token[0]), Overlapping(after, None), False

    def normal(self, state: Overlapping) -> Overlapping:
        theft, held = state
        theft = self._lean(theft, held) if held else self.pursuit._without_the_dead(theft)
        record = theft.record
        tokens = {theft.victim, *theft.thiefs, *theft.thiefs_marked, *(entry.token for entry in theft.recent)}
        tokens |= {theft.victims_marked} if theft.victims_marked else set()
        tokens |= {held.token} if held else set()
        names = renumbering({*record[:3], *(serial for token in tokens for serial in token)}, record.newest)
        if names is None:
            return Overlapping(theft, held)
        renamed = held and held._replace(token=(names[held.token[0]], names[held.token[1]]))
        return Overlapping(self.pursuit._renamed(theft, names), renamed)

    def _lean(self, theft: Theft, held: Held) -> Theft:
        """Forget what can change nothing any more, but nothing that is known of the pair under way.

        Older siblings stand for each other, but not for one that the victim is about to have.
        """
        token = held.token
        lean = self.pursuit._without_the_dead(theft._replace(thiefs=theft.thiefs - {token}))
        about_held = {entry for entry in theft.recent if entry.token == token and entry.age <= self.pursuit.grace}
        return lean._replace(
            thiefs=lean.thiefs | ({token} & theft.thiefs),
            thiefs_marked=lean.thiefs_marked | ({token} & theft.thiefs_marked),
            recent=lean.recent | about_held if self.plan.timing == APART_ON_A_TOKEN else lean.recent,
        )


class Lurking(NamedTuple):
    record: Record
    victim: Token
    thiefs: frozenset[Token]
    token_age: int
    """of the access token that the thief copied"""
    confirmed: int
    """children of the victim's that were seen in use since the thief's last renewal"""
    renewals: int
    """that the thief may still make"""


@dataclass(frozen=True, kw_only=True)
class Stealth:
    """What the thief does, and from when on it must not be served."""

    large: bool = False
    renewals: int = 0
    hint: int = 1
    confirmed: int = 1
    """how many children the victim must have confirmed"""
    after: int = 0
    """how old the copied access token must be"""
    life: int = 3


class Lurker:
    """The system to explore. A violation: the thief is served, more than W after the newest handing-out."""

    def __init__(self, rules: PageRules, stealth: Stealth) -> None:
        self.rules = rules
        self.stealth = stealth
        site = Site(life=stealth.life)
        self.page = PageJudge(rules, site)
        self.judge: Judge = self.page.pages
        self.oldest = stealth.life + rules.times.upload_grace + 1
        record = self.judge.start
        self.start = Lurking(record, (1, 0), frozenset({(1, 0)}), 0, 0, stealth.renewals)

    def moves(self, state: Lurking) -> Iterator[tuple[Event, Lurking, str]]:
        older = self.judge.older(state.record)
        yield TICK, state._replace(record=older, token_age=min(state.token_age + 1, self.oldest)), ""
        yield from self._victim_renews(state)
        for token in sorted(state.thiefs):
            yield from self._thief_asks(state, token)
            if state.renewals:
                yield from self._thief_renews(state, token)

    def _victim_renews(self, state: Lurking) -> Iterator[tuple[Event, Lurking, str]]:
        ruling = self.judge.refresh(state.record, *state.victim, 0, 0)
        if ruling.pair is None:
            return
        token = ruling.pair[:2]
        record = ruling.write or state.record
        confirmed = min(self.stealth.confirmed, state.confirmed + int(record.current > state.record.current))
        after = state._replace(record=record, victim=token, confirmed=confirmed)
        yield ("V renews by row {}: pair {}", ruling.row, token[0]), after, ""
        call = self.judge.verify(record, *token, 0, 0)
        accepted = call.write or record
        confirmed = min(self.stealth.confirmed, confirmed + int(accepted.current > record.current))
        used = after._replace(record=accepted, confirmed=confirmed)
        yield ("V renews by row {}: pair {}, and uses it", ruling.row, token[0]), used, ""

    def _thief_asks(self, state: Lurking, token: Token) -> Iterator[tuple[Event, Lurking, str]]:
        stealth, record, grace = self.stealth, state.record, self.rules.times.grace
        if state.confirmed < stealth.confirmed or state.token_age < stealth.after or record.age <= grace:
            return
        if self.page.serves(record, *token, grace + 1, state.token_age, stealth.large):
            yield ("T is served with R{}, by the record", token[0]), state, SERVED

    def _thief_renews(self, state: Lurking, token: Token) -> Iterator[tuple[Event, Lurking, str]]:
        ruling = self.judge.refresh(state.record, *token, self.stealth.hint, 0)
        if ruling.pair is None:
            return
        record, child = ruling.write or state.record, ruling.pair[:2]
        after = state._replace(record=record, thiefs=state.thiefs | {child}, renewals=state.renewals - 1, confirmed=0)
        yield ("T renews with R{} by row {}: pair {}", token[0], ruling.row, child[0]), after, ""
        call = self.judge.verify(record, *child, self.stealth.hint, 0)
        event = ("T renews with R{} by row {}: pair {}, and uses it", token[0], ruling.row, child[0])
        yield event, after._replace(record=call.write or record), ""

    def normal(self, state: Lurking) -> Lurking:
        record = state.record
        serials = {*record[:3], *state.victim, *(serial for token in state.thiefs for serial in token)}
        names = renumbering(serials, record.newest)
        if names is None:
            return state
        return state._replace(
            record=Record(names[record[0]], names[record[1]], names[record[2]], record[3], record[4]),
            victim=(names[state.victim[0]], names[state.victim[1]]),
            thiefs=frozenset((names[serial], names[parent]) for serial, parent in state.thiefs),
        )
