# SPDX-License-Identifier: Apache-2.0
"""Log-out and log-in while answers are under way: may an ended session come back, or a log-in be undone?

Session 1 is there at the start, session 2 begins with the log-in. How their tokens rotate is left out: a renewal of a
session that has not ended succeeds. A first verb is asked when its request comes in; that is the worst case, since
what it finds has then the longest time to become untrue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from supertokens.engine.renewal import AccessCookie, Course, Leaves
from supertokens.engine.rotation import Lineage, Presented, decide

from .network import TICK
from .pages_rules import PageRules
from .state import Event

SERVED_AFTER_LOG_OUT: Final = "served on the session that was logged out"
COMES_BACK: Final = "the session that was logged out comes back"
SERVED_AFTER_LOG_IN: Final = "served on the session before the log-in"
LOG_IN_UNDONE: Final = "the log-in is undone"

REQUEST, LOG_OUT, LOG_IN = "request", "log-out", "log-in"
PAIR_HELD, TOKEN_HELD, PAYLOAD_HELD, CLEARING_HELD = "pair held", "token held", "payload held", "clearing held"
PAIR, TOKEN, CLEARING, BEGINS, ENDS = "pair", "token", "clearing", "begins", "ends"
LEAVES_AS: Final = {PAIR_HELD: PAIR, TOKEN_HELD: TOKEN, PAYLOAD_HELD: TOKEN, CLEARING_HELD: CLEARING}
NONE: Final = 0

# What the user has done, as far as the browser has heard.
AT_FIRST, LOGGING_OUT, LOGGED_OUT, LOGGING_IN, LOGGED_IN = range(5)


class Token(NamedTuple):
    session: int
    """0: there is none"""
    age: int
    marked: bool


NO_TOKEN: Final = Token(NONE, 0, marked=False)


class Message(NamedTuple):
    kind: str
    age: int
    """since the jar was read; from its verb on since then; on their way since the headers left"""
    access: Token
    refresh: int
    """the session of the refresh cookie"""
    sent_in: int
    """what the user had done when the request was sent"""


class State(NamedTuple):
    alive: frozenset[int]
    access: Token
    refresh: int
    done: int
    since: int
    """ticks since the browser has heard of the log-out, or of the log-in, whichever is looked at"""
    messages: tuple[Message, ...]


Move: TypeAlias = tuple[Event, State, str]


@dataclass(frozen=True, kw_only=True)
class House:
    """What happens at the door. Every time is in ticks."""

    violation: str
    """what is looked for; anything else is let pass"""
    q: int = 1
    r: int = 1
    life: int = 6
    in_flight: int = 2
    log_out: bool = True
    log_in: bool = False
    checks_database: bool = False
    """an access token counts only if its session's record exists"""
    within: int = 0
    """how long after the log-out its session may come back, or after the log-in it may be undone"""


