# SPDX-License-Identifier: Apache-2.0
"""Time passes, and messages are lost or come twice.

Every message has an age of its own and may arrive at any moment until it is lost: delivering all of them before a
tick would hide violations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .rules import Judge
from .state import CALL, CALLING, CHANGED, PAIR, REFRESH, REFRESHING, STORING, TOKEN, Jar, Message, Move, State, World

TICK: Final = ("tick",)
CARRYING: Final = frozenset({CALL, CHANGED, CALLING, TOKEN})
"""What carries an access token of some age. A pair's was made with it."""
SCRIPT_WITHIN: Final = 1
"""A page that is not frozen stores its value within this many ticks."""


class Network:
    def __init__(self, judge: Judge, world: World) -> None:
        self.older = judge.older
        self.world = world
        gap = world.gap or 0
        self.way = {
            REFRESH: world.q,
            CALL: world.q,
            CHANGED: world.q,
            PAIR: world.r,
            TOKEN: world.r,
            REFRESHING: gap,
            CALLING: gap,
            STORING: SCRIPT_WITHIN,
        }

    def tick(self, state: State) -> Iterator[Move]:
        """Everything grows older; no tick passes while a page's script must run."""
        record, jar, messages, left, hint, backup, disk = state
        frozen = self.world.frozen
        kept = []
        for message in messages:
            if message.kind is STORING:
                if message.age >= SCRIPT_WITHIN and not frozen:
                    return
                kept.append(message._replace(age=min(message.age + 1, SCRIPT_WITHIN)))
            elif (later := self._later(message)) is not None:
                kept.append(later)
        age = min(jar.age + 1, self.world.life)
        older = self.older
        yield (
            TICK,
            State(
                older(record),
                Jar(jar[0], jar[1], jar[2], jar[3], jar[4], age, jar[6]),
                tuple(kept),
                left,
                hint,
                backup and older(backup),
                disk and older(disk),
            ),
            "",
        )

    def _later(self, message: Message) -> Message | None:
        kind, age, serial, parent, hint, value, read, token_age = message
        if age >= self.way[kind]:
            return None
        if kind in CARRYING:
            token_age += 1
            if kind in (CALL, CHANGED) and token_age >= self.world.life:
                return None  # its access token dies under way: the answer is "try refresh", which is no news
        if read is not None:
            value, read = (0 if self.world.clock_at_swap else value + 1), self.older(read)
        return Message(kind, age + 1, serial, parent, hint, value, read, min(token_age, self.world.life))

    def duplicate(self, state: State, message: Message) -> Iterator[Move]:
        """The network delivers a request twice."""
        left = state.left
        if message.kind in (REFRESH, CALL, CHANGED) and len(state.messages) < self.world.in_flight:
            event = (f"the network duplicates the {message.kind} of {{}}", message.serial)
            after = state._replace(
                messages=(*state.messages, message), left=left._replace(duplicates=left.duplicates - 1)
            )
            yield event, after, ""
