# SPDX-License-Identifier: Apache-2.0
"""`sessions export` and `sessions forget-clients`: export or erase what is stored about a person."""

from __future__ import annotations

import json
from pathlib import Path

import click

from supertokens.cli.output import as_json_option, confirm, plural, printable, show_json, yes_option
from supertokens.cli.target import core_of_sessions, on_a_database
from supertokens.core.export import exported_sessions
from supertokens.engine.noted_client import NOTHING_NOTED

__all__ = ["export", "forget_clients"]


@click.command()
@click.argument("user")
@on_a_database
def export(user: str, config_file: Path | None, database: str | None) -> None:
    """Write everything that is stored about USER's sessions, one JSON object per line, oldest first.

    It contains payloads and session data, so be careful where you store it. Tokens are not stored, so it contains none.

    \b
    Examples:
      supertokens sessions export ada > ada.jsonl
    """
    for session in exported_sessions(core_of_sessions(config_file, database), user):
        click.echo(json.dumps(session))  # in ASCII: values chosen by users cannot disturb a terminal


@click.command()
@click.argument("user")
@on_a_database
@yes_option
@as_json_option
def forget_clients(user: str, config_file: Path | None, database: str | None, yes: bool, as_json: bool) -> None:
    """Erase what USER's sessions record about their clients: User-Agent and address. The user stays logged in.

    The next refresh of a session records its client again, as record_client says.

    \b
    Examples:
      supertokens sessions forget-clients ada
    """
    core = core_of_sessions(config_file, database)
    noted = sum(each.client != NOTHING_NOTED for each in core.sessions(user))
    if noted:
        confirm(f"Erase User-Agent and address from {plural(noted, 'session')} of {printable(user)}?", yes=yes)
    forgotten = len(core.forget_clients(user))
    if as_json:
        show_json({"forgotten": forgotten})
    else:
        click.echo(f"Erased User-Agent and address from {plural(forgotten, 'session')}.")
