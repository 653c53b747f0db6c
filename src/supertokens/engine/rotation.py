# SPDX-License-Identifier: Apache-2.0
"""Decide what a refresh token, or an access token that came with a pending child, may do.

The rules are told in docs/how-it-works.md#the-rotation-rules, under the same numbers.

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
    "Decision",
    "Lineage",
    "Pair",
    "Presented",
    "Row",
    "accept",
    "decide",
]

LONG_AGO: Final = -(10**15)
"""A moment that is near to no other; exact in a 64-bit integer and in a double."""

NOBODY: Final = None
"""The fingerprint of a lineage whose newest pair was never handed out: differs from every client's."""


class Lineage(NamedTuple):
    """Where a session's rotation stands. Invariant: ``parent < current <= newest``; none of the three decreases."""

    current: int
    """Newest serial that the client is known to hold."""
    parent: int
    """The serial before ``current``."""
    newest: int
    """Highest serial minted; above ``current`` it is the pending child, handed out and not yet seen in use."""
    handed_out_at: int
    """When the newest pair was last handed out (ms)."""
    fingerprint: bytes | None
    """To whom: a keyed hash of the client; ``b""`` for a client that sent nothing; ``NOBODY``."""


NEW_SESSION: Final = Lineage(current=1, parent=0, newest=1, handed_out_at=LONG_AGO, fingerprint=NOBODY)


class Presented(NamedTuple):
    """One presented token and the circumstances: serial, parent's serial, time (ms), the client's
    fingerprint, grace period W (ms)."""

    serial: int
    parent: int
    now: int
    fingerprint: bytes
    grace: int


class Pair(NamedTuple):
    """The tokens to hand out: the refresh token of ``serial``; ``marked`` if the access token names the parent."""

    serial: int
    parent: int
    marked: bool


class Decision(NamedTuple):
    """An answer of a table.

    ``write`` is the lineage to store by compare-and-swap on (current, newest, handed_out_at), or None to write nothing.
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
    """One row of a table: its number in docs/how-it-works.md, the condition, and what follows from it."""

    number: int
    meaning: str
    holds: Callable[[Lineage, Presented], bool]
    answer: Callable[[Lineage, Presented], Decision]


def accept(lineage: Lineage, presented: Presented) -> Lineage:
    """Return the lineage once the client is known to hold ``presented.serial``.

    ``(handed_out_at, fingerprint)`` stay if that serial is the newest, count from now if the store had never heard of
    it (a lost write, a restore), and are forgotten if an older sibling came back: nobody may ask for it again.
    """
    if presented.serial == lineage.newest:
        handed_out_at, fingerprint = lineage.handed_out_at, lineage.fingerprint
    elif presented.serial > lineage.newest:
        handed_out_at, fingerprint = presented.now, presented.fingerprint
    else:
        handed_out_at, fingerprint = LONG_AGO, NOBODY
    return Lineage(
        presented.serial, presented.parent, max(lineage.newest, presented.serial), handed_out_at, fingerprint
    )


def _near(lineage: Lineage, presented: Presented) -> bool:
    # Both sides of the difference: hosts' clocks differ, and a jump of the clock must not open the window.
    return (
        presented.grace > 0
        and abs(presented.now - lineage.handed_out_at) <= presented.grace
        and presented.fingerprint == lineage.fingerprint
    )


def _current_with_a_child_handed_out_just_now(lineage: Lineage, presented: Presented) -> bool:
    return presented.serial == lineage.current and lineage.newest > lineage.current and _near(lineage, presented)


def _current(lineage: Lineage, presented: Presented) -> bool:
    return presented.serial == lineage.current


def _child_or_ahead(lineage: Lineage, presented: Presented) -> bool:
    return presented.parent == lineage.current or presented.serial > lineage.newest


def _parent_just_after_the_change(lineage: Lineage, presented: Presented) -> bool:
    return presented.serial == lineage.parent and lineage.newest == lineage.current and _near(lineage, presented)


def _always(lineage: Lineage, presented: Presented) -> bool:
    return True


def _repeat_the_child(lineage: Lineage, presented: Presented) -> Decision:
    pair = Pair(lineage.newest, lineage.current, marked=True)
    return Decision(2, pair, write=lineage._replace(handed_out_at=presented.now))


def _mint(lineage: Lineage, presented: Presented) -> Decision:
    child = lineage.newest + 1
    pair = Pair(child, lineage.current, marked=True)
    return Decision(
        3, pair, write=lineage._replace(newest=child, handed_out_at=presented.now, fingerprint=presented.fingerprint)
    )


def _accept_and_mint(lineage: Lineage, presented: Presented) -> Decision:
    return _mint(accept(lineage, presented), presented)._replace(row=4, accepted=True)


def _repeat_the_current(lineage: Lineage, presented: Presented) -> Decision:
    return Decision(5, Pair(lineage.current, lineage.parent, marked=False))


def _theft(lineage: Lineage, presented: Presented) -> Decision:
    return Decision(6, theft=True)


def _accept(lineage: Lineage, presented: Presented) -> Decision:
    return Decision(1, write=accept(lineage, presented), accepted=True, confirmed=True)


def _already_accepted(lineage: Lineage, presented: Presented) -> Decision:
    return Decision(2, confirmed=True)


def _let_live_out(lineage: Lineage, presented: Presented) -> Decision:
    return Decision(3)


# Row 1 (no record, or expired) is the store's answer: there is no lineage to decide on.
REFRESH_TABLE: Final[tuple[Row, ...]] = (
    Row(2, "another tab, or a retry", _current_with_a_child_handed_out_just_now, _repeat_the_child),
    Row(3, "first refresh, an answer lost long ago, or somebody else", _current, _mint),
    Row(4, "a child comes back: its client holds it", _child_or_ahead, _accept_and_mint),
    Row(
        5, "a straggler, sent before its sender saw the new cookie", _parent_just_after_the_change, _repeat_the_current
    ),
    Row(6, "its successor, or its sibling, was seen in use", _always, _theft),
)

# For access tokens with the marker only; without it nothing is presented of the store.
VERIFY_TABLE: Final[tuple[Row, ...]] = (
    Row(1, "first use of a child", _child_or_ahead, _accept),
    Row(2, "used again before its sender saw the token without the marker", _current, _already_accepted),
    Row(3, "a branch that was left behind: it lives out its minutes", _always, _let_live_out),
)


def decide(table: tuple[Row, ...], lineage: Lineage, presented: Presented) -> Decision:
    """Return the answer to `presented` of the first row of `table` whose condition holds for `lineage`."""
    for row in table:
        if row.holds(lineage, presented):
            return row.answer(lineage, presented)
    raise AssertionError("the last row of a table always holds")
