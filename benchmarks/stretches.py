# SPDX-License-Identifier: Apache-2.0
"""Where the microseconds of a request go: differences within a round between cases that differ by one stretch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks import names
from benchmarks.goals import Round, added_cost, of

__all__ = ["BREAKDOWN", "Part"]


@dataclass(frozen=True)
class Part:
    """A stretch of a request: microseconds of one round. `depth` 1 is a part of the part above."""

    name: str
    quantity: Callable[[Round], float]
    depth: int = 0


def _rest(case: str, *others: str) -> Callable[[Round], float]:
    return lambda times: times[case] - sum(times[other] for other in others)


BREAKDOWN: Final = (
    Part("a bare route: Flask and Werkzeug", of(names.BARE_GET)),
    Part(
        "what our extension adds to every route: the wrapper around the app",
        added_cost(names.OURS_OPEN, names.BARE_GET),
    ),
    Part(
        "the decorator: Flask's context, `g`, and the view's own look at the session",
        _rest(names.OURS_GET, names.OURS_OPEN, names.EXCHANGE),
    ),
    Part("transport: dialect, cookies, the session object", added_cost(names.EXCHANGE, names.CORE_SEEN)),
    Part("`core.verify`: clock, key ring, cache, expiry", of(names.CORE_SEEN)),
    Part("**protected GET, token seen before**", of(names.OURS_GET)),
    Part("first sight of a token, on top of that", added_cost(names.OURS_FIRST_SIGHT, names.OURS_GET)),
    Part("the RSA signature", of(names.RSA_VERIFY), depth=1),
    Part(
        "base64, JSON, claims, entry in the cache",
        lambda times: times[names.CORE_FIRST_SIGHT] - times[names.CORE_SEEN] - times[names.RSA_VERIFY],
        depth=1,
    ),
    Part("blacklisting `query`, on top of that", added_cost(names.OURS_QUERY, names.OURS_GET)),
    Part("one indexed read in SQLite", of(names.STORE_GET), depth=1),
    Part("**`core.refresh`**", of(names.CORE_REFRESH)),
    Part("the RSA signature", of(names.RSA_SIGN), depth=1),
    Part("read, decide, write (no fsync), derive the tokens", added_cost(names.CORE_REFRESH, names.RSA_SIGN), depth=1),
)
