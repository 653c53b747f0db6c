# SPDX-License-Identifier: Apache-2.0
"""The figures of a result as tables: on the terminal, and as Markdown for docs/performance.md."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks import names
from benchmarks.goals import BREAKDOWN, Outcome, added_cost, throughput_ratio
from benchmarks.result import Result
from benchmarks.rounds import Figure

__all__ = ["details", "summary", "terminal"]

Row = tuple[str, ...]

_GOAL_HEAD: Final[Row] = ("case", "goal", "measured", "quartiles", "from minima", "")
_REQUEST_HEAD: Final[Row] = ("request", "minimum", "median", "added to bare", "of bare's throughput")
_PART_HEAD: Final[Row] = ("stretch", "µs")
_UNIT_HEAD: Final[Row] = ("operation", "minimum", "median")
_RATE_HEAD: Final[Row] = ("operation", "µs each", "per second")
_SERVICE_HEAD: Final[Row] = ("request", "per second", "quartiles", "× RSA sign", "× RSA verify")
_LINE: Final = 120
_MARKS: Final = {"met": "✓ met", "missed": "✗ missed", "not measured": "– not measured"}

_REQUESTS: Final = (
    names.BARE_GET, names.OURS_GET, names.OURS_FIRST_SIGHT, names.OURS_QUERY, *names.PEERS, names.BARE_POST,
    names.OURS_POST, names.OURS_CREATE, names.OURS_REFRESH, names.OURS_REFRESH_AND_USE,
)  # fmt: skip
_UNITS: Final = (
    names.CORE_SEEN, names.CORE_FIRST_SIGHT, names.CORE_REFRESH, names.STORE_GET, names.RSA_SIGN, names.RSA_VERIFY,
    names.FSYNC,
)  # fmt: skip


def terminal(result: Result) -> str:
    """Everything, in columns."""
    parts = [
        "",
        _columns("Requests through WSGI, in µs", _REQUEST_HEAD, _request_rows(result)),
        _columns("Where the microseconds go", _PART_HEAD, _part_rows(result)),
        _columns("Units, in µs", _UNIT_HEAD, _unit_rows(result)),
        _columns("Threads, and a real server", _RATE_HEAD, _rate_rows(result)),
        _columns("Core service", _SERVICE_HEAD, _service_rows(result)),
        _columns("Goals", _GOAL_HEAD, [_goal_row(each) for each in result.outcomes]),
        _verdict(result),
        "",
        *_remarks(result),
    ]
    return "\n".join(part for part in parts if part is not None)


def summary(result: Result) -> str:
    """What `benchmarks/results/latest.md` shows: goals and requests, as Markdown."""
    peers = [row for row in _request_rows(result) if "," in row[0]]
    return "\n\n".join(
        [
            _table(("case", "goal", "measured", ""), [_short(_goal_row(each)) for each in result.outcomes]),
            _table(_REQUEST_HEAD, peers),
            f"µs per request through WSGI, without a socket.\n{_provenance(result)}",
        ]
    )


def details(result: Result) -> str:
    """What docs/performance.md shows: every figure, as Markdown."""
    remarks = _remarks(result)
    parts = [
        _provenance(result),
        *(["\n".join(f"- {remark}" for remark in remarks)] if remarks else []),
        "### Goals",
        _table(_GOAL_HEAD, [_goal_row(each) for each in result.outcomes]),
        "### Requests",
        "µs through WSGI, without a socket.",
        _table(_REQUEST_HEAD, _request_rows(result)),
        "### Stretches",
        "µs, the median over the rounds. Indented: a part of the line above.",
        _table(_PART_HEAD, _part_rows(result)),
        "### Units",
        "µs.",
        _table(_UNIT_HEAD, _unit_rows(result)),
        "### Threads and server",
        "Medians. Throughput is that of all threads, or of both workers, together.",
        _table(_RATE_HEAD, _rate_rows(result)),
        "### Core service",
        textwrap.fill(
            "wrk over 8 connections and the service with its default settings share the cores. × RSA sign, × RSA"
            " verify: as a multiple of what `openssl speed rsa2048` does on one core in the same rounds.",
            _LINE,
        ),
        _table(_SERVICE_HEAD, _service_rows(result)),
        *_memory(result),
    ]
    return "\n\n".join(parts)


# Rows


def _goal_row(each: Outcome) -> Row:
    goal, figure = each.goal, each.figure
    if figure is None:
        return (goal.case, goal.text, "–", "–", "–", _MARKS[each.verdict])
    quartiles = f"{goal.written(figure.low)} … {goal.written(figure.high)}"
    measured = goal.written(figure.median)
    return (goal.case, goal.text, measured, quartiles, goal.written(figure.of_minima), _MARKS[each.verdict])


def _short(goal_row: Row) -> Row:
    case, goal, measured, _, _, mark = goal_row
    return (case, goal, measured, mark)


def _request_rows(result: Result) -> list[Row]:
    timings = result.sections.get("per request", {})
    rows: list[Row] = []
    for name in _REQUESTS:
        if name not in timings:
            continue
        bare = names.BARE_GET if "GET" in name else names.BARE_POST
        if name == bare:
            rows.append((name, *_minimum_and_median(timings[name]), "–", "1"))
            continue
        added = Figure.of(added_cost(name, bare), timings).median
        ratio = Figure.of(throughput_ratio(name, bare), timings).median
        rows.append((name, *_minimum_and_median(timings[name]), f"{added:.1f}", f"{ratio:.2f}"))
    return rows


def _part_rows(result: Result) -> list[Row]:
    timings = result.sections.get("per request", {})
    if not timings:
        return []
    indents = ("", "· ")
    return [(indents[part.depth] + part.name, f"{Figure.of(part.quantity, timings).median:.1f}") for part in BREAKDOWN]


def _unit_rows(result: Result) -> list[Row]:
    timings = result.sections.get("per request", {})
    return [(name, *_minimum_and_median(timings[name])) for name in _UNITS if name in timings]


def _rate_rows(result: Result) -> list[Row]:
    rows: list[Row] = []
    for section in ("verify by threads", "create by threads", "real server"):
        for name, times in result.sections.get(section, {}).items():
            median = statistics.median(times)
            rows.append((name, f"{median:.1f}", f"{1e6 / median:,.0f}"))
    return rows


def _service_rows(result: Result) -> list[Row]:
    timings = result.sections.get("service", {})
    rows: list[Row] = []
    for name in (*names.SERVICE, names.OPENSSL_SIGN, names.OPENSSL_VERIFY):
        if name not in timings:
            continue
        rate = Figure.of(lambda times, name=name: 1e6 / times[name], timings)  # type: ignore[misc]
        multiples = [
            f"{Figure.of(throughput_ratio(name, unit), timings).median:.2f}" if unit in timings else "–"
            for unit in (names.OPENSSL_SIGN, names.OPENSSL_VERIFY)
        ]
        rows.append((name, f"{rate.median:,.0f}", f"{rate.low:,.0f} … {rate.high:,.0f}", *multiples))
    return rows


def _memory(result: Result) -> list[str]:
    timings = result.sections.get("service at rest", {})
    if not timings:
        return []
    resident, proportional = (
        statistics.median(timings[name]) / 1e6 for name in (names.SERVICE_RESIDENT, names.SERVICE_PROPORTIONAL)
    )
    words = (
        f"At rest a worker holds {resident:.0f} MB, counting the pages that it shares with other processes in full"
        f" (RSS), or {proportional:.0f} MB, counting its part of them (PSS)."
    )
    return [textwrap.fill(words, _LINE)]


def _minimum_and_median(times: Sequence[float]) -> tuple[str, str]:
    return f"{min(times):.1f}", f"{statistics.median(times):.1f}"


# Words


def _verdict(result: Result) -> str:
    verdicts = [each.verdict for each in result.outcomes]
    return f"{verdicts.count('met')} of {len(verdicts)} goals met."


def _provenance(result: Result) -> str:
    machine = result.machine
    words = (
        f"Measured {result.measured_at} at commit {result.commit} by `make bench`:"
        f" {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, {machine['file_system']},"
        f" {machine['python']}, SQLite {machine['sqlite']}, {machine['openssl']}."
    )
    return textwrap.fill(words, _LINE)


def _remarks(result: Result) -> list[str]:
    remarks = []
    if result.quick:
        remarks.append("Quick mode: few and short rounds. Good for trying things out, not for publishing.")
    if result.machine["busy"]:
        remarks.append(f"The machine was busy when it began (load {result.machine['load']}): measure again.")
    if result.machine["file_system"] == "tmpfs":
        remarks.append("The stores were in memory: an fsync cost nothing, so creates say nothing.")
    if "real server" not in result.sections:
        remarks.append("The real server was not measured: wrk is not installed, or it was left out.")
    if "service" not in result.sections:
        remarks.append("The core service was not measured: wrk or openssl is not installed, or it was left out.")
    return remarks


# Layout


def _columns(title: str, head: Row, rows: Sequence[Row]) -> str | None:
    if not rows:
        return None
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]

    def lines() -> Iterator[str]:
        yield title
        for row in (head, *rows):
            first, *others = (cell.replace("**", "") for cell in row)
            yield "  " + "  ".join(
                [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
            )
        yield ""

    return "\n".join(lines())


def _table(head: Row, rows: Sequence[Row]) -> str:
    marks = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows))
