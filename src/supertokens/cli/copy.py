# SPDX-License-Identifier: Apache-2.0
"""`copy`: all sessions and keys from one store into another, which takes its place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from supertokens.cli.output import as_json_option, plural, printable, show_json
from supertokens.config.databases import Database, parse_database
from supertokens.core import system_clock
from supertokens.core.copying import StoreCopy
from supertokens.stores.base import Movable
from supertokens.stores.opening import open_store

__all__ = ["copy"]

_LINES: Final = 10
"""Lines that say how far it is, where there is no terminal to draw on."""


class _StoreName(click.ParamType[tuple[str, Database]]):
    """A database, by URL or path. What is wrong is said without showing it, since it may hold a password."""

    name = "database"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Database]:
        try:
            return value, parse_database(value)
        except ValueError as error:
            self.fail(printable(str(error)), param, ctx)


_STORE: Final = _StoreName()


@click.command()
@click.option("--from", "source", type=_STORE, required=True, metavar="FILE|URL", help="The database to copy from.")
@click.option("--to", "target", type=_STORE, required=True, metavar="FILE|URL", help="The database to copy to.")
@click.option(
    "--ahead", is_flag=True, help="Copy while services and apps still use the source, to shorten the downtime."
)
@as_json_option
def copy(source: tuple[str, Database], target: tuple[str, Database], ahead: bool, as_json: bool) -> None:
    """Copy all sessions and keys into another database, without logging anybody out.

    Stop everything that uses the source, copy, set 'database' to the target, and start again. The source is not
    changed. The target must be empty, or hold an unfinished copy of the same source: if the command was interrupted,
    run it again. At the end, both databases are read again and compared; until then, nothing can use the target.

    With --ahead, the target stays unusable. Once everything has been stopped, run the command again without --ahead: it
    then copies only what has changed since.

    A password need not be in the URL: PGPASSWORD and ~/.pgpass work too.

    \b
    Examples:
      supertokens copy --from instance/supertokens.sqlite3 --to postgresql://sessions@db.internal/app
      supertokens copy --from sessions.sqlite3 --to postgresql://sessions@db.internal/app --ahead
      supertokens copy --from postgresql://sessions@db.internal/app --to sqlite:////srv/sessions.sqlite3
    """
    (from_url, from_database), (to_url, to_database) = source, target
    _require_two(from_database, to_database)
    here, there = _opened(from_url, makes_tables=False), _opened(to_url, makes_tables=True)
    with _progress() as progress:
        one = StoreCopy(here, there, system_clock(), progress)
        copied = one.copy()
        digest = None if ahead else one.verify()
        keys = 0 if ahead else one.finish()
    if as_json:
        counts = {**copied._asdict(), "keys": keys, "sha256": digest and digest.sha256}
        show_json({"finished": not ahead, **counts})
        return
    name = printable(to_database.name)
    changes = f"{copied.written} written, {copied.removed} removed"
    if digest is None:
        click.echo(f"Copied {plural(copied.sessions, 'session')} to {name} ({changes}). It cannot be used yet.")
        click.echo("Stop everything that uses the source, then run the command again without --ahead.")
        return
    click.echo(f"Copied {plural(copied.sessions, 'session')} and {plural(keys, 'key')} to {name} ({changes}).")
    click.echo(f"The sessions in both databases have the SHA-256 digest {digest.sha256}.")
    click.echo("Now set 'database' to the target, and do not start anything on the source again.")
    if there.read_keys(0).sealed_with is None:
        click.echo("Note: the keys are not sealed with 'encryption_key' in either database.", err=True)


def _require_two(source: Database, target: Database) -> None:
    """Raise click.UsageError unless both are there, as far as that can be seen, and are not one."""
    if source.path is not None and not source.path.is_file():
        raise click.BadParameter(f"there is no file {printable(str(source.path))}", param_hint="'--from'")
    is_same = source == target
    if source.path is not None and target.path is not None:
        with suppress(OSError):
            is_same = source.path.resolve() == target.path.resolve()
    if is_same:
        raise click.BadParameter("is the same database as --from", param_hint="'--to'")


def _opened(url: str, *, makes_tables: bool) -> Movable:
    """Return the store that `url` names, open until the command ends."""
    store = open_store(url, makes_tables=makes_tables)
    click.get_current_context().call_on_close(store.close)
    if not isinstance(store, Movable):
        raise click.ClickException("this kind of store does not support copying")
    return store


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show how far it is on standard error: as a bar on a terminal, otherwise as a few lines."""
    if not sys.stderr.isatty():
        yield _Lines().show
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("copying", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


class _Lines:
    """Says how far it is each time that another tenth is done."""

    def __init__(self) -> None:
        self._said = ("", 0)

    def show(self, what: str, done: int, total: int) -> None:
        tenth = done * _LINES // total if total else _LINES
        if (what, tenth) > self._said or what != self._said[0]:
            self._said = (what, tenth)
            click.echo(f"{what}: {done:,} of {total:,} sessions", err=True)
