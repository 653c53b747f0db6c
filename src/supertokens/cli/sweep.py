# SPDX-License-Identifier: Apache-2.0
"""`sessions sweep`: delete what has expired."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from supertokens.cli.output import as_json_option, plural, show_json
from supertokens.cli.target import embedded_core, on_a_database

__all__ = ["sweep"]


@click.command()
@on_a_database
@as_json_option
def sweep(config_file: Path | None, database: str | None, as_json: bool) -> None:
    """Delete the expired sessions from the database, at most 500 at a time, while services and apps use it.

    Expired sessions are refused whether they are there or not; this makes room. Services and apps do a little of it
    with every login. It can be interrupted at any time, and says what it has done; several may run at once.

    \b
    Examples:
      supertokens sessions sweep
      supertokens sessions sweep --database postgresql://sessions@db.internal/app
    """
    core = embedded_core(config_file, database)
    swept, is_done = 0, False
    try:
        for some in core.sweep_in_steps():
            swept += some
        is_done = True
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
    if as_json:
        show_json({"deleted": swept, "finished": is_done})
    else:
        click.echo(f"{plural(swept, 'expired session')} deleted.")
    if not is_done:
        sys.exit(1)
