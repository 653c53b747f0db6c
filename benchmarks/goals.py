# SPDX-License-Identifier: Apache-2.0
"""What is asked of the figures: each goal is a quantity of one round, and a bound on its median over the rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks import names
from benchmarks.names import with_threads
from benchmarks.rounds import Figure, Timings

__all__ = ["BREAKDOWN", "GOALS", "Goal", "Outcome", "Part", "added_cost", "outcome", "throughput_ratio"]

Round = Mapping[str, float]
"""Microseconds per operation, by case."""


@dataclass(frozen=True)
class Goal:
    """`shown` is how a figure is written: as `ratio`, as `factor` of something, as a `share` of something (1/n), as
    a `count`, in `seconds`, or in megabytes (`MB`, of a million bytes)."""

    case: str
    of: str
    quantity: Callable[[Round], float]
    bound: float
    at_least: bool
    shown: Literal["ratio", "factor", "share", "count", "seconds", "MB"] = "ratio"

    def is_met(self, figure: float) -> bool:
        return figure >= self.bound if self.at_least else figure <= self.bound

    @property
    def text(self) -> str:
        """The bound, in words: "≥ 0.82 of the bare route's throughput"."""
        return f"{'≥' if self.at_least else '≤'} {self.written(self.bound)}{self.of}"

    def written(self, figure: float) -> str:
        if self.shown == "ratio":
            return f"{figure:.3f}".removesuffix("0")
        if self.shown == "factor":
            return f"{figure:.2f}".removesuffix("0").removesuffix(".0") + " ×"
        if self.shown == "count":
            return f"{figure:,.0f}"
        if self.shown == "seconds":
            return f"{figure:.2f} s"
        if self.shown == "MB":
            return f"{figure:.0f} MB"
        return f"1/{1 / figure:.0f}" if figure > 0 else "less than nothing"


@dataclass(frozen=True)
class Outcome:
    """A goal and its figure; None where its cases were not measured."""

    goal: Goal
    figure: Figure | None

    @property
    def verdict(self) -> Literal["met", "missed", "not measured"]:
        if self.figure is None:
            return "not measured"
        return "met" if self.goal.is_met(self.figure.median) else "missed"


def outcome(goal: Goal, sections: Mapping[str, Timings]) -> Outcome:
    """All cases of a goal are of one section: measured in the same rounds."""
    for timings in sections.values():
        try:
            return Outcome(goal, Figure.of(goal.quantity, timings))
        except KeyError:
            continue
    return Outcome(goal, None)


def throughput_ratio(case: str, reference: str) -> Callable[[Round], float]:
    """How much of the reference's throughput the case has."""
    return lambda times: times[reference] / times[case]


def added_cost(case: str, bare: str) -> Callable[[Round], float]:
    """Microseconds that the case takes longer than the bare one."""
    return lambda times: times[case] - times[bare]


def _over(dividend: Callable[[Round], float], divisor: Callable[[Round], float]) -> Callable[[Round], float]:
    return lambda times: dividend(times) / divisor(times)


def _of(case: str) -> Callable[[Round], float]:
    return lambda times: times[case]


def _per_second(case: str) -> Callable[[Round], float]:
    return lambda times: 1e6 / times[case]


def _millions_of(case: str) -> Callable[[Round], float]:
    return lambda times: times[case] / 1e6