class Doors:
    """The system to explore."""

    def __init__(self, rules: PageRules, house: House) -> None:
        self.rules = rules
        self.house = house
        self.dead = house.life + 1
        self.looks_from = LOGGED_IN if house.violation == LOG_IN_UNDONE else LOGGED_OUT
        straggler = Lineage(current=2, parent=1, newest=2, handed_out_at=0, fingerprint=b"")
        asked = Presented(serial=1, parent=0, now=0, fingerprint=b"", grace=max(1, rules.times.grace))
        pair = decide(rules.renewal_table, straggler, asked).pair
        assert pair is not None
        self.marks = (True,) if pair.marked else (True, False)
        self.start = State(frozenset({1}), Token(1, 0, marked=False), 1, AT_FIRST, 0, ())

    def moves(self, state: State) -> Iterator[Move]:
        yield self._tick(state)
        yield from self._sends(state)
        for place, message in enumerate(state.messages):
            if not place or message != state.messages[place - 1]:
                rest = state._replace(messages=state.messages[:place] + state.messages[place + 1 :])
                yield from self._goes_on(rest, message)

    def normal(self, state: State) -> State:
        return state._replace(messages=tuple(sorted(state.messages)))

    # Time passes

    def _tick(self, state: State) -> Move:
        kept = tuple(later for message in state.messages if (later := self._later(message)) is not None)
        since = min(state.since + 1, self.house.within + 1) if state.done >= self.looks_from else 0
        return TICK, state._replace(access=self._older(state.access), since=since, messages=kept), ""

    def _older(self, token: Token) -> Token:
        return token._replace(age=min(token.age + 1, self.dead)) if token.session else NO_TOKEN

    def _later(self, message: Message) -> Message | None:
        kind, age, access = message.kind, message.age + 1, self._older(message.access)
        if kind in LEAVES_AS:
            age = min(age, self.rules.times.in_time + 1)
            held = message._replace(age=age, access=access)
            return held if self._leaves(held) is not Leaves.NO else None
        way = self.house.q if kind in (REQUEST, LOG_OUT, LOG_IN) else self.house.r
        return message._replace(age=age, access=access) if age <= way else None

    # The browser

    def _sends(self, state: State) -> Iterator[Move]:
        house, done = self.house, state.done
        if len(state.messages) >= house.in_flight:
            return
        if state.access.session or state.refresh:
            event = ("the browser sends a request: A of session {}, R of session {}", state.access[0], state.refresh)
            yield event, self._under_way(state, self._sent(state, REQUEST)), ""
        if house.log_out and done == AT_FIRST and state.refresh == 1:
            after = state._replace(done=LOGGING_OUT)
            yield ("the user logs out",), self._under_way(after, self._sent(state, LOG_OUT)), ""
        if house.log_in and done == (LOGGED_OUT if house.log_out else AT_FIRST):
            after = state._replace(done=LOGGING_IN)
            yield ("the user logs in",), self._under_way(after, self._sent(state, LOG_IN)), ""

    def _sent(self, state: State, kind: str) -> Message:
        return Message(kind, 0, state.access, state.refresh, state.done)

    def _under_way(self, state: State, *messages: Message) -> State:
        return state._replace(messages=(*state.messages, *messages))

    # The server

    def _goes_on(self, state: State, message: Message) -> Iterator[Move]:
        kind = message.kind
        if kind == REQUEST:
            yield from self._first_verb(state, message)
        elif kind == LOG_OUT:
            after = state._replace(alive=state.alive - {message.refresh})
            ends = message._replace(kind=ENDS, age=0, access=NO_TOKEN, refresh=NONE)
            yield ("the server ends session {}", message.refresh), self._under_way(after, ends), ""
        elif kind == LOG_IN:
            after = state._replace(alive=state.alive - {message.refresh} | {2})
            begins = message._replace(kind=BEGINS, age=0, access=Token(2, 0, marked=False), refresh=2)
            yield ("session 2 begins, that of the request ends",), self._under_way(after, begins), ""
        elif kind in LEAVES_AS:
            yield from self._headers_leave(state, message)
        else:
            yield self._arrives(state, message)

    def _course(self, message: Message) -> Course:
        access = message.access
        seen = AccessCookie(str(access.session), self.house.life - access.age) if access.session else None
        handle = str(message.refresh) if message.refresh else None
        return self.rules.course_of(handle, seen, waited=0, large=False, times=self.rules.times)

    def _first_verb(self, state: State, message: Message) -> Iterator[Move]:
        course = self._course(message)
        if course is Course.TRY_REFRESH:
            yield ("a request is told to refresh, nothing is deleted",), state, ""
            return
        renews = course is Course.RENEW
        session = message.refresh if renews else message.access.session
        asks = renews or course is Course.VERIFY_WITH_RECORD or message.access.marked or self.house.checks_database
        if asks and session not in state.alive:
            cleared = message._replace(kind=CLEARING_HELD, age=0, access=NO_TOKEN, refresh=NONE)
            yield ("session {} has ended: unauthorised", session), self._under_way(state, cleared), ""
            return
        wrong = self._wrongly_served(message, session)
        held = message._replace(age=0, refresh=session)
        if renews:
            for marked in self.marks:
                pair = held._replace(kind=PAIR_HELD, access=Token(session, 0, marked))
                what = "a marked" if marked else "an unmarked"
                event: Event = ("session {} is renewed, with {} access token", session, what)
                yield event, self._under_way(state, pair), wrong
            return
        yield ("a request is served on session {}", session), state, wrong
        if session in state.alive:
            unmarked = message.access._replace(marked=False)
            if message.access.marked:
                token = held._replace(kind=TOKEN_HELD, access=unmarked)
                if self._leaves(token) is not Leaves.NO:
                    event = ("a request is served on session {}, its access token re-issued", session)
                    yield event, self._under_way(state, token), wrong
            changed = held._replace(kind=PAYLOAD_HELD, access=unmarked)
            if self._leaves(changed) is not Leaves.NO:
                event = ("a request is served on session {}, its view changes the payload", session)
                yield event, self._under_way(state, changed), wrong

    def _wrongly_served(self, message: Message, session: int) -> str:
        if session != 1 or message.sent_in < LOGGED_OUT:
            return ""
        if self.house.violation == SERVED_AFTER_LOG_OUT and self.house.log_out:
            return SERVED_AFTER_LOG_OUT
        wrong = self.house.violation == SERVED_AFTER_LOG_IN and message.sent_in == LOGGED_IN
        return SERVED_AFTER_LOG_IN if wrong else ""

    def _leaves(self, held: Message) -> Leaves:
        times, waited, left = self.rules.times, held.age, self.house.life - held.access.age
        if held.kind == TOKEN_HELD:
            may = self.rules.reissue_may_leave(waited=waited, life_left=left, times=times)
        elif held.kind == PAYLOAD_HELD:
            return self.rules.payload_may_leave(waited=waited, life_left=left, renewed=False, times=times)
        else:
            may = self.rules.is_in_time(waited, times)
        return Leaves.YES if may else Leaves.NO

    def _headers_leave(self, state: State, held: Message) -> Iterator[Move]:
        leaves = self._leaves(held)
        kind, session = LEAVES_AS[held.kind], held.access.session
        if leaves is Leaves.YES or (leaves is Leaves.IF_RECORD_EXISTS and session in state.alive):
            event = ("headers leave with a {} of session {}, {} after the request came in", kind, session, held.age)
            yield event, self._under_way(state, held._replace(kind=kind, age=0)), ""
        else:
            yield ("headers leave late, with nothing",), state, ""

    # The jar

    def _arrives(self, state: State, message: Message) -> Move:
        kind = message.kind
        if kind == TOKEN:
            after = state._replace(access=message.access)
        else:
            after = state._replace(access=message.access, refresh=message.refresh)
        if kind == BEGINS:
            after = after._replace(done=LOGGED_IN)
        elif kind == ENDS:
            after = after._replace(done=max(LOGGED_OUT, state.done))
        event = ("the jar stores: A of session {}, R of session {}", after.access[0], after.refresh)
        return event, after, self._wrongly_stored(state, after)

    def _wrongly_stored(self, before: State, after: State) -> str:
        if before.done < self.looks_from or before.since <= self.house.within:
            return ""
        access, refresh, looks_for = after.access, after.refresh, self.house.violation
        if looks_for == LOG_IN_UNDONE and before.refresh == 2 != refresh:
            return LOG_IN_UNDONE
        counts = refresh == access.session == 1 and not access.marked and access.age <= self.house.life
        return COMES_BACK if looks_for == COMES_BACK and counts else ""
