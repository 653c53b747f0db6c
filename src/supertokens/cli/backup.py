# SPDX-License-Identifier: Apache-2.0
"""`backup` and `restore`: copy a database that is in use to a file, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from supertokens.cli.output import as_json_option, confirm, plural, printable, show_json, yes_option
from supertokens.cli.target import existing_database, explained_service, on_a_database
from supertokens.config import Config
from supertokens.stores.base import Copying
from supertokens.topology import DEFAULT_DATABASE, open_embedded_core

__all__ = ["backup", "restore"]

_NO_FILE: Final = "this database is not a file: back it up and restore it with its own tools"
_FILE: Final = click.Path(path_type=Path, dir_okay=False, readable=False)


@click.command()
@click.argument("target", type=_FILE)
@click.option("--force", is_flag=True, help="Replace TARGET if it exists.")
@on_a_database
@as_json_option
def backup(target: Path, force: bool, config_file: Path | None, database: str | None, as_json: bool) -> None:
    """Copy the database to the file TARGET while services and apps use it.

    Only its owner can read the copy (mode 0600): unless the keys are sealed with 'encryption_key', anyone who reads it
    can forge valid tokens for every session in it.

    \b
    Examples:
      supertokens backup /var/backups/sessions.sqlite3
      supertokens backup nightly.sqlite3 --force --database instance/supertokens.sqlite3
    """
    with _store(existing_database(config_file, database)) as store, _progress("Copying") as progress:
        try:
            sessions = store.back_up(target, overwrite=force, progress=progress)
        except FileExistsError as error:
            raise click.ClickException(f"{printable(str(error))}; choose another name, or add --force") from error
    size = target.stat().st_size
    if as_json:
        show_json({"file": str(target.absolute()), "sessions": sessions, "bytes": size})
    else:
        click.echo(f"Saved {plural(sessions, 'session')} and the keys to {printable(str(target))} ({size:,} bytes).")


@click.command()
@click.argument("source", type=_FILE)
@on_a_database
@yes_option
@as_json_option
def restore(source: Path, config_file: Path | None, database: str | None, yes: bool, as_json: bool) -> None:
    """Replace the contents of the database with the backup SOURCE, while services and apps use it.

    They keep running, and load the backup's keys within a minute. Their writes wait until the copy is complete.
    Sessions that were revoked since the backup are active again afterwards, and those created since then are gone. To
    rule out the former, make all users log in again: 'supertokens sessions revoke --all', then 'supertokens keys
    rotate --now'.

    \b
    Examples:
      supertokens restore /var/backups/sessions.sqlite3
      supertokens restore nightly.sqlite3 --yes --database instance/supertokens.sqlite3
    """
    config = explained_service(config_file, database=database, insecure_allow_no_api_key=True).config
    if not source.is_file():
        raise click.ClickException(f"there is no file {printable(str(source))}")
    if config.sqlite_path is None:
        raise click.ClickException(_NO_FILE)
    confirm(f"Replace all sessions and keys in {printable(str(config.sqlite_path))} with those of the backup?", yes=yes)
    with _store(config) as store, _progress("Restoring") as progress:
        sessions = store.restore(source, progress=progress)
    if as_json:
        show_json({"file": str(config.sqlite_path), "sessions": sessions})
        return
    click.echo(f"Restored {plural(sessions, 'session')} and the keys to {printable(str(config.sqlite_path))}.")
    click.echo(
        "Warning: sessions that were revoked since the backup are active again. To end them, make all users log in"
        " again: 'supertokens sessions revoke --all', then 'supertokens keys rotate --now'.",
        err=True,
    )


@contextmanager
def _store(config: Config) -> Iterator[Copying]:
    core = open_embedded_core(config, DEFAULT_DATABASE)
    try:
        if not isinstance(core.store, Copying):
            raise click.ClickException(_NO_FILE)
        yield core.store
    finally:
        core.close()


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show under `label` how much is done, on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.length = max(1, total)
            bar.update(done - bar.pos)

        yield show
