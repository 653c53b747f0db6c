# SPDX-License-Identifier: Apache-2.0
"""A browser without script: as many tabs as it likes, one jar, no lock. And headers, which leave when a view ends."""

from __future__ import annotations

from collections.abc import Iterator

from .pages_rules import PageJudge
from .pages_state import (
    BY_THE_LIBRARY,
    LIBRARY_CALL,
    LIBRARY_PAIR,
    LIBRARY_REFRESH,
    PAIR,
    PAIR_HELD,
    PAYLOAD_HELD,
    REQUEST,
    TOKEN,
    UPLOAD,
    Jar,
    Message,
    Move,
    State,
)

Rest = tuple[Message, ...]


class PageBrowser:
    def __init__(self, judge: PageJudge) -> None:
        self.judge = judge
        self.site = judge.site
        site, times = judge.site, judge.rules.times
        # A younger token cannot die before its request's first verb, or not in time; and nothing else makes it matter.
        self.matters_from = 0 if site.every_age else site.life - site.q - times.in_time - max(site.clocks)

    def sends(self, state: State) -> Iterator[Move]:
        site = self.site
        if len(state.messages) >= site.in_flight:
            return
        jar = state.jar
        dead = " (dead)" if self.judge.is_dead(jar.age) else ""
        about = (jar.access_serial, "'" if jar.marked else "", dead, jar.serial)
        request = Message(REQUEST, 0, *jar)
        if jar.age >= self.matters_from or jar.marked or state.left.payloads or site.idle:
            yield ("the browser sends a request with A{}{}{} and R{}", *about), self._with(state, request), ""
        if state.left.uploads:
            left = state.left.after("uploads")
            upload = request._replace(kind=UPLOAD, flag=True)
            after = self._with(state, upload)._replace(left=left)
            yield ("the browser sends an upload with A{}{}{} and R{}", *about), after, ""
        if site.library:
            yield from self._library_sends(state)

    def _with(self, state: State, message: Message) -> State:
        return state._replace(messages=(*state.messages, message))

    def _library_sends(self, state: State) -> Iterator[Move]:
        jar = state.jar
        if self.site.library_calls and jar.marked and not self.judge.is_dead(jar.age):
            call = Message(LIBRARY_CALL, 0, *jar)
            yield ("the library sends a call with marked A{}", jar.access_serial), self._with(state, call), ""
        if any(message.kind in BY_THE_LIBRARY for message in state.messages):
            return  # its lock
        if state.library:
            refresh = Message(LIBRARY_REFRESH, 0, *jar)
            after = self._with(state, refresh)._replace(library=0)
            yield ("the library sends refresh R{}", jar.serial), after, ""
        elif self.judge.is_dead(jar.age):
            yield ("a call of the library with a dead token is told to refresh",), state._replace(library=1), ""

    # Headers leave

    def headers_leave(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        kind, age, serial, looks = message.kind, message.age, message.serial, message.token_age + message.clock
        if kind is PAIR_HELD:
            yield ("the view with pair {} is aborted", serial), state._replace(messages=rest), ""
            if self.judge.pair_leaves(age):
                event = ("headers leave with pair {}, {} after the request came in", serial, age)
                yield event, state._replace(messages=(*rest, message._replace(kind=PAIR, age=0, clock=0))), ""
            elif self.judge.rules.late_pair is not None:
                yield from self._leaves_late(state, rest, message)
            return
        if kind is PAYLOAD_HELD:
            may, what = self.judge.payload_leaves(age, looks, message.flag), "the changed payload in "
        else:
            may, what = message.flag or self.judge.token_leaves(age, looks), ""
        if may:
            event = (f"headers leave with {what}A{{}} of age {{}}", message.access_serial, message.token_age)
            yield event, state._replace(messages=(*rest, message._replace(kind=TOKEN, age=0, flag=False, clock=0))), ""

    def _leaves_late(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        """Only in variants: the product drops what is late."""
        assert self.judge.rules.late_pair is not None
        found = self.judge.rules.late_pair(self.judge.pages, state.record, message)
        if found is None:
            yield ("headers leave late, without pair {}", message.serial), state._replace(messages=rest), ""
            return
        pair, record = found
        event = ("headers leave late: the renewal had pair {}, pair {} is sent", message.serial, pair.serial)
        sent = Message(PAIR, 0, *pair[:2], *pair[:2], pair.marked, 0)
        yield event, state._replace(record=record, messages=(*rest, sent)), ""

    # Headers arrive

    def receives(self, state: State, rest: Rest, message: Message) -> Iterator[Move]:
        jar, kind, serial, parent = state.jar, message.kind, message.serial, message.parent
        if kind is PAIR or kind is LIBRARY_PAIR:
            stored = Jar(serial, parent, serial, parent, message.marked, message.token_age)
            event: tuple[object, ...] = ("the jar stores pair {} (A of age {})", serial, message.token_age)
        else:
            access = (serial, parent) if message.marked else (jar.serial, jar.parent)
            stored = Jar(jar.serial, jar.parent, *access, message.marked, message.token_age)
            event = ("the jar stores {}, of age {}", "a marked A" if message.marked else "an A", message.token_age)
        yield event, state._replace(jar=stored, messages=rest), ""
