# SPDX-License-Identifier: Apache-2.0
"""`migrate`: upgrade a database to this program's schema version."""

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
    """Upgrade the database to this program's schema version; create it if it does not exist.

    Services and apps do that themselves when they start; the command does it in advance. For a database that a newer
    program has written, it changes nothing and exits with 1.

    \b
    Examples:
      supertokens migrate
      supertokens migrate --database instance/supertokens.sqlite3
      supertokens migrate --database postgresql://sessions@db.internal/app
    """
    config = explained_service(config_file, database=database, insecure_allow_no_api_key=True).config
    store = open_embedded_core(config, DEFAULT_DATABASE).store
    if not isinstance(store, Migrating):
        raise click.ClickException("this kind of database has no schema version")
    try:
        before, now = store.migrate()
    finally:
        store.close()
    name = printable(config.database_name or "")
    if as_json:
        show_json({"before": before, "now": now})
    elif before == now:
        click.echo(f"{name} already has schema version {now}: nothing to do.")
    elif before == 0:
        click.echo(f"Created the tables in {name} (schema version {now}).")
    else:
        click.echo(f"Upgraded {name} from schema version {before} to {now}.")
