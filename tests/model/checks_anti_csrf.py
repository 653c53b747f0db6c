# SPDX-License-Identifier: Apache-2.0
"""The anti-CSRF value lags behind the cookies: the jar changes when headers arrive, a script runs later or never.

One value for the whole session is safe; a value per serial logs honest users out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .check import SAFE, THEFT, UNAUTHORISED, Check, honest
from .rules import Rules
from .state import VALUE_OF_PARENT_TOO, VALUE_PER_SERIAL, VALUE_PER_SESSION

WORLD: dict[str, Any] = {"life": 8}
RULES = Rules(3)


def closed_pages() -> Iterator[Check]:
    """Each kind of value, under the lock, and how many pages may be closed at the wrong moment."""
    for value, survives in ((VALUE_PER_SERIAL, 0), (VALUE_OF_PARENT_TOO, 1), (VALUE_PER_SESSION, 3)):
        for closes in range(4):
            expected = SAFE if closes <= survives else UNAUTHORISED
            claim = f"a value per {value}, under the lock, {closes} pages closed"
            yield honest(claim, RULES, expected, **WORLD, anti_csrf=value, closes=closes, lock=True)


def without_lock() -> Iterator[Check]:
    for value in (VALUE_PER_SERIAL, VALUE_OF_PARENT_TOO, VALUE_PER_SESSION):
        world: dict[str, Any] = {**WORLD, "anti_csrf": value, "stale_call": "wait"}
        safe = SAFE if value == VALUE_PER_SESSION else UNAUTHORISED
        told = UNAUTHORISED if value == VALUE_PER_SERIAL else THEFT
        yield honest(f"a value per {value}, no lock", RULES, **world)
        yield honest(f"a value per {value}, no lock, frozen tabs", RULES, safe, **world, frozen=True)
        claim = f"a value per {value}, a call with an older value is told to refresh"
        yield honest(claim, RULES, told, **{**world, "stale_call": "refresh"})


CHECKS = [
    *closed_pages(),
    *without_lock(),
    honest(
        "a value per session on refresh and on calls, no lock, frozen tabs, 3 pages closed",
        RULES,
        **WORLD,
        anti_csrf=VALUE_PER_SESSION,
        stale_call="fine",
        frozen=True,
        closes=3,
    ),
    honest(
        "a value per session, no lock, frozen tabs, 4 in flight",
        RULES,
        **WORLD,
        anti_csrf=VALUE_PER_SESSION,
        stale_call="fine",
        frozen=True,
        closes=1,
        in_flight=4,
    ).deep(),
]
