# SPDX-License-Identifier: Apache-2.0
"""Show results: to people as text and tables, with colours on a terminal only; to programs as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["as_json_option", "confirm", "moment", "plural", "printable", "show_json", "show_table", "yes_option"]

_WIDTH_WITHOUT_TERMINAL: Final = 1000

as_json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON, for programs. Times are in milliseconds since 1970."
)
yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask for confirmation; for scripts.")


def show_json(value: object) -> None:
    """Write `value` as one JSON document, in ASCII, so that values chosen by users cannot disturb a terminal."""
    click.echo(json.dumps(value, indent=2))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, heading: bool = True) -> None:
    """Write a table of `rows` below `columns`, with a `heading`. The first column stands out.

    What does not fit is folded, so that it can be read and copied. The first column, which people copy, is folded only
    if it would take more than half of the width.
    """
    console = Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL)
    box = SIMPLE_HEAD if heading else None
    table = Table(
        box=box, show_edge=False, show_header=heading, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold"
    )
    in_one_piece = all(len(printable(str(row[0]))) <= console.width // 2 for row in rows)
    for number, column in enumerate(columns):
        first = number == 0
        table.add_column(column, style="cyan" if first else "", overflow="fold", no_wrap=first and in_one_piece)
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    console.print(table)


def printable(text: str) -> str:
    """Return `text` with everything that could control a terminal written as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def moment(ms: int) -> str:
    """Return `ms` as a readable time in UTC, to the second. The time zone belongs in the heading."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError):  # beyond the year 9999
        return f"{ms} ms"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def confirm(question: str, *, yes: bool) -> None:
    """Ask `question`, unless `yes`, and return only if the answer is yes.

    Raise click.UsageError without a terminal, click.Abort for a no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        problem = "this cannot be undone, and there is no terminal to confirm it; add --yes to proceed"
        raise click.UsageError(problem)
    click.confirm(question, abort=True, err=True)
