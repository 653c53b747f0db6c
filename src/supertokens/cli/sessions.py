# SPDX-License-Identifier: Apache-2.0
"""`sessions`: list, show and end them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from supertokens.cli.output import (
    as_json_option,
    confirm,
    moment,
    plural,
    printable,
    show_json,
    show_table,
    yes_option,
)
from supertokens.cli.target import core_of_sessions, embedded_core, hosts_are_named, on_a_database
from supertokens.core import Core, EmbeddedCore, system_clock
from supertokens.core.everybody import revoke_everybody, revoke_others
from supertokens.engine.session import ListedSession, SessionInformation
from supertokens.errors import SuperTokensUnauthorisedError
from supertokens.stores.base import EVERYBODY, Store

__all__ = ["sessions"]


@click.group()
def sessions() -> None:
    """List, show, export and end sessions.

    \b
    Examples:
      supertokens sessions list ada
      supertokens sessions list --all --limit 20
      supertokens sessions revoke --user ada
    """


@sessions.command("list")
@click.argument("user", required=False)
@click.option("--all", "everybody", is_flag=True, help="The sessions of all users, ordered by handle.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, metavar="N", help="Show at most N sessions; by default 100."
)
@click.option("--count", "only_count", is_flag=True, help="Print only how many there are.")
@on_a_database
@as_json_option
def list_sessions(
    user: str | None,
    everybody: bool,
    limit: int,
    only_count: bool,
    config_file: Path | None,
    database: str | None,
    as_json: bool,
) -> None:
    """List the sessions of USER, oldest first, or those of all users.

    \b
    Examples:
      supertokens sessions list ada
      supertokens sessions list ada --database instance/supertokens.sqlite3 --json
      supertokens sessions list --all --limit 20
      supertokens sessions list --all --count
    """
    if (user is not None) is everybody:
        raise click.UsageError("give a USER, or use --all")
    if user is None:
        listed, counted = _of_everybody(_core_of_everybody(config_file, database).store)
    else:
        listed, counted = _of_user(core_of_sessions(config_file, database), user)
    if only_count:
        _show_count(counted(), as_json=as_json)
        return
    found = listed(limit + 1)  # one more than is shown tells whether these are all
    if as_json:
        show_json([_for_programs(each) for each in found[:limit]])
    else:
        _show_sessions(found[:limit], user)
    if len(found) > limit:
        click.echo(f"Showing {limit} of {plural(counted(), 'session')}; use --limit to see more.", err=True)


class _Sessions(NamedTuple):
    """The sessions to list: at most a given number, and how many there are in all."""

    listed: Callable[[int], list[ListedSession]]
    counted: Callable[[], int]


def _of_user(core: Core, user: str) -> _Sessions:
    return _Sessions(lambda limit: core.sessions(user, limit=limit), lambda: len(core.session_handles(user)))


def _of_everybody(store: Store) -> _Sessions:
    now = system_clock()
    return _Sessions(
        lambda limit: store.sessions(EVERYBODY, now, limit=limit), lambda: store.count_sessions(EVERYBODY, now)
    )


def _for_programs(session: ListedSession) -> dict[str, object]:
    known = asdict(session)
    del known["client"]
    return known | {"user_agent": session.client.user_agent, "address": session.client.address}


def _show_count(count: int, *, as_json: bool) -> None:
    if as_json:
        show_json({"count": count})
    else:
        click.echo(f"{plural(count, 'session')}.")


def _show_sessions(found: list[ListedSession], user: str | None) -> None:
    if not found:
        click.echo("No sessions." if user is None else f"No sessions of {printable(user)}.")
        return
    whose = () if user is not None else ("user",)
    rows = [
        (
            each.handle,
            *(each.user_id for _ in whose),
            moment(each.created_at),
            moment(each.seen_at),
            moment(each.expires_at),
            each.client.address or "",
            each.client.user_agent or "",
        )
        for each in found
    ]
    show_table(("handle", *whose, "created (UTC)", "last seen (UTC)", "expires (UTC)", "address", "client"), rows)


@sessions.command()
@click.argument("handle")
@on_a_database
@as_json_option
def show(handle: str, config_file: Path | None, database: str | None, as_json: bool) -> None:
    """Show the session HANDLE, including the application's payload and data. Exits with 1 if it does not exist.

    \b
    Examples:
      supertokens sessions show 6e9a1f0c-3f2b-4c57-9b52-0c1f3ad1c7e5
    """
    core = core_of_sessions(config_file, database)
    known = _session(core, handle)
    if known is None:
        raise click.ClickException(f"there is no session {printable(handle)}")
    data = core.session_data(handle)
    if as_json:
        show_json(asdict(known) | {"session_data": data})
        return
    rows = (
        ("handle", known.handle),
        ("user", known.user_id),
        ("created (UTC)", moment(known.created_at)),
        ("expires (UTC)", moment(known.expires_at)),
        ("payload", json.dumps(known.jwt_payload, ensure_ascii=False)),
        ("data", json.dumps(data, ensure_ascii=False)),
    )
    show_table(("", ""), rows, heading=False)


@sessions.command()
@click.argument("handle", required=False)
@click.option("--user", metavar="USER", help="All sessions of this user.")
@click.option("--except", "spared", metavar="HANDLE", help="With --user: keep this session.")
@click.option("--all", "everybody", is_flag=True, help="All sessions of all users, for example after a restore.")
@on_a_database
@yes_option
@as_json_option
def revoke(
    handle: str | None,
    user: str | None,
    spared: str | None,
    everybody: bool,
    config_file: Path | None,
    database: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """End the session HANDLE, all sessions of a user, or all sessions. Exits with 1 if there is no session HANDLE.

    An access token that was issued earlier remains valid until it expires, unless access_token_blacklisting is set.
    With --all, sessions that start after the command are not ended.

    \b
    Examples:
      supertokens sessions revoke 6e9a1f0c-3f2b-4c57-9b52-0c1f3ad1c7e5
      supertokens sessions revoke --user ada --yes
      supertokens sessions revoke --user ada --except 6e9a1f0c-3f2b-4c57-9b52-0c1f3ad1c7e5
      supertokens sessions revoke --all
    """
    if sum((handle is not None, user is not None, everybody)) != 1:
        raise click.UsageError("give a HANDLE, --user or --all")
    if spared is not None and user is None:
        raise click.UsageError("--except requires --user")
    if everybody:
        revoked = _revoke_all(config_file, database, yes=yes)
    else:
        core = core_of_sessions(config_file, database)
        revoked = _revoke_one(core, handle or "", yes=yes) if user is None else _revoke_of(core, user, spared, yes=yes)
    if as_json:
        show_json({"revoked": revoked})
    else:
        click.echo(f"{plural(revoked, 'session')} ended.")


def _revoke_of(core: Core, user: str, spared: str | None, *, yes: bool) -> int:
    handles = core.session_handles(user)
    if spared is not None and spared not in handles:  # a typo must not end the very session that was to be kept
        raise click.ClickException(f"{printable(user)} has no session {printable(spared)}: nothing was ended")
    ending = len(handles) - (spared is not None)
    if ending:
        confirm(
            f"End {plural(ending, 'session' if spared is None else 'other session')} of {printable(user)}?", yes=yes
        )
    return len(core.revoke_user(user) if spared is None else revoke_others(core, user, spared))


def _revoke_one(core: Core, handle: str, *, yes: bool) -> int:
    known = _session(core, handle)
    if known is None:
        raise click.ClickException(f"there is no session {printable(handle)}")
    confirm(f"End this session of {printable(known.user_id)}?", yes=yes)
    return len(core.revoke_sessions([known.handle]))


def _core_of_everybody(config_file: Path | None, database: str | None) -> EmbeddedCore:
    """Return the engine on the database. Raises click.UsageError with `hosts`: no service offers these operations."""
    if database is None and hosts_are_named(config_file):
        problem = "--all needs the database itself; services do not offer it"
        raise click.UsageError(
            f"{problem}: give the service's config.yaml with --with-config, or the database with --database"
        )
    return embedded_core(config_file, database)


def _revoke_all(config_file: Path | None, database: str | None, *, yes: bool) -> int:
    store = _core_of_everybody(config_file, database).store
    count = store.count_sessions(EVERYBODY, system_clock())
    if not count:
        return 0
    confirm(f"End all {plural(count, 'session')} of all users?", yes=yes)
    revoked = 0
    columns = (TextColumn("ending sessions"), BarColumn(), MofNCompleteColumn())
    # On standard error, and only on a terminal, so that programs read nothing but the result.
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("", total=count)
        for some in revoke_everybody(store, system_clock() + 1):
            revoked += some
            progress.advance(task, some)
    return revoked


def _session(core: Core, handle: str) -> SessionInformation | None:
    try:
        return core.session(handle)
    except SuperTokensUnauthorisedError:
        return None
