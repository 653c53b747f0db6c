# SPDX-License-Identifier: Apache-2.0
"""The application's side: first verbs by the product's rules, workers that write by compare-and-swap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supertokens.engine.renewal import Course

from .pages_rules import HANDLE, PageJudge
from .pages_state import (
    ALWAYS,
    ARRIVED,
    LIBRARY_PAIR,
    PAIR_HELD,
    PAYLOAD_HELD,
    RENEWING,
    TOKEN_HELD,
    VERIFYING,
    Message,
    Move,
    State,
)
from .rules import Record, Ruling
from .server import THEFT, broken_claim

REFUSED: Final = "refused for this request"
Rest = tuple[Message, ...]


class PageServer:
    def __init__(self, judge: PageJudge) -> None:
        self.judge = judge
        self.site = judge.site

    def first_verb(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        for clock in self.site.clocks:
            course = self.judge.course(message.token_age + clock, message.age, message.flag)
            asked = message._replace(clock=clock)
            if course is Course.VERIFY and message.marked:
                yield from self._starts(state, rest, asked._replace(kind=VERIFYING))
            elif course is Course.VERIFY:
                yield from self._serves(state, rest, asked)
            elif course is Course.RENEW:
                yield from self._starts(state, rest, asked._replace(kind=RENEWING))
            else:
                assert course is Course.SERVE_BY_RECORD, "both cookies came, of one session"
                yield self._serves_by_record(state, rest, asked)

    def _starts(self, state: State, rest: Rest, worker: Message) -> Iterator[Move]:
        if self.site.gap is None:
            yield from self.swaps(state, rest, worker)
            return
        event = (f"a worker reads the record, {worker.kind} with R{{}}", worker.serial)
        yield event, state._replace(messages=(*rest, worker._replace(read=state.record))), ""

    def swaps(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        """A worker decides on what it read, and writes; or it has lost the race, and reads again."""
        renews, read = message.kind is RENEWING, message.read
        ask = self.judge.pages.refresh if renews else self.judge.pages.verify
        token = message[2:4] if renews else message[4:6]
        ruling = ask(read or state.record, *token, 0, message.clock - message.since)
        if read is not None and ruling.write is not None:
            key = self.judge.pages.swap_key
            if key(read) != key(state.record):
                again = message._replace(read=state.record, since=0)
                event = ("the worker for R{} lost the race and reads again", message.serial)
                yield event, state._replace(messages=(*rest, again)), ""
                return
        yield from (self._renews if renews else self._verifies)(state, rest, message, ruling)

    def _renews(self, state: State, rest: Rest, message: Message, ruling: Ruling) -> Iterator[Move]:
        pair, serial, parent, clock = ruling.pair, message.serial, message.parent, message.clock
        text = "the request with R{} (parent {}), {} after it came in, renews{} by row {}: {}"
        about = (serial, parent, message.age, _by(clock), ruling.row)
        if pair is None:
            yield (text, *about, "theft"), state, THEFT
            return
        event = (text, *about, f"pair {pair.serial}")
        record = ruling.write or state.record
        if self.judge.rules.confirms_own_child:
            record = self.judge.pages.verify(record, pair.serial, pair.parent, 0, clock).write or record
        asked = message[2:4] if self.judge.rules.asks_with else pair[:2]
        age = message.since - clock  # of a token that is dated by this host when it reads
        held = Message(PAIR_HELD, message.age, pair.serial, pair.parent, *asked, pair.marked, age, clock=clock)
        extends = self.judge.extends(ruling.row, pair, ruling.write is not None)
        after = self.written(state, rest, record, extends=extends)
        broken = broken_claim(state.record, record)
        yield event, after._replace(messages=(*after.messages, held)), broken
        left = state.left
        if left.payloads and self.judge.payload_leaves(self.judge.rules.times.in_time + 1, 0, renewed=True):
            fewer = left.after("payloads")
            changes = (*after.messages, held._replace(flag=True))
            yield (
                (f"{text}, and its view changes the payload", *event[1:]),
                after._replace(messages=changes, left=fewer),
                broken,
            )
        if left.crashes and ruling.write is not None and ruling.row in self.site.crash_rows:
            fewer = left.after("crashes")
            lost = state._replace(messages=(*rest, held), left=fewer)
            yield (f"{text} [the write is lost in a crash]", *event[1:]), lost, ""

    def _verifies(self, state: State, rest: Rest, message: Message, ruling: Ruling) -> Iterator[Move]:
        serial, parent, clock = message.access_serial, message.access_parent, message.clock
        text = "the request, {} after it came in, shows marked A{} (parent {}){}: verify's row {}"
        about = (message.age, serial, parent, _by(clock), ruling.row)
        after = self.written(state, rest, ruling.write or state.record, extends=ruling.accepted)
        marked = not ruling.confirmed
        broken = broken_claim(state.record, after.record)
        token = Message(TOKEN_HELD, message.age, serial, parent, serial, parent, marked, message.token_age, clock=clock)
        if not marked and self.judge.token_leaves(message.age, message.token_age + clock):
            yield (f"{text}, re-issued", *about), after._replace(messages=(*after.messages, token)), broken
        else:
            yield (text, *about), after, broken
        yield from self._changes_payload(after, token, (text, *about), broken)

    def _serves(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        after = self.used(state._replace(messages=rest))
        text = "the request, {} after it came in, is served: A of age {} is alive"
        event = (text, message.age, message.token_age)
        yield event, after, ""
        token = Message(TOKEN_HELD, message.age, 0, 0, 0, 0, False, message.token_age, clock=message.clock)
        yield from self._changes_payload(after, token, event, "")

    def _changes_payload(self, after: State, token: Message, event: tuple[object, ...], broken: str) -> Iterator[Move]:
        left = after.left
        if left.payloads and self.judge.payload_leaves(token.age, token.token_age + token.clock, renewed=False):
            fewer = left.after("payloads")
            messages = (*after.messages, token._replace(kind=PAYLOAD_HELD))
            event = (f"{event[0]}, and its view changes the payload", *event[1:])
            yield event, after._replace(messages=messages, left=fewer), broken

    def _serves_by_record(self, state: State, rest: Rest, message: Message) -> Move:
        serial, parent = message.serial, message.parent
        late = message.came_in + self.judge.rules.times.grace
        looks = message.token_age + message.clock
        served = self.judge.serves(state.record, serial, parent, late, looks, message.flag)
        text = "the request with R{} (parent {}), {} after it came in, is {} by the record"
        event = (text, serial, parent, message.age, "served" if served else "refused")
        is_violation = self.site.verb_within is not None and not served
        return event, state._replace(messages=rest), REFUSED if is_violation else ""

    def written(self, state: State, rest: Rest, record: Record, *, extends: bool) -> State:
        """The state with another record in the store."""
        if self.site.verb_within is not None and record[3:] != state.record[3:]:
            came_in = int(record.age >= self.judge.pages.long_ago)
            rest = tuple(m._replace(came_in=came_in) if m.kind is ARRIVED else m for m in rest)
        after = self.used(state._replace(record=record, messages=rest))
        return after._replace(lives=self.site.idle) if extends else after

    def used(self, state: State) -> State:
        return state._replace(unused=0) if state.unused else state

    # A browser library on the same pages

    def library_refreshes(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        for clock in self.site.clocks:
            access = self.judge.access(message.token_age + clock)
            if self.judge.rules.rotates_nothing(HANDLE, access):
                event = ("the library's refresh R{} comes beside a living A: nothing rotates", message.serial)
                yield event, state._replace(messages=rest), ""
                continue
            ruling = self.judge.library.refresh(state.record, message.serial, message.parent, 0, clock)
            text = "the library's refresh R{} (parent {}) is answered{} by row {}: {}"
            about = (text, message.serial, message.parent, _by(clock), ruling.row)
            if ruling.pair is None:
                yield (*about, "theft"), state, THEFT
                continue
            pair = ruling.pair
            answer = Message(LIBRARY_PAIR, 0, *pair[:2], *pair[:2], pair.marked, -clock)
            after = self.written(state, rest, ruling.write or state.record, extends=ruling.accepted)
            broken = broken_claim(state.record, after.record)
            yield (*about, f"pair {pair.serial}"), after._replace(messages=(*after.messages, answer)), broken

    def library_calls(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        """A call with a marked token, which may be living."""
        for clock in self.site.clocks:
            looks = message.token_age + clock
            if not self.judge.access(looks).is_living:
                yield ("the library's call is told to refresh",), state._replace(messages=rest, library=1), ""
                continue
            serial, parent = message.access_serial, message.access_parent
            ruling = self.judge.library.verify(state.record, serial, parent, 0, clock)
            after = self.written(state, rest, ruling.write or state.record, extends=ruling.accepted)
            event = ("the library's call shows marked A{} (parent {}): verify's row {}", serial, parent, ruling.row)
            always = self.site.library_calls is ALWAYS
            if ruling.confirmed and (always or self.judge.token_leaves(0, looks)):
                token = Message(TOKEN_HELD, 0, serial, parent, serial, parent, False, message.token_age, always)
                after = after._replace(messages=(*after.messages, token._replace(clock=clock)))
            yield event, after, broken_claim(state.record, after.record)


def _by(clock: int) -> str:
    return f" (clock {clock:+d})" if clock else ""
