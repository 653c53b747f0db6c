# SPDX-License-Identifier: Apache-2.0
"""`migrate`: bring a database to the version of this program."""

from __future__ import annotations

from pathlib import Path

import click

from supertokens.cli.output import as_json_option, printable, show_json
from supertokens.cli.target import explained_service, on_a_database
from supertokens.stores.base import Migrating
from supertokens.topology import DEFAULT_DATABASE, open_embedded_core

__all__ = ["migrate"]


@click.command()
@on_a_database
@as_json_option
def migrate(config_file: Path | None, database: str | None, as_json: bool) -> None:
    """Bring the database to the version of this program; make it where there is none.

    Services and apps do that themselves when they start. The command is for doing it before. Exits with 1, and changes
    nothing, for a database that a newer program has written.

    \b
    Examples:
      supertokens migrate
      supertokens migrate --database instance/supertokens.sqlite3
      supertokens migrate --database postgresql://sessions@db.internal/app
    """
    config = explained_service(config_file, database=database, insecure_allow_no_api_key=True).config
    store = open_embedded_core(config, DEFAULT_DATABASE).store
    if not isinstance(store, Migrating):
        raise click.ClickException("the tables of this database have no version")
    try:
        before, now = store.migrate()
    finally:
        store.close()
    name = printable(config.database_name or "")
    if as_json:
        show_json({"before": before, "now": now})
    elif before == now:
        click.echo(f"{name} has version {now} already: nothing to do.")
    elif before == 0:
        click.echo(f"{name} has got its tables, in version {now}.")
    else:
        click.echo(f"{name} was brought from version {before} to {now}.")
