# SPDX-License-Identifier: Apache-2.0
"""The figures of a result in rows: one table for each thing that is asked."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks import names
from benchmarks.goals import Outcome, Round, added_cost, throughput_ratio
from benchmarks.result import Result
from benchmarks.rounds import Figure, Timings
from benchmarks.stretches import BREAKDOWN

__all__ = ["Row", "Table", "tables"]

Row = tuple[str, ...]

_MARKS: Final = {"met": "✓ met", "missed": "✗ missed", "not measured": "– not measured"}
_NONE: Final = "–"
_MANY: Final = 100
"""Operations from which on 99 of 100 are fewer than all."""

_REQUESTS: Final = (
    names.BARE_GET, names.OURS_GET, names.OURS_FIRST_SIGHT, names.OURS_QUERY, names.OURS_PUSH, names.OURS_PAGE,
    names.OURS_RENEWED, names.OURS_RENEWED_TOGETHER, names.REFRESHING_VIEW, names.OURS_FIRST_USE, *names.PEERS,
    names.BARE_POST, names.OURS_POST, names.OURS_CREATE, names.OURS_REFRESH, names.OURS_LOGOUT,
)  # fmt: skip
_OTHERS: Final = (
    names.SUPERTOKENS_PYTHON_BARE, names.SUPERTOKENS_PYTHON, names.DJANGO_BARE,
    names.DJANGO_CACHED_DB, names.DJANGO_DB, names.DJANGO_SIGNED, names.FASTAPI_BARE, names.BETTER_AUTH,
    names.CRUDAUTH, names.FASTAPI_USERS,
)  # fmt: skip
_FRAMEWORKS: Final = (
    names.FASTAPI_BARE, names.OURS_FASTAPI, names.BETTER_AUTH, names.CRUDAUTH, names.FASTAPI_USERS,
    names.STARLETTE_BARE, names.OURS_STARLETTE, names.DJANGO_BARE, names.OURS_DJANGO, names.DJANGO_CACHED_DB,
    names.DJANGO_DB, names.DJANGO_SIGNED, names.DJANGO_PROJECT, names.OURS_DJANGO_PROJECT,
)  # fmt: skip
_UNITS: Final = (
    names.CORE_SEEN, names.CORE_FIRST_SIGHT, names.CORE_REFRESH, names.REVOKE_USER, names.STORE_GET, names.RSA_SIGN,
    names.RSA_VERIFY, names.VERIFY_AND_DECODE, names.SIGN_AND_INSERT, names.SIGN_AND_UPDATE, names.FSYNC,
)  # fmt: skip
_STORED: Final = (
    names.STORE_GET, names.CORE_CREATE, names.CORE_REFRESH, names.FIRST_USE, names.REVOKE_ONE, names.SWEEP,
)  # fmt: skip
_POSTGRES: Final = "PostgreSQL"
_RATIO: Final = "µs, and the ratio of the medians over the rounds."
_BY_SIZE: Final = (
    "operation", f"p50, {names.STORE_SIZES[0]:,}", "p99", f"p50, {names.STORE_SIZES[1]:,}", "p99", "ratio",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """`about`: what stands above it in a document."""

    title: str
    about: str
    head: Row
    rows: Sequence[Row]


def tables(result: Result) -> list[Table]:
    """Return those for which there are figures, and the goals always."""
    every = [
        _goals(result),
        _requests(result),
        _others(result),
        _frameworks(result),
        _active(result),
        _stretches(result),
        _units(result),
        _logins(result),
        _filled(result),
        _postgres(result),
        _psycopg(result),
        _rates(result),
        _service(result),
        _workers(result),
    ]
    return [table for table in every if table.rows]


# Requests


def _goals(result: Result) -> Table:
    head = ("case", "goal", "measured", "quartiles", "from minima", "")
    return Table("Goals", "", head, [_goal(each) for each in result.outcomes])


def _goal(each: Outcome) -> Row:
    goal, figure = each.goal, each.figure
    if figure is None:
        return (goal.case, goal.text, _NONE, _NONE, _NONE, _MARKS[each.verdict])
    quartiles = f"{goal.written(figure.low)} … {goal.written(figure.high)}"
    measured = goal.written(figure.median)
    return (goal.case, goal.text, measured, quartiles, goal.written(figure.of_minima), _MARKS[each.verdict])


_REQUEST_HEAD: Final[Row] = ("request", "µs", "p50", "p99", "added to bare", "of bare's throughput")


def _requests(result: Result) -> Table:
    section = "per request"
    bare_of = {name: names.BARE_GET if "GET" in name else names.BARE_POST for name in _REQUESTS}
    about = "Through WSGI, without a socket."
    return Table("Requests", about, _REQUEST_HEAD, _beside_bare(result, section, _REQUESTS, bare_of))


def _others(result: Result) -> Table:
    about = "Each framework in a process of its own, beside the bare route of that process."
    rows = _beside_bare(result, "other peers", _OTHERS, names.BARE_OF)
    return Table("Peers in other processes", about, _REQUEST_HEAD, rows)


def _frameworks(result: Result) -> Table:
    about = (
        "Without a socket: FastAPI and Starlette through ASGI in one process, Django through WSGI in another, where"
        " all have no other middleware but the two with that of a new project."
    )
    rows = _beside_bare(result, "frameworks", _FRAMEWORKS, names.BARE_OF)
    return Table("Frameworks", about, _REQUEST_HEAD, rows)


def _active(result: Result) -> Table:
    section = "active sessions"
    cases = [names.BARE_GET, *(names.with_active(count) for count in names.ACTIVE_SESSIONS)]
    rows = _beside_bare(result, section, cases, dict.fromkeys(cases, names.BARE_GET))
    about = "A protected GET; the session that asks next is drawn at random."
    timings = result.sections.get(section, {})
    if names.CACHE_BYTES in timings:
        megabytes = timings[names.CACHE_BYTES][0] / 1e6
        about += f" The cache takes {megabytes:.1f} MB with {names.CACHED_SESSIONS:,} sessions."
    return Table("Active sessions", about, _REQUEST_HEAD, rows)


def _beside_bare(result: Result, section: str, cases: Sequence[str], bare_of: dict[str, str]) -> list[Row]:
    timings = result.sections.get(section, {})
    rows: list[Row] = []
    for name in cases:
        if name not in timings:
            continue
        bare = bare_of.get(name, name)
        start = (name, _median(timings, name), *_each(result, section, name))
        if name == bare:
            rows.append((*start, _NONE, "1"))
            continue
        added = Figure.of(added_cost(name, bare), timings).median
        ratio = Figure.of(throughput_ratio(name, bare), timings).median
        rows.append((*start, f"{added:.1f}", f"{ratio:.2f}"))
    return rows


def _stretches(result: Result) -> Table:
    timings = result.sections.get("per request", {})
    indents = ("", "· ")
    rows = [
        (indents[part.depth] + part.name, f"{Figure.of(part.quantity, timings).median:.1f}")
        for part in (BREAKDOWN if timings else ())
    ]
    return Table(
        "Stretches", "The median over the rounds. Indented: a part of the line above.", ("stretch", "µs"), rows
    )


_UNIT_HEAD: Final[Row] = ("operation", "minimum", "µs", "p50", "p99")


def _units(result: Result) -> Table:
    return Table("Units", "", _UNIT_HEAD, _plain(result, "per request", _UNITS))


def _plain(result: Result, section: str, cases: Sequence[str]) -> list[Row]:
    timings = result.sections.get(section, {})
    return [
        (name, f"{min(timings[name]):.1f}", _median(timings, name), *_each(result, section, name))
        for name in cases
        if name in timings
    ]


# Writes


def _logins(result: Result) -> Table:
    cases = [name for name in result.sections.get("log-in", {}) if "fsync" not in name or "sign" in name]
    about = "Requests through WSGI, and what they are made of, in the same rounds."
    return Table("Logins and algorithms", about, _UNIT_HEAD, _plain(result, "log-in", [*cases, names.FSYNC]))


def _filled(result: Result) -> Table:
    section = "filled store"
    timings = result.sections.get(section, {})
    rows = _by_size(result, section, _STORED)
    for name in (names.LIST_PAGE, names.LIST_ALL):
        if name in timings:
            p50, p99 = _each(result, section, name)
            rows.append((name, _NONE, _NONE, p50 if p50 != _NONE else _median(timings, name), p99, _NONE))
    return Table("A store of a million sessions", _RATIO, _BY_SIZE, rows)


def _postgres(result: Result) -> Table:
    rows = _by_size(result, _POSTGRES, (names.POSTGRES_GET, names.POSTGRES_ACCEPT, names.POSTGRES_REVOKE))
    return Table("A PostgreSQL database of a million sessions", _RATIO, _BY_SIZE, rows)


def _psycopg(result: Result) -> Table:
    timings = result.sections.get(_POSTGRES, {})
    pairs = (
        (names.POSTGRES_CREATE, names.POSTGRES_CREATE_ALONE),
        (names.POSTGRES_REFRESH, names.POSTGRES_REFRESH_ALONE),
    )
    rows: list[Row] = []
    for pair in pairs:
        for name in pair:
            if name in timings:
                share = Figure.of(throughput_ratio(name, pair[1]), timings).median
                rows.append((name, _median(timings, name), *_each(result, _POSTGRES, name), f"{share:.2f}"))
    about = "Throughput beside psycopg's is the ratio in each round, its median over the rounds."
    return Table("PostgreSQL beside psycopg alone", about, ("operation", "µs each", "p50", "p99", "of psycopg's"), rows)


def _by_size(result: Result, section: str, operations: Sequence[str]) -> list[Row]:
    """Return a row for each of `operations` that was measured in stores of both sizes."""
    timings = result.sections.get(section, {})
    small, large = names.STORE_SIZES
    rows: list[Row] = []
    for name in operations:
        one, other = names.in_store_of(name, small), names.in_store_of(name, large)
        if one in timings and other in timings:
            ratio = Figure.of(throughput_ratio(one, other), timings).median
            rows.append((name, *_each(result, section, one), *_each(result, section, other), f"{ratio:.2f}"))
    return rows


def _rates(result: Result) -> Table:
    rows: list[Row] = []
    for section in ("verify by threads", "create by threads", "real server"):
        timings = result.sections.get(section, {})
        for name in _loads(timings):
            median = statistics.median(timings[name])
            rows.append((name, f"{median:.1f}", f"{1e6 / median:,.0f}", *_each(result, section, name)))
    about = "Throughput is that of all threads, or of both workers, together; the percentiles are those of one caller."
    return Table("Threads and server", about, ("operation", "µs each", "per second", "p50", "p99"), rows)


# The core service


def _service(result: Result) -> Table:
    section = "service"
    timings = result.sections.get(section, {})
    rows: list[Row] = []
    for name in (*names.SERVICE, names.OPENSSL_SIGN, names.OPENSSL_VERIFY):
        if name not in timings:
            continue
        rate = Figure.of(_rate(name), timings)
        multiples = [
            f"{Figure.of(throughput_ratio(name, unit), timings).median:.2f}" if unit in timings else _NONE
            for unit in (names.OPENSSL_SIGN, names.OPENSSL_VERIFY)
        ]
        each = _milliseconds(timings, name)
        rows.append((name, f"{rate.median:,.0f}", f"{rate.low:,.0f} … {rate.high:,.0f}", *each, *multiples))
    head = ("request", "per second", "quartiles", "p50, ms", "p99, ms", "× RSA sign", "× RSA verify")
    about = (
        "wrk over 8 connections and the service with its default settings share the cores. × RSA sign, × RSA verify: as"
        " a multiple of what `openssl speed rsa2048` does on one core in the same rounds."
    )
    return Table("Core service", about, head, rows)


def _workers(result: Result) -> Table:
    timings = result.sections.get("service by workers", {})
    rows: list[Row] = []
    for case in (names.WORKERS_CREATE, names.WORKERS_REVOKE):
        one, two = names.with_workers(case, 1), names.with_workers(case, 2)
        for name in (one, two):
            if name in timings:
                rate = Figure.of(_rate(name), timings).median
                share = Figure.of(throughput_ratio(name, one), timings).median
                rows.append((name, f"{rate:,.0f}", f"{share:.2f}", *_milliseconds(timings, name)))
    head = ("request", "per second", "of 1 worker's", "p50, ms", "p99, ms")
    about = "wrk over 8 connections sends writes as fast as they are answered, and shares the cores."
    return Table("Writes by workers", about, head, rows)


# Figures


def _median(timings: Timings, name: str) -> str:
    return f"{statistics.median(timings[name]):.1f}"


def _rate(name: str) -> Callable[[Round], float]:
    return lambda times: 1e6 / times[name]


def _each(result: Result, section: str, name: str) -> tuple[str, str]:
    """The percentiles of single operations (µs), and how many those were if they were few."""
    spread = result.spreads.get(section, {}).get(name)
    if spread is not None:
        few = f" ({spread.operations})" if spread.operations < _MANY else ""
        return f"{spread.p50:.1f}", f"{spread.p99:.1f}{few}"
    timings = result.sections.get(section, {})
    if names.p99(name) in timings:
        return _median(timings, names.p50(name)), _median(timings, names.p99(name))
    return _NONE, _NONE


def _milliseconds(timings: Timings, name: str) -> tuple[str, str]:
    if names.p99(name) not in timings:
        return _NONE, _NONE
    p50, p99 = (statistics.median(timings[each(name)]) / 1000 for each in (names.p50, names.p99))
    return f"{p50:.2f}", f"{p99:.2f}"


def _loads(timings: Timings) -> list[str]:
    """The cases themselves, without the percentiles that are measured along with them."""
    along = {figure(name) for name in timings for figure in (names.p50, names.p99)}
    return [name for name in timings if name not in along]
