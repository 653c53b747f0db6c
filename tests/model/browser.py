# SPDX-License-Identifier: Apache-2.0
"""An honest browser: as many tabs as it likes, one cookie jar, one script's storage that lags behind the jar."""

from __future__ import annotations

from collections.abc import Iterator

from .state import (
    CALL,
    CHANGED,
    PAIR,
    REFRESH,
    REFRESHING,
    STORING,
    VALUE_OF_PARENT_TOO,
    VALUE_PER_SERIAL,
    Event,
    Jar,
    Message,
    Move,
    State,
    World,
)

UNDER_WAY = frozenset({REFRESH, REFRESHING, PAIR, STORING})
"""A refresh that has not ended; the browser's lock is held so long."""


class Browser:
    def __init__(self, world: World) -> None:
        self.world = world
        self.names_hints = bool(world.hint_changes) or world.mixed

    def sends(self, state: State) -> Iterator[Move]:
        """What the tabs may start now."""
        world, messages = self.world, state.messages
        if state.left.hint_changes:
            yield from self._changes_its_hint(state)
        if len(messages) >= world.in_flight:
            return
        locked = world.lock and any(message.kind in UNDER_WAY for message in messages)
        for hint in (0, 1) if world.mixed else (state.hint,):
            if not locked:
                yield from self._refreshes(state, hint)
            if state.jar.marked:
                yield from self._calls(state, hint)
            elif state.left.payload_changes:
                yield from self._calls_after_a_change(state, hint)

    def _changes_its_hint(self, state: State) -> Iterator[Move]:
        if self.world.calm and any(message.kind in (REFRESH, REFRESHING, PAIR) for message in state.messages):
            return
        left = state.left._replace(hint_changes=state.left.hint_changes - 1)
        yield ("the browser's hint changes",), state._replace(left=left, hint=1 - state.hint), ""

    def _refreshes(self, state: State, hint: int) -> Iterator[Move]:
        """With a dead access token; or because a call was told to; or because the app wants it."""
        record, jar, messages, left, now, backup, disk = state
        world = self.world
        value = jar.value if world.anti_csrf else 0
        event: Event
        if jar.age >= world.life:
            event = ("the browser sends refresh R{}{}", jar.serial, self._with(hint))
        elif world.anti_csrf and world.stale_call == "refresh" and jar.value != jar.access_serial:
            event = ("a call with A{} and the value of {} is told to refresh: R{}", jar[2], jar.value, jar.serial)
        elif left.explicit:
            event = ("the app asks for a refresh: R{}{}", jar.serial, self._with(hint))
            left = left._replace(explicit=left.explicit - 1)
        else:
            return
        message = Message(REFRESH, 0, jar.serial, jar.parent, hint, value)
        yield event, State(record, jar, (*messages, message), left, now, backup, disk), ""

    def _calls(self, state: State, hint: int) -> Iterator[Move]:
        record, jar, messages, left, now, backup, disk = state
        world = self.world
        if jar.age >= world.life:
            return
        if world.anti_csrf and jar.value != jar.access_serial and world.stale_call != "fine":
            return
        message = Message(CALL, 0, jar.access_serial, jar.access_parent, hint, token_age=jar.age)
        event = ("the browser sends a call with marked A{}{}", jar.access_serial, self._with(hint))
        yield event, State(record, jar, (*messages, message), left, now, backup, disk), ""

    def _calls_after_a_change(self, state: State, hint: int) -> Iterator[Move]:
        jar, left = state.jar, state.left
        if jar.age >= self.world.life:
            return
        message = Message(CHANGED, 0, jar.access_serial, jar.access_parent, hint, token_age=jar.age)
        left = left._replace(payload_changes=left.payload_changes - 1)
        event = ("the payload has been changed, and the browser sends a call{}", self._with(hint))
        yield event, state._replace(messages=(*state.messages, message), left=left), ""

    def receives_pair(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        """The headers arrive: both cookies change at once. The page's script comes later, or never."""
        record, jar, _, left, hint, backup, disk = state
        serial, parent = message.serial, message.parent
        jar = Jar(serial, parent, serial, parent, bool(message.value), message.age, jar.value)
        if self.world.anti_csrf:
            rest = (*rest, Message(STORING, 0, serial, serial))
        yield ("the jar stores pair {}", serial), State(record, jar, rest, left, hint, backup, disk), ""

    def receives_token(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        record, jar, _, left, hint, backup, disk = state
        # Without the marker nobody asks for the token's serial again, except for its anti-CSRF value.
        serial, parent = (message.serial, message.parent) if self.world.anti_csrf else (jar.serial, jar.parent)
        jar = Jar(jar.serial, jar.parent, serial, parent, False, message.token_age, jar.value)
        event = ("the jar stores unmarked A{}, aged {}", message.serial, message.token_age)
        yield event, State(record, jar, rest, left, hint, backup, disk), ""

    def runs_script(self, state: State, rest: tuple[Message, ...], message: Message) -> Iterator[Move]:
        jar = state.jar._replace(value=message.serial)
        yield ("a page stores the value of {}", message.serial), state._replace(jar=jar, messages=rest), ""
        if state.left.closes:
            left = state.left._replace(closes=state.left.closes - 1)
            event = ("a page is closed before it stores the value of {}", message.serial)
            yield event, state._replace(messages=rest, left=left), ""

    def shows_a_right_value(self, message: Message) -> bool:
        """Whether a refresh passes the anti-CSRF check of this world."""
        asked = self.world.anti_csrf
        if asked == VALUE_PER_SERIAL:
            return message.value == message.serial
        if asked == VALUE_OF_PARENT_TOO:
            return message.value in (message.serial, message.parent)
        return True

    def _with(self, hint: int) -> str:
        return f" (hint {hint})" if self.names_hints else ""
