# SPDX-License-Identifier: Apache-2.0
"""What is where at one moment: the store, the browser's cookie jar, the messages under way; and what may happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from .rules import Record

# The kinds of messages. A worker between its read and its write counts as one: it too can be slow, or lost.
REFRESH: Final = "refresh"  # value: the anti-CSRF value that is shown, named by the serial it came with
PAIR: Final = "pair"  # its answer; value: 1 if the access token is marked
CALL: Final = "call"  # a call with a marked access token; token_age: of that token
CHANGED: Final = "changed"  # a call with an unmarked one, whose payload has been changed since; token_age: the same
TOKEN: Final = "token"  # the answer of either: an access token without the marker; token_age: of the one shown
REFRESHING: Final = "refreshing"  # a worker that has read the record for a refresh; value: ticks since that read
CALLING: Final = "calling"  # the same for a call
STORING: Final = "storing"  # a page that is about to put an anti-CSRF value into the script's storage

VALUE_PER_SERIAL: Final = "serial"  # a refresh must show the value that came with its own refresh token
VALUE_OF_PARENT_TOO: Final = "parent"  # ... or with that token's parent
VALUE_PER_SESSION: Final = "session"  # one value serves the whole session


class Message(NamedTuple):
    """``age`` counts the ticks under way; a worker's counts from the arrival of its request."""

    kind: str
    age: int
    serial: int
    parent: int
    hint: int = 0
    value: int = 0
    read: Record | None = None
    token_age: int = 0


class Jar(NamedTuple):
    """The cookies that all tabs of the browser share, and beside them the script's storage."""

    serial: int
    parent: int
    access_serial: int
    access_parent: int
    marked: bool
    age: int
    """of the access token"""
    value: int
    """of the anti-CSRF value in the script's storage: the serial it came with"""


class Left(NamedTuple):
    """How often each of these may still happen."""

    explicit: int
    duplicates: int
    crashes: int
    power_cuts: int
    backups: int
    hint_changes: int
    closes: int
    payload_changes: int


class State(NamedTuple):
    record: Record
    jar: Jar
    messages: tuple[Message, ...]
    left: Left
    hint: int
    """what the browser sends at present"""
    backup: Record | None
    disk: Record | None
    """what a power cut leaves; followed only where power cuts happen"""


Event: TypeAlias = tuple[object, ...]
"""A sentence with gaps, then what fills them: stories are told rarely, moves are made millions of times."""

Move: TypeAlias = tuple[Event, State, str]
"""What happens, what is then, and the name of the violation ("" for none)."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What may happen around one honest browser. Every time is in ticks."""

    q: int = 1
    """longest way of a request; after that it is lost"""
    r: int = 1
    """longest way of an answer"""
    life: int = 8
    """L, the life of an access token"""
    in_flight: int = 3
    """messages under way at a time, of as many tabs"""
    margin: int | None = None
    """what must be left of the shown token's life when a verify's answer leaves with a token: more than this; None:
    more than q + 2r, and under the lock anything"""
    new_life: bool = False
    """a token that verify issues begins a new life (False: it keeps the expiry of the one that was shown)"""
    lock: bool = False
    """one refresh of the browser at a time, as the browser libraries do it"""
    explicit: int = 0
    """refreshes that the app starts though its access token is alive"""
    duplicates: int = 0
    """requests that the network delivers twice"""
    clocks: tuple[int, ...] = (0,)
    """errors of the hosts' clocks"""
    gap: int | None = None
    """longest time between a worker's read and its write; None: they are one step"""
    clock_at_swap: bool = False
    """a worker's t is the moment of its write (False: it comes with the row that was read)"""
    crashes: int = 0
    """single writes that are acknowledged and never reach the disk"""
    crash_rows: tuple[int, ...] = (3,)
    """the rows whose writes may be lost so"""
    second_mint_is_durable: bool = False
    """... but not row 3's while an earlier child is pending"""
    power_cuts: int = 0
    """losses of everything that was written since the last durable write"""
    checkpoints: bool = False
    """the disk may catch up at any moment, so that a power cut loses any latest part of those writes"""
    backups: int = 0
    """backups that are taken and restored"""
    ahead: int = 3
    """serials that the store may be ahead of its backup, or of its disk"""
    failover: bool = False
    """what is in flight survives a restore (False: a restore with downtime)"""
    hint_changes: int = 0
    calm: bool = False
    """... but only while no refresh is under way"""
    mixed: bool = False
    """every request carries one of two hints, as it likes"""
    anti_csrf: str = ""
    """which value a refresh must show; "": none is asked for"""
    payload_changes: int = 0
    """changes of the payload that a verify under blacklisting sees"""
    closes: int = 0
    """pages closed between the arrival of a response's headers and its script"""
    frozen: bool = False
    """a tab's script may run any time later (False: within one tick)"""
    stale_call: str = "refresh"
    """a call whose anti-CSRF value is not its access token's own: is told to "refresh", "wait"s, or is "fine" """

    def budget(self) -> Left:
        return Left(
            self.explicit,
            self.duplicates,
            self.crashes,
            self.power_cuts,
            self.backups,
            self.hint_changes,
            self.closes,
            self.payload_changes,
        )

    def least_left(self) -> int:
        """What is left of a token's life, in ticks, if it may just go out with a verify's answer."""
        if self.margin is not None:
            return self.margin + 1
        return 1 if self.lock else self.q + (self.gap or 0) + 2 * self.r + 1

    def spread(self) -> int:
        return max(self.clocks) - min(self.clocks)
