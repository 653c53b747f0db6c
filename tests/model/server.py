# SPDX-License-Identifier: Apache-2.0
"""The workers: they read a record, ask the product's rules, and write by compare-and-swap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supertokens.engine.rotation import Pair

from .rules import Judge, Record
from .state import CALL, CALLING, CHANGED, PAIR, REFRESH, REFRESHING, TOKEN, Event, Message, Move, State, World

THEFT: Final = "theft"
UNAUTHORISED: Final = "unauthorised"


def broken_claim(before: Record, after: Record) -> str:
    """Claim 3 for one write: which part of it is broken, or ""."""
    if after.current < before.current:
        return "current decreased"
    if after.newest < before.newest:
        return "newest decreased"
    if after.current > after.newest:
        return "current > newest"
    if after.parent >= after.current:
        return "parent >= current"
    return ""


def broken_pair(pair: Pair, record: Record) -> str:
    """What is wrong with a pair that is handed out while `record` is stored, or ""."""
    if pair.serial <= pair.parent:
        return "child <= parent"
    if pair.marked != (pair.serial > record.current):
        return "marked without need" if pair.marked else "pending without the marker"
    return ""


class Server:
    def __init__(self, judge: Judge, world: World) -> None:
        self.judge = judge
        self.world = world

    def reads(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        """A worker takes a request up and reads the record for it."""
        kind = REFRESHING if message.kind is REFRESH else CALLING
        worker = Message(kind, 0, message.serial, message.parent, message.hint, 0, state.record, message.token_age)
        event = (f"a worker reads the record for the {message.kind} of {{}}", message.serial)
        yield event, state._replace(messages=(*rest, worker)), ""

    def _reads_again(self, state: State, rest: tuple[Message, ...], message: Message) -> Move:
        worker = message._replace(value=0, read=state.record)
        event = ("the worker for {} lost the race and reads again", message.serial)
        return event, state._replace(messages=(*rest, worker)), ""

    def refreshes(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        """A refresh is decided, on the record itself or on what a worker read of it, and written."""
        record, jar, _, left, hint, backup, disk = state
        read = message.read
        since = 0 if read is None else message.value
        for clock in self.world.clocks:
            ruling = self.judge.refresh(read or record, message.serial, message.parent, message.hint, clock - since)
            write, pair = ruling.write, ruling.pair
            if write is not None and read is not None and self.judge.swap_key(read) != self.judge.swap_key(record):
                yield self._reads_again(state, rest, message)
                continue
            if pair is None:
                yield self._refreshed(message, ruling.row, clock, "theft"), state, THEFT
                continue
            if self._too_far(pair.serial, backup) or self._too_far(pair.serial, disk):
                continue
            event = self._refreshed(message, ruling.row, clock, f"pair {pair.serial}")
            after = record if write is None else write
            broken = broken_pair(pair, after) or broken_claim(record, after)
            messages = (*rest, Message(PAIR, 0, pair.serial, pair.parent, 0, int(pair.marked)))
            kept = write if disk is not None and ruling.accepted else disk
            yield event, State(after, jar, messages, left, hint, backup, kept), broken
            if left.crashes and write is not None and self._may_be_lost(record, ruling.row):
                fewer = left._replace(crashes=left.crashes - 1)
                event = (f"{event[0]} [the write is lost in a crash]", *event[1:])
                yield event, State(record, jar, messages, fewer, hint, backup, disk), ""

    def verifies(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        """A call with a marked access token is decided like a refresh, and its accept is written by the same swap."""
        record, jar, _, left, hint, backup, disk = state
        read = message.read
        since = 0 if read is None else message.value
        for clock in self.world.clocks:
            ruling = self.judge.verify(read or record, message.serial, message.parent, message.hint, clock - since)
            lost = read is not None and self.judge.swap_key(read) != self.judge.swap_key(record)
            if ruling.write is not None and lost and self.judge.rules.verify_swaps:
                yield self._reads_again(state, rest, message)
                continue
            after = record if ruling.write is None else ruling.write
            messages = (*rest, *self._token_for(message)) if ruling.confirmed else rest
            kept = ruling.write if disk is not None and ruling.accepted else disk
            event = self._verified(message, ruling.row, clock, ruling.confirmed)
            yield event, State(after, jar, messages, left, hint, backup, kept), broken_claim(record, after)

    def serves_a_change(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        """A call under blacklisting whose token does not have the payload that is stored: no rule is asked."""
        event = ("the server answers the call with A{}: new access token", message.serial)
        yield event, state._replace(messages=(*rest, *self._token_for(message))), ""

    def _token_for(self, message: Message) -> tuple[Message, ...]:
        """The access token that a verify issues, where enough is left of the shown one's life; otherwise none goes."""
        if self.world.life - message.token_age < self.world.least_left():
            return ()
        token_age = 0 if self.world.new_life else message.token_age
        return (Message(TOKEN, 0, message.serial, message.parent, token_age=token_age),)

    def _may_be_lost(self, record: Record, row: int) -> bool:
        """Whether a crash can take this write back, though it was acknowledged."""
        if row == 3 and self.world.second_mint_is_durable and record.newest > record.current:
            return False
        return row in self.world.crash_rows

    def _too_far(self, serial: int, older: Record | None) -> bool:
        """A bound of the search: how many serials the store may be ahead of its backup, or of its disk."""
        return older is not None and serial > older.newest + self.world.ahead

    def _refreshed(self, message: Message, row: int, clock: int, answer: str) -> Event:
        text = "the server{} answers refresh R{} (parent {}) by row {}: {}"
        return (text, self._by(clock), message.serial, message.parent, row, answer)

    def _verified(self, message: Message, row: int, clock: int, confirmed: bool) -> Event:
        answer = ": new access token" if confirmed else ""
        text = "the server{} answers the call with A{} (parent {}) by verify's row {}{}"
        return (text, self._by(clock), message.serial, message.parent, row, answer)

    def _by(self, clock: int) -> str:
        return f" (clock {clock:+d})" if clock else ""

    def refuses(self, state: State, message: Message) -> Iterator[Move]:
        event = ("the server refuses refresh R{} with the value of {}", message.serial, message.value)
        yield event, state, UNAUTHORISED

    def answers(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        """What a request, or a worker that has read for it, leads to."""
        if message.kind is CHANGED:
            return self.serves_a_change(state, rest, message)
        if message.kind in (REFRESH, CALL) and self.world.gap is not None:
            return self.reads(state, rest, message)
        if message.kind in (REFRESH, REFRESHING):
            return self.refreshes(state, rest, message)
        return self.verifies(state, rest, message)
