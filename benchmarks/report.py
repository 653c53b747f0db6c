# SPDX-License-Identifier: Apache-2.0
"""What is told of a result: on the terminal, in a sentence for the README, and as a page for docs/performance.md."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterator
from typing import Final

from benchmarks import names
from benchmarks.result import Result
from benchmarks.tables import Table, tables

__all__ = ["details", "headline", "terminal"]

_LINE: Final = 120


def terminal(result: Result) -> str:
    """Everything, in columns, and the goals last."""
    goals, *others = tables(result)
    parts = ["", *map(_columns, [*others, goals]), _verdict(result), "", *_remarks(result), *_at_rest(result)]
    return "\n".join(parts)


def headline(result: Result) -> str:
    """What the README shows: which run it is, and how many goals it met."""
    missed = [each.goal.case for each in result.outcomes if each.verdict == "missed"]
    words = (
        f"Measured on {result.measured_at[:10]} on {result.machine['cpu']}, {result.machine['cores']} cores, at commit"
        f" {result.commit}: {_verdict(result)}"
    )
    if missed:
        words += " [Which goals it missed, and all figures](docs/performance.md#figures)."
    else:
        words += " [All figures](docs/performance.md#figures)."
    return _filled(words)


def details(result: Result) -> str:
    """What docs/performance.md shows: every figure, as Markdown."""
    remarks = _remarks(result)
    parts = [_provenance(result), *(["\n".join(f"- {remark}" for remark in remarks)] if remarks else [])]
    for table in tables(result):
        about = [_filled(table.about)] if table.about else []
        parts += [f"### {table.title}", *about, _markdown(table)]
    return "\n\n".join([*parts, *_at_rest(result)])


# Words


def _verdict(result: Result) -> str:
    verdicts = [each.verdict for each in result.outcomes]
    met, missed, absent = (verdicts.count(each) for each in ("met", "missed", "not measured"))
    return f"{met} of {len(verdicts)} goals met, {missed} missed{f', {absent} not measured' if absent else ''}."


def _provenance(result: Result) -> str:
    machine = result.machine
    words = (
        f"Measured {result.measured_at} at commit {result.commit} by `make bench`:"
        f" {machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, {machine['file_system']},"
        f" {machine['python']}, SQLite {machine['sqlite']}, {machine['openssl']}. {_verdict(result)} Times are in µs"
        " unless stated otherwise."
    )
    return _filled(words)


def _at_rest(result: Result) -> list[str]:
    timings = result.sections.get("service at rest", {})
    if not timings:
        return []
    start, resident, proportional = (
        statistics.median(timings[name]) / 1e6
        for name in (names.SERVICE_START, names.SERVICE_RESIDENT, names.SERVICE_PROPORTIONAL)
    )
    words = (
        f"A service replies {start:.2f} s after its start. At rest a worker holds {resident:.0f} MB, counting the pages"
        f" that it shares with others in full (RSS), or {proportional:.0f} MB, counting its part of them (PSS)."
    )
    return [_filled(words)]


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


def _filled(words: str) -> str:
    return textwrap.fill(words, _LINE, break_long_words=False, break_on_hyphens=False)


def _columns(table: Table) -> str:
    everything = (table.head, *table.rows)
    widths = [max(len(row[index]) for row in everything) for index in range(len(table.head))]

    def lines() -> Iterator[str]:
        yield table.title
        for row in everything:
            first, *others = (cell.replace("**", "") for cell in row)
            cells = [
                first.ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)),
            ]
            yield f"  {'  '.join(cells)}".rstrip()
        yield ""

    return "\n".join(lines())


def _markdown(table: Table) -> str:
    marks = ["---", *("---:" for _ in table.head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (table.head, marks, *table.rows))
