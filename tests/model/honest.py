# SPDX-License-Identifier: Apache-2.0
"""One honest browser, its network, the workers and their store: every run that a world allows (claims 1 and 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .browser import Browser
from .disasters import Disasters
from .network import Network
from .rules import Judge, Record, Rules
from .serials import renumbering
from .server import Server
from .state import CHANGED, PAIR, REFRESH, STORING, TOKEN, Jar, Message, Move, State, World

NAMELESS = frozenset({CHANGED, TOKEN})
"""Without the marker an access token is just that: whose it was makes no difference, but for its anti-CSRF value."""


class Honest:
    """The system to explore. A violation is theft, unauthorised, or a broken part of claim 3."""

    def __init__(self, rules: Rules, world: World) -> None:
        judge = Judge(rules, spread=world.spread(), gap=world.gap or 0)
        self.values = bool(world.anti_csrf)
        self.old_reads_win = not rules.verify_swaps or "newest" not in rules.swap_on
        self.browser = Browser(world)
        self.network = Network(judge, world)
        self.server = Server(judge, world)
        self.disasters = Disasters(world)
        jar = Jar(1, 0, 1, 0, marked=False, age=0, value=1)
        disk = judge.start if world.power_cuts else None
        self.start = State(judge.start, jar, (), world.budget(), 0, None, disk)

    def moves(self, state: State) -> Iterator[Move]:
        yield from self.network.tick(state)
        yield from self.browser.sends(state)
        messages = state.messages
        for place, message in enumerate(messages):
            if place and message == messages[place - 1]:
                continue  # of two equal messages it does not matter which one arrives
            if state.left.duplicates:
                yield from self.network.duplicate(state, message)
            yield from self._arrives(state, messages[:place] + messages[place + 1 :], message)
        if state.left.backups or state.left.power_cuts:
            yield from self.disasters.strike(state)

    def _arrives(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        kind = message.kind
        if kind is PAIR:
            return self.browser.receives_pair(state, rest, message)
        if kind is TOKEN:
            return self.browser.receives_token(state, rest, message)
        if kind is STORING:
            return self.browser.runs_script(state, rest, message)
        if kind is REFRESH and not self.browser.shows_a_right_value(message):
            return self.server.refuses(state, message)
        return self.server.answers(state, rest, message)

    def normal(self, state: State) -> State:
        """The name that `state` shares with all states that behave alike."""
        record, jar, messages, left, hint, backup, disk = state
        values = self.values
        alive = {record[0], record[1], record[2], jar[0], jar[1], jar[2], jar[3]}
        floor = record[2]
        if values:
            alive.add(jar[6])
        nameless = False
        for kind, _, serial, parent, _, value, read, _ in messages:
            if kind in NAMELESS and not values:
                nameless = True
                continue
            alive.add(serial)
            alive.add(parent)
            if read is not None:
                alive.update(read[:3])
                if self.old_reads_win:
                    floor = min(floor, read[2])
            elif values and kind is REFRESH:
                alive.add(value)
        for stored in (backup, disk):
            if stored is not None:
                alive.update(stored[:3])
                floor = min(floor, stored[2])
        if nameless:
            messages = tuple([m._replace(serial=0, parent=0) if m[0] in NAMELESS else m for m in messages])
        names = renumbering(alive, floor)
        if names is not None:
            return self._renamed(state, messages, names)
        if len(messages) > 1:
            messages = tuple(sorted(messages))
        return State(record, jar, messages, left, hint, backup, disk)

    def _renamed(self, state: State, messages: tuple[Message, ...], names: Mapping[int, int]) -> State:
        record, jar, _, left, hint, backup, disk = state
        values = self.values

        def named(stored: Record | None) -> Record | None:
            return stored and Record(names[stored[0]], names[stored[1]], names[stored[2]], stored[3], stored[4])

        renamed = []
        for message in messages:
            kind, age, serial, parent, sender, value, read, token_age = message
            if kind not in NAMELESS or values:
                value = names[value] if values and kind is REFRESH else value
                message = Message(kind, age, names[serial], names[parent], sender, value, named(read), token_age)
            renamed.append(message)
        renamed.sort()
        return State(
            Record(names[record[0]], names[record[1]], names[record[2]], record[3], record[4]),
            Jar(
                names[jar[0]],
                names[jar[1]],
                names[jar[2]],
                names[jar[3]],
                jar[4],
                jar[5],
                names[jar[6]] if values else jar[6],
            ),
            tuple(renamed),
            left,
            hint,
            named(backup),
            named(disk),
        )