GOALS: Final = (
    Goal(
        "GET protected, token seen before",
        " of the bare route's throughput",
        throughput_ratio(names.OURS_GET, names.BARE_GET),
        0.82,
        at_least=True,
    ),
    Goal(
        "GET protected, token seen before: added cost",
        " of what supertokens-flask 1.4.1 adds",
        _over(added_cost(names.OURS_GET, names.BARE_GET), added_cost(names.SUPERTOKENS_FLASK, names.BARE_GET)),
        1 / 40,
        at_least=False,
        shown="share",
    ),
    Goal(
        "POST with anti-CSRF, token seen before",
        " of the bare route's throughput",
        throughput_ratio(names.OURS_POST, names.BARE_POST),
        0.78,
        at_least=True,
    ),
    Goal(
        "GET protected, first sight of a token: added cost",
        " one RSA-2048 verify",
        _over(added_cost(names.OURS_FIRST_SIGHT, names.BARE_GET), _of(names.RSA_VERIFY)),
        2.4,
        at_least=False,
        shown="factor",
    ),
    Goal(
        "GET protected, blacklisting `query` on SQLite, seen before",
        " of the bare route's throughput",
        throughput_ratio(names.OURS_QUERY, names.BARE_GET),
        0.70,
        at_least=True,
    ),
    Goal(
        "refresh at `core.refresh` (embedded, SQLite)",
        " one RSA-2048 sign",
        _over(_of(names.CORE_REFRESH), _of(names.RSA_SIGN)),
        1.5,
        at_least=False,
        shown="factor",
    ),
    Goal(
        "renewal in place, what it adds to a page",
        " one `core.refresh`",
        _over(added_cost(names.OURS_RENEWED, names.OURS_PAGE), _of(names.CORE_REFRESH)),
        1.1,
        at_least=False,
        shown="factor",
    ),
    Goal(
        "create at the store, 16 threads, synchronous=FULL",
        " the throughput of one fsync per create",
        throughput_ratio(with_threads(names.STORE_CREATE, 16), with_threads(names.STORE_CREATE, 1)),
        5,
        at_least=True,
        shown="factor",
    ),
    Goal(
        "create end to end (log in, signature included), 16 threads",
        " the throughput of one fsync per create",
        throughput_ratio(with_threads(names.LOGIN, 16), with_threads(names.LOGIN, 1)),
        2,
        at_least=True,
        shown="factor",
    ),
    Goal(
        "real server (gunicorn, 2 workers), protected",
        " of the bare route's throughput",
        throughput_ratio(names.SERVER_PROTECTED, names.SERVER_BARE),
        0.93,
        at_least=True,
    ),
    Goal(
        "verify with 16 threads",
        " of the throughput of 1 thread",
        throughput_ratio(with_threads(names.VERIFY, 16), with_threads(names.VERIFY, 1)),
        0.95,
        at_least=True,
    ),
    Goal("core service: create", " per second", _per_second(names.SERVICE_CREATE), 1200, at_least=True, shown="count"),
    Goal(
        "core service: refresh", " per second", _per_second(names.SERVICE_REFRESH), 2000, at_least=True, shown="count"
    ),
    Goal("core service: verify", " per second", _per_second(names.SERVICE_VERIFY), 8000, at_least=True, shown="count"),
    Goal(
        "core service: memory at rest",
        " per worker (RSS)",
        _millions_of(names.SERVICE_RESIDENT),
        90,
        at_least=False,
        shown="MB",
    ),
    Goal(
        "core service: from its start to its first reply",
        "",
        _millions_of(names.SERVICE_START),
        1,
        at_least=False,
        shown="seconds",
    ),
)


@dataclass(frozen=True)
class Part:
    """A stretch of a request: microseconds of one round. `depth` 1 is a part of the part above."""

    name: str
    quantity: Callable[[Round], float]
    depth: int = 0


def _rest(case: str, *others: str) -> Callable[[Round], float]:
    return lambda times: times[case] - sum(times[other] for other in others)


BREAKDOWN: Final = (
    Part("a bare route: Flask and Werkzeug", _of(names.BARE_GET)),
    Part(
        "what our extension adds to every route: the wrapper around the app",
        added_cost(names.OURS_OPEN, names.BARE_GET),
    ),
    Part(
        "the decorator: Flask's context, `g`, and the view's own look at the session",
        _rest(names.OURS_GET, names.OURS_OPEN, names.EXCHANGE),
    ),
    Part("transport: dialect, cookies, the session object", added_cost(names.EXCHANGE, names.CORE_SEEN)),
    Part("`core.verify`: clock, key ring, cache, expiry", _of(names.CORE_SEEN)),
    Part("**protected GET, token seen before**", _of(names.OURS_GET)),
    Part("first sight of a token, on top of that", added_cost(names.OURS_FIRST_SIGHT, names.OURS_GET)),
    Part("the RSA signature", _of(names.RSA_VERIFY), depth=1),
    Part(
        "base64, JSON, claims, entry in the cache",
        lambda times: times[names.CORE_FIRST_SIGHT] - times[names.CORE_SEEN] - times[names.RSA_VERIFY],
        depth=1,
    ),
    Part("blacklisting `query`, on top of that", added_cost(names.OURS_QUERY, names.OURS_GET)),
    Part("one indexed read in SQLite", _of(names.STORE_GET), depth=1),
    Part("**`core.refresh`**", _of(names.CORE_REFRESH)),
    Part("the RSA signature", _of(names.RSA_SIGN), depth=1),
    Part("read, decide, write (no fsync), derive the tokens", added_cost(names.CORE_REFRESH, names.RSA_SIGN), depth=1),
)
