# SPDX-License-Identifier: Apache-2.0
"""What is where while pages renew their session: the store, the cookie jar, the requests and answers under way.

An access token of life L may be used while its age is at most L; so a bound that reads ``L > x`` in milliseconds is
``L >= x`` in these ticks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from .rules import Record
from .state import Event

# A request, from the jar to its first verb.
REQUEST: Final = "request"  # on its way; flag: it has a large body
UPLOAD: Final = "upload"  # a large one, on its way for as long as it likes
ARRIVED: Final = "arrived"  # the application was called, no verb was asked; age counts from that call on
RENEWING: Final = "renewing"  # a worker that has read the record for a renewal
VERIFYING: Final = "verifying"  # the same for a marked access token
# A view between its verb and its headers; age counts on from the arrival.
PAIR_HELD: Final = "pair held"  # of a renewal; flag: the view has changed the payload
TOKEN_HELD: Final = "token held"  # an access token that verify re-issued; flag: for a library, which gets it always
PAYLOAD_HELD: Final = "payload held"  # an access token with a changed payload; flag: of a request that renewed
# Headers on their way to the jar.
PAIR: Final = "pair"
TOKEN: Final = "token"
# A browser library with its lock, on the same pages.
LIBRARY_REFRESH: Final = "library refresh"
LIBRARY_PAIR: Final = "library pair"
LIBRARY_CALL: Final = "library call"

ANY_NUMBER: Final = -1
ALWAYS: Final = "always"
BY_RULE_5: Final = "by rule 5"

ON_THE_WAY: Final = frozenset({REQUEST, UPLOAD, ARRIVED})
BY_THE_LIBRARY: Final = frozenset({LIBRARY_REFRESH, LIBRARY_PAIR})


class Message(NamedTuple):
    kind: str
    age: int
    serial: int
    """of the refresh token; of an access token that is sent alone: its own"""
    parent: int
    access_serial: int
    """of the access token beside it"""
    access_parent: int
    marked: bool
    token_age: int
    """of the access token, on the clock of the host without error"""
    flag: bool = False
    came_in: int = 0
    """how long after the newest handing-out the request came in, as far as that matters"""
    read: Record | None = None
    since: int = 0
    """ticks since that read"""
    clock: int = 0
    """the error of the clock of the host that answers, from its first verb on"""


class Jar(NamedTuple):
    """The two cookies that all tabs share."""

    serial: int
    parent: int
    access_serial: int
    access_parent: int
    marked: bool
    age: int
    """of the access token"""


class Left(NamedTuple):
    """How often each of these may still happen; below 0: without end."""

    payloads: int
    uploads: int
    crashes: int

    def after(self, name: str) -> Left:
        left = getattr(self, name)
        return self._replace(**{name: left - 1}) if left > 0 else self


class State(NamedTuple):
    record: Record
    jar: Jar
    messages: tuple[Message, ...]
    left: Left
    library: int
    """0: the library waits for nothing; else 1 + ticks since a call of it was told to refresh"""
    lives: int
    """ticks until the session expires; 0 where that is not followed"""
    unused: int
    """ticks since a request was served; 0 where that is not followed"""


Move: TypeAlias = tuple[Event, State, str]


@dataclass(frozen=True, kw_only=True)
class Site:
    """What may happen between one honest browser without script and its site. Every time is in ticks."""

    q: int = 1
    """longest way of a request, from the jar to the call of the application"""
    r: int = 1
    """longest way of the headers to the jar"""
    life: int = 9
    """L, the life of an access token"""
    in_flight: int = 3
    """requests and answers under way at a time, of as many tabs"""
    payloads: int = 0
    """views that change the payload; here and in the next one and ``crashes``, ANY_NUMBER is one too"""
    uploads: int = 0
    """requests with a large body"""
    library: bool = False
    """a browser library on the same pages, which does not see what pages renewed"""
    library_calls: str = ""
    """... whose calls with a marked access token get a re-issued one ALWAYS, or BY_RULE_5"""
    clocks: tuple[int, ...] = (0,)
    """errors of the hosts' clocks: for the moments in the record, and for the lives of access tokens"""
    gap: int | None = None
    """longest time between a worker's read and its write; None: they are one step"""
    crashes: int = 0
    """single writes that are acknowledged and never reach the disk"""
    crash_rows: tuple[int, ...] = (3,)
    """the rows whose writes may be lost so"""
    every_age: bool = False
    """a request may matter however young its access token is when it leaves: where a variant lets it wait"""
    verb_within: int | None = None
    """longest wait between arrival and first verb, where a refused request is a violation (None: it is not one)"""
    idle: int = 0
    """how long an unused session lives (0: for ever)"""
    pause: int = 0
    """longest time between two requests that are served, where ``idle`` is given"""

    def budget(self) -> Left:
        return Left(self.payloads, self.uploads, self.crashes)

    def spread(self) -> int:
        return max(self.clocks) - min(self.clocks)
