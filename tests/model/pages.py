# SPDX-License-Identifier: Apache-2.0
"""One honest browser whose parallel requests each may renew, and its site: every run that the circumstances allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from supertokens.engine.renewal import Course

from .network import TICK
from .pages_browser import PageBrowser
from .pages_rules import PageJudge, PageRules
from .pages_server import PageServer
from .pages_state import (
    ARRIVED,
    LIBRARY_CALL,
    LIBRARY_PAIR,
    LIBRARY_REFRESH,
    ON_THE_WAY,
    PAIR,
    PAIR_HELD,
    PAYLOAD_HELD,
    RENEWING,
    REQUEST,
    TOKEN,
    TOKEN_HELD,
    UPLOAD,
    VERIFYING,
    Jar,
    Message,
    Move,
    Site,
    State,
)
from .rules import Record
from .serials import renumbering
from .server import UNAUTHORISED

HEADERS: Final = frozenset({PAIR, TOKEN, LIBRARY_PAIR})
HELD: Final = frozenset({PAIR_HELD, TOKEN_HELD, PAYLOAD_HELD})


class Pages:
    """The system to explore. A violation is theft, unauthorised, a broken part of claim 3; or, where the
    circumstances ask for it, a request that is refused."""

    def __init__(self, rules: PageRules, site: Site) -> None:
        self.judge = PageJudge(rules, site)
        self.site = site
        self.browser = PageBrowser(self.judge)
        self.server = PageServer(self.judge)
        self.older = self.judge.pages.older
        self.dead = site.life - min(site.clocks) + 1
        """an age at which nothing changes any more"""
        if site.verb_within is not None and site.uploads:
            self.dead += rules.times.upload_grace
        self.late = max(rules.times.in_time, site.verb_within or 0) + 1
        self.start = State(
            self.judge.pages.start, Jar(1, 0, 1, 0, marked=False, age=0), (), site.budget(), 0, site.idle, 0
        )

    def moves(self, state: State) -> Iterator[Move]:
        if not (state.unused and state.unused >= self.site.pause):
            yield self._tick(state)
        if self.site.idle and not state.lives:
            return
        yield from self.browser.sends(state)
        messages = state.messages
        for place, message in enumerate(messages):
            if not place or message != messages[place - 1]:
                yield from self._goes_on(state, messages[:place] + messages[place + 1 :], message)

    def _goes_on(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        kind = message.kind
        if kind is REQUEST or kind is UPLOAD:
            return self._arrives(state, rest, message)
        if kind is ARRIVED:
            return self.server.first_verb(state, rest, message)
        if kind in HELD:
            return self.browser.headers_leave(state, rest, message)
        if kind in HEADERS:
            return self.browser.receives(state, rest, message)
        if kind is LIBRARY_REFRESH:
            return self.server.library_refreshes(state, rest, message)
        if kind is LIBRARY_CALL:
            return self.server.library_calls(state, rest, message)
        return self.server.swaps(state, rest, message)

    def _arrives(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        came_in = int(self.site.verb_within is not None and state.record.age > self.judge.rules.times.grace)
        arrived = message._replace(kind=ARRIVED, age=0, came_in=came_in)
        what = "upload" if message.flag else "request"
        yield (f"the {what} with R{{}} comes in", message.serial), state._replace(messages=(*rest, arrived)), ""

    # Time passes

    def _tick(self, state: State) -> Move:
        kept = [later for message in state.messages if (later := self._later(message)) is not None]
        lives, unused, violation = state.lives, state.unused, ""
        if self.site.idle:
            lives, unused = lives - 1, unused + 1
            violation = "" if lives else UNAUTHORISED
        jar = state.jar._replace(age=min(state.jar.age + 1, self.dead))
        told = state.library
        library = 0 if told > self.site.q + self.site.r else told + 1 if told else 0
        return TICK, State(self.older(state.record), jar, tuple(kept), state.left, library, lives, unused), violation

    def _later(self, message: Message) -> Message | None:
        """The message one tick older, or None if it is lost, or can do nothing any more."""
        kind, age, token_age = message.kind, message.age + 1, min(message.token_age + 1, self.dead)
        if kind is UPLOAD:
            return message._replace(token_age=token_age)
        if kind in (REQUEST, LIBRARY_REFRESH, LIBRARY_CALL):
            return message._replace(age=age, token_age=token_age) if age <= self.site.q else None
        if kind in HEADERS:
            return message._replace(age=age, token_age=token_age) if age <= self.site.r else None
        age = min(age, self.late)
        if kind is ARRIVED:
            return self._waits(message._replace(age=age, token_age=token_age))
        if kind in HELD:
            return self._held(message._replace(age=age, token_age=token_age))
        if message.since + 1 > (self.site.gap or 0):
            return None
        read = message.read and self.older(message.read)
        return message._replace(age=age, token_age=token_age, read=read, since=message.since + 1)

    def _waits(self, message: Message) -> Message | None:
        if self.site.verb_within is not None:
            return message if message.age <= self.site.verb_within else None
        late = message.age > self.judge.rules.times.in_time or message.flag
        if not late or not self.judge.is_dead(message.token_age):
            return message
        # By the record it is served or refused: nothing is written or sent.
        by_record = self.judge.course(message.token_age, message.age, message.flag) is Course.SERVE_BY_RECORD
        return None if by_record else message

    def _held(self, message: Message) -> Message | None:
        kind, age, looks = message.kind, message.age, message.token_age + message.clock
        if kind is PAIR_HELD:
            if self.judge.pair_leaves(age) or self.judge.rules.late_pair is not None:
                return message
            if message.flag:  # its payload goes out alone
                child = message[2:4]
                return Message(PAYLOAD_HELD, age, *child, *child, *message[6:8], flag=True, clock=message.clock)
            return None
        if kind is PAYLOAD_HELD:
            return message if self.judge.payload_leaves(age, looks, message.flag) else None
        if message.flag:
            return None if self.judge.is_dead(message.token_age) else message
        return message if self.judge.token_leaves(age, looks) else None

    # One name for many

    def normal(self, state: State) -> State:
        record, jar, messages, left, library, lives, unused = state
        if not jar.marked or self.judge.is_dead(jar.age):
            jar = Jar(jar.serial, jar.parent, jar.serial, jar.parent, False, jar.age)
        messages = tuple([self._plain(message, record) for message in messages])
        alive = {record[0], record[1], record[2], jar[0], jar[1], jar[2], jar[3]}
        for message in messages:
            alive.update(message[2:6])
            if message.read is not None:
                alive.update(message.read[:3])
        names = renumbering(alive, record[2])
        if names is not None:
            record = _renamed(record, names)
            jar = Jar(names[jar[0]], names[jar[1]], names[jar[2]], names[jar[3]], jar[4], jar[5])
            messages = tuple(
                [
                    Message(m[0], m[1], names[m[2]], names[m[3]], names[m[4]], names[m[5]], *m[6:10],
                            m[10] and _renamed(m[10], names), *m[11:])
                    for m in messages
                ]
            )  # fmt: skip
        if len(messages) > 1:
            messages = tuple(sorted(messages))
        return State(record, jar, messages, left, library, lives, unused)

    def _plain(self, message: Message, record: Record) -> Message:
        """The message without what makes no difference any more."""
        kind, _, serial, parent, _, _, marked, token_age = message[:8]
        if kind in ON_THE_WAY or kind is RENEWING or kind is VERIFYING:
            if not marked or self.judge.is_dead(token_age):
                return message._replace(access_serial=serial, access_parent=parent, marked=False)
        elif kind in (TOKEN_HELD, PAYLOAD_HELD, TOKEN) and not marked:
            nobody = record.newest  # whose it was makes no difference; the name is in use anyway
            return message._replace(serial=nobody, parent=nobody, access_serial=nobody, access_parent=nobody)
        elif kind is LIBRARY_REFRESH:
            return message._replace(access_serial=serial, access_parent=parent, marked=False)
        elif kind is PAIR:
            return message._replace(access_serial=serial, access_parent=parent)
        return message


def _renamed(record: Record, names: Mapping[int, int]) -> Record:
    return Record(names[record[0]], names[record[1]], names[record[2]], record[3], record[4])
