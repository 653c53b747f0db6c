# SPDX-License-Identifier: Apache-2.0
"""The holder of one access token, and of all that the core gives for it, is served up to its expiry and no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supertokens.core import EmbeddedCore

from . import lives
from .check import SAFE, Check, Finding
from .explore import explore, retrace
from .lives import EXPIRED, OUTLIVES, REVOKED, Lives, Plan, cheap_signatures
from .story import tell

MakeCore = Callable[[Any, Any, Any], EmbeddedCore]


def core_of(kind: Callable[..., EmbeddedCore]) -> MakeCore:
    return lambda config, store, clock: kind(config, store, clock=clock)


def outlived(claim: str, expected: str = SAFE, core: Callable[..., EmbeddedCore] = EmbeddedCore, **plan: Any) -> Check:
    def look() -> Finding:
        with cheap_signatures():
            system = Lives(Plan(**plan), core_of(core))
            search = explore(system)
            if not search.violation:
                return Finding(SAFE, search.states, search.complete)
            return Finding(search.violation, search.states, True, tell(retrace(system, search), search.violation))

    return Check(claim, expected, look)


CHECKS = [
    outlived("a stolen access token that a refresh gave", stolen="marked", refreshes=1, changes=1),
    outlived("a stolen access token from a log-in", stolen="fresh", refreshes=1),
    outlived("a stolen access token of version 2", stolen="v2", refreshes=1),
    outlived("a stolen access token that a refresh gave: 2 refreshes, 2 changes", stolen="marked").deep(),
    outlived("a stolen access token from a log-in: 2 refreshes, 3 changes", stolen="fresh", changes=3).deep(),
    outlived("a stolen access token of version 2: 2 refreshes", stolen="v2").deep(),
    outlived("verify begins a new life: a marked token", OUTLIVES, lives.VerifyBeginsANewLife),
    outlived("verify begins a new life: payload changes", OUTLIVES, lives.VerifyBeginsANewLife, stolen="fresh"),
    outlived("regenerate begins a new life", OUTLIVES, lives.RegenerateBeginsANewLife, stolen="fresh"),
    outlived("the expiry is not looked at", EXPIRED, lives.NoExpiry),
    outlived("the very millisecond of the expiry is accepted", EXPIRED, lives.AMillisecondTooLong),
    outlived("a revocation is not looked for", REVOKED, lives.RevocationIsNotLookedFor, stolen="fresh"),
]
