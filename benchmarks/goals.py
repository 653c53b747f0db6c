# SPDX-License-Identifier: Apache-2.0
"""What is asked of the figures: each goal is a quantity of one round, and a bound on its median over the rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks import names
from benchmarks.names import in_store_of, with_active, with_threads, with_workers
from benchmarks.rounds import Figure, Timings

__all__ = ["GOALS", "Goal", "Outcome", "Round", "added_cost", "of", "outcome", "throughput_ratio"]

Round = Mapping[str, float]
"""Microseconds per operation, by case."""


@dataclass(frozen=True)
class Goal:
    """`shown` is how a figure is written: as `ratio`, as `factor` of something, as a `share` of something (1/n), or in
    megabytes (`MB`, of a million bytes), or as a time that no processor makes shorter (`ms`)."""

    case: str
    of: str
    quantity: Callable[[Round], float]
    bound: float
    at_least: bool
    shown: Literal["ratio", "factor", "share", "MB", "ms"] = "ratio"

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
        if self.shown == "MB":
            return f"{figure:.0f} MB"
        if self.shown == "ms":
            return f"{figure / 1000:.1f}".removesuffix(".0") + " ms"
        return "1/" + f"{1 / figure:.1f}".removesuffix(".0") if figure > 0 else "less than nothing"


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


def of(case: str) -> Callable[[Round], float]:
    return lambda times: times[case]


def _sum(*cases: str) -> Callable[[Round], float]:
    return lambda times: sum(times[case] for case in cases)


def _over(dividend: Callable[[Round], float], divisor: Callable[[Round], float]) -> Callable[[Round], float]:
    return lambda times: dividend(times) / divisor(times)


def _share(case: str, text: str, measured: str, reference: str, bound: float) -> Goal:
    """A part of the throughput of something else, at least."""
    return Goal(case, f" of {text}", throughput_ratio(measured, reference), bound, at_least=True)


def _factor(
    case: str, text: str, dividend: Callable[[Round], float], divisor: Callable[[Round], float], bound: float
) -> Goal:
    """A multiple of something else, at most."""
    return Goal(case, f" {text}", _over(dividend, divisor), bound, at_least=False, shown="factor")


_BARE: Final = "the bare route's throughput"
_PSYCOPG: Final = "what psycopg alone does with the same statements"
_WORKERS: Final = "that of 1 worker"

GOALS: Final = (
    # A check
    _share("GET protected, token seen before", _BARE, names.OURS_GET, names.BARE_GET, 0.82),
    _share("GET protected, 10,000 active sessions asked uniformly", _BARE, with_active(10_000), names.BARE_GET, 0.78),
    Goal(
        "the cache of verified tokens with 10,000 sessions",
        "",
        lambda times: times[names.CACHE_BYTES] / 1e6,
        32,
        at_least=False,
        shown="MB",
    ),
    _share("POST with anti-CSRF, token seen before", _BARE, names.OURS_POST, names.BARE_POST, 0.78),
    _share("GET protected, blacklisting `query` on SQLite", _BARE, names.OURS_QUERY, names.BARE_GET, 0.65),
    _share(
        "GET protected, blacklisting `push` on SQLite",
        "the throughput without blacklisting",
        names.OURS_PUSH,
        names.OURS_GET,
        0.97,
    ),
    *(
        Goal(f"{case}: p99", "", of(names.p99(case)), bound, at_least=False, shown="ms")
        for case, bound in ((names.PUSH_LAG_SQLITE, 30_000), (names.PUSH_LAG_POSTGRES, 20_000))
    ),
    Goal(
        "GET protected, token seen before: added cost",
        " of what Flask's own signed cookie adds",
        _over(added_cost(names.OURS_GET, names.BARE_GET), added_cost(names.SIGNED_COOKIE, names.BARE_GET)),
        1 / 6,
        at_least=False,
        shown="share",
    ),
    _share("FastAPI, GET protected", _BARE, names.OURS_FASTAPI, names.FASTAPI_BARE, 0.85),
    _share("Django, GET protected, a synchronous view", _BARE, names.OURS_DJANGO, names.DJANGO_BARE, 0.85),
    _share("Starlette, GET protected", _BARE, names.OURS_STARLETTE, names.STARLETTE_BARE, 0.85),
    _factor(
        "GET protected, first sight of a token: added cost",
        "one RSA-2048 verify, base64 and JSON of the claims",
        added_cost(names.OURS_FIRST_SIGHT, names.BARE_GET),
        of(names.VERIFY_AND_DECODE),
        2,
    ),
    _share(
        "verify with 16 threads",
        "the throughput of 1 thread",
        with_threads(names.VERIFY, 16),
        with_threads(names.VERIFY, 1),
        0.95,
    ),
    _share("real server (gunicorn, 2 workers), protected", _BARE, names.SERVER_PROTECTED, names.SERVER_BARE, 0.95),
    # Writes
    _factor(
        "log in", "(one RSA-2048 sign and one durable insert)", of(names.LOGIN_RS256), of(names.SIGN_AND_INSERT), 1.5
    ),
    _factor("log in with ES256", "that with RS256", of(names.LOGIN_ES256), of(names.LOGIN_RS256), 0.70),
    _factor("log in with a note of the client", "one without", of(names.LOGIN_RS256), of(names.LOGIN_UNNOTED), 1.03),
    _factor(
        "refresh at `core.refresh` (embedded, SQLite)",
        "(one RSA-2048 sign, one read and one update without fsync)",
        of(names.CORE_REFRESH),
        of(names.SIGN_AND_UPDATE),
        1.5,
    ),
    _factor(
        "renewal in place, what it adds to a page",
        "one `core.refresh`",
        added_cost(names.OURS_RENEWED, names.OURS_PAGE),
        of(names.CORE_REFRESH),
        1.1,
    ),
    _factor(
        "renewal in place, what it adds to a page",
        "what `core.refresh`, called by its view, adds to a bare route",
        added_cost(names.OURS_RENEWED, names.OURS_PAGE),
        added_cost(names.REFRESHING_VIEW, names.BARE_GET),
        1.1,
    ),
    _share(
        "create at the store, 16 threads, synchronous=FULL",
        "what SQLite does with 16 rows to a transaction",
        with_threads(names.STORE_CREATE, 16),
        with_threads(names.STORE_CREATE_BATCHES, 1),
        0.5,
    ),
    _share(
        "log in, 16 threads",
        "the throughput of 1 thread",
        with_threads(names.LOGIN, 16),
        with_threads(names.LOGIN, 1),
        1.25,
    ),
    *(
        _factor(
            f"{text} in a store of a million sessions",
            "that in one of ten thousand",
            of(in_store_of(case, 1_000_000)),
            of(in_store_of(case, 10_000)),
            1.5,
        )
        for text, case in (
            ("create", names.CORE_CREATE),
            ("first use", names.FIRST_USE),
            ("revoke", names.REVOKE_ONE),
        )
    ),
    _share("create at the store, PostgreSQL", _PSYCOPG, names.POSTGRES_CREATE, names.POSTGRES_CREATE_ALONE, 0.8),
    _share("refresh at the store, PostgreSQL", _PSYCOPG, names.POSTGRES_REFRESH, names.POSTGRES_REFRESH_ALONE, 0.8),
    *(
        _factor(
            f"{text} at the store, PostgreSQL, a million sessions",
            "that with ten thousand",
            of(in_store_of(case, 1_000_000)),
            of(in_store_of(case, 10_000)),
            1.3,
        )
        for text, case in (
            ("get", names.POSTGRES_GET),
            ("accept a child", names.POSTGRES_ACCEPT),
            ("revoke", names.POSTGRES_REVOKE),
        )
    ),
    # The core service
    _factor(
        "core service: create",
        "(one empty reply, one RSA-2048 sign and one durable insert)",
        of(names.SERVICE_CREATE),
        _sum(names.SERVICE_HELLO, names.SIGN_AND_INSERT),
        1.5,
    ),
    _factor(
        "core service: refresh",
        "(one empty reply, one RSA-2048 sign, one read and one update without fsync)",
        of(names.SERVICE_REFRESH),
        _sum(names.SERVICE_HELLO, names.SIGN_AND_UPDATE),
        1.25,
    ),
    _share("core service: verify", "the throughput of /hello", names.SERVICE_VERIFY, names.SERVICE_HELLO, 0.6),
    *(
        _factor(
            f"core service: p99 of {text} at saturation, 2 workers",
            _WORKERS,
            of(names.p99(with_workers(case, 2))),
            of(names.p99(with_workers(case, 1))),
            1.5,
        )
        for text, case in (("create", names.WORKERS_CREATE), ("revoke", names.WORKERS_REVOKE))
    ),
)
