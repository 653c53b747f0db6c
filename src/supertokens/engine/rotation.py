# SPDX-License-Identifier: Apache-2.0
"""What a refresh token, or an access token that came with a pending child, may do (DESIGN, section 3).

Every refresh token of a session has a *serial* and names its *parent's* serial. A session's :class:`Lineage`
is five values; the two tables below are all the rules there are, read from the top: the first row whose
condition holds answers. ``tests/model`` explores exactly these tables, and the broken variants of them that
must fail.

Moments are integer milliseconds of one clock. Nothing here reads a clock or a store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = [
    "LONG_AGO",
    "NEW_SESSION",
    "NOBODY",
    "REFRESH_TABLE",
    "VERIFY_TABLE",
    "Asked",
    "Decision",
    "Lineage",
    "Pair",
    "Row",
    "accept",
    "decide",
]

LONG_AGO: Final = -(10**15)
"""A moment that is near to no other; exact in a 64-bit integer and in a double."""

NOBODY: Final = None
"""The hint of a lineage whose newest pair was handed out to nobody: equal to no asker's hint."""


class Lineage(NamedTuple):
    """Where a session's rotation stands. Invariant: ``parent < current <= last``; none of the three decreases."""

    current: int
    """Newest serial that the client is known to hold."""
    parent: int
    """The serial before ``current``."""
    last: int
    """Highest serial minted; above ``current`` it is the pending child, handed out and not yet seen in use."""
    at: int
    """When the newest pair was last handed out (ms)."""
    hint: bytes | None
    """To whom: a keyed hash of the client; ``b""`` for a client that sent nothing; ``NOBODY``."""


NEW_SESSION: Final = Lineage(current=1, parent=0, last=1, at=LONG_AGO, hint=NOBODY)


class Asked(NamedTuple):
    """One presented token and the circumstances: serial, parent's serial, time (ms), hint, grace period W (ms)."""

    serial: int
    parent: int
    now: int
    hint: bytes
    grace: int


class Pair(NamedTuple):
    """The tokens to hand out: the refresh token of ``serial``; ``marked`` if the access token names the parent."""

    serial: int
    parent: int
    marked: bool


class Decision(NamedTuple):
    """An answer of a table.

    ``write`` is the lineage to store by compare-and-swap on (current, last, at), or None to write nothing.
    ``accepted``: a child was seen in use; the session's expiry is extended and the write must be durable.
    ``pair`` is what a refresh hands out; ``confirmed`` says that a verify gives a token without the marker.
    ``theft`` and neither pair nor write: the token's successor or sibling was seen in use.
    """

    row: int
    pair: Pair | None = None
    write: Lineage | None = None
    accepted: bool = False
    confirmed: bool = False
    theft: bool = False


class Row(NamedTuple):
    """One row of a table: its number in DESIGN, the condition, and what follows from it."""

    number: int
    meaning: str
    holds: Callable[[Lineage, Asked], bool]
    answer: Callable[[Lineage, Asked], Decision]


def accept(lineage: Lineage, asked: Asked) -> Lineage:
    """The lineage once the client is known to hold ``asked.serial``.

    ``(at, hint)`` stay if that serial is the newest, count from now if the store had never heard of it
    (a lost write, a restore), and are forgotten if an older sibling came back: nobody may ask for it again.
    """
    if asked.serial == lineage.last:
        at, hint = lineage.at, lineage.hint
    elif asked.serial > lineage.last:
        at, hint = asked.now, asked.hint
    else:
        at, hint = LONG_AGO, NOBODY
    return Lineage(asked.serial, asked.parent, max(lineage.last, asked.serial), at, hint)


def _near(lineage: Lineage, asked: Asked) -> bool:
    # Both sides of the difference: hosts' clocks differ, and a jump of the clock must not open the window.
    return asked.grace > 0 and abs(asked.now - lineage.at) <= asked.grace and asked.hint == lineage.hint


def _current_with_a_child_handed_out_just_now(lineage: Lineage, asked: Asked) -> bool:
    return asked.serial == lineage.current and lineage.last > lineage.current and _near(lineage, asked)


def _current(lineage: Lineage, asked: Asked) -> bool:
    return asked.serial == lineage.current


def _child_or_ahead(lineage: Lineage, asked: Asked) -> bool:
    return asked.parent == lineage.current or asked.serial > lineage.last


def _parent_just_after_the_change(lineage: Lineage, asked: Asked) -> bool:
    return asked.serial == lineage.parent and lineage.last == lineage.current and _near(lineage, asked)


def _always(lineage: Lineage, asked: Asked) -> bool:
    return True


def _repeat_the_child(lineage: Lineage, asked: Asked) -> Decision:
    pair = Pair(lineage.last, lineage.current, marked=True)
    return Decision(2, pair, write=lineage._replace(at=asked.now))


def _mint(lineage: Lineage, asked: Asked) -> Decision:
    child = lineage.last + 1
    pair = Pair(child, lineage.current, marked=True)
    return Decision(3, pair, write=lineage._replace(last=child, at=asked.now, hint=asked.hint))


def _accept_and_mint(lineage: Lineage, asked: Asked) -> Decision:
    return _mint(accept(lineage, asked), asked)._replace(row=4, accepted=True)


def _repeat_the_current(lineage: Lineage, asked: Asked) -> Decision:
    return Decision(5, Pair(lineage.current, lineage.parent, marked=False))


def _theft(lineage: Lineage, asked: Asked) -> Decision:
    return Decision(6, theft=True)


def _accept(lineage: Lineage, asked: Asked) -> Decision:
    return Decision(1, write=accept(lineage, asked), accepted=True, confirmed=True)


def _already_accepted(lineage: Lineage, asked: Asked) -> Decision:
    return Decision(2, confirmed=True)


def _let_live_out(lineage: Lineage, asked: Asked) -> Decision:
    return Decision(3)


# Row 1 of DESIGN (no record, or expired) is the store's answer: there is no lineage to decide on.
REFRESH_TABLE: Final[tuple[Row, ...]] = (
    Row(2, "another tab, or a retry", _current_with_a_child_handed_out_just_now, _repeat_the_child),
    Row(3, "first refresh, an answer lost long ago, or somebody else", _current, _mint),
    Row(4, "a child comes back: its client holds it", _child_or_ahead, _accept_and_mint),
    Row(
        5, "a straggler, sent before its sender saw the new cookie", _parent_just_after_the_change, _repeat_the_current
    ),
    Row(6, "its successor, or its sibling, was seen in use", _always, _theft),
)

# For access tokens with the marker only; without it nothing is asked of the store.
VERIFY_TABLE: Final[tuple[Row, ...]] = (
    Row(1, "first use of a child", _child_or_ahead, _accept),
    Row(2, "used again before its sender saw the token without the marker", _current, _already_accepted),
    Row(3, "a branch that was left behind: it lives out its minutes", _always, _let_live_out),
)


def decide(table: tuple[Row, ...], lineage: Lineage, asked: Asked) -> Decision:
    """The answer of the first row of `table` whose condition holds."""
    for row in table:
        if row.holds(lineage, asked):
            return row.answer(lineage, asked)
    raise AssertionError("the last row of a table always holds")
