# SPDX-License-Identifier: Apache-2.0
"""`keys`: which ones there are, and a new one to sign with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from supertokens.cli.output import as_json_option, confirm, moment, show_json, show_table, yes_option
from supertokens.cli.target import embedded_core, hosts_are_named, on_a_database
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine.signing_keys import MAX_RING_AGE_TO_VERIFY, PUBLISHED_AHEAD, KeyRing

__all__ = ["keys"]

_WITHIN: Final = MAX_RING_AGE_TO_VERIFY // 1000  # seconds


@click.group()
def keys() -> None:
    """Look at the keys, and change the one that signs access tokens.

    \b
    Examples:
      supertokens keys list
      supertokens keys rotate --now
    """


@keys.command("list")
@on_a_database
@as_json_option
def list_keys(config_file: Path | None, database: str | None, as_json: bool) -> None:
    """List the keys in the database: what each is for, never the key itself.

    \b
    Examples:
      supertokens keys list
      supertokens keys list --database instance/supertokens.sqlite3 --json
    """
    core = _core(config_file, database)
    now = system_clock()
    found = _described(core.keys.to_verify(now), now)
    if as_json:
        show_json(found)
    else:
        show_table(
            ("id", "purpose", "use", "created (UTC)"),
            [(key["id"], key["purpose"], key["use"], moment(key["created_at"])) for key in found],
        )


@keys.command()
@click.option("--now", "at_once", is_flag=True, help="Drop the old key, because it may be in the wrong hands.")
@on_a_database
@yes_option
@as_json_option
def rotate(at_once: bool, config_file: Path | None, database: str | None, yes: bool, as_json: bool) -> None:
    """Make a new key to sign access tokens with.

    It signs from a minute later on, and the old one is good until its last token has expired, so that nobody notices.
    With --now the old one is refused everywhere within 60 seconds: every client then refreshes, and stays logged in.
    (Apps with the original SDKs of today keep public keys for up to four hours, or until the new key is first used.)

    \b
    Examples:
      supertokens keys rotate
      supertokens keys rotate --now --yes
    """
    core = _core(config_file, database)
    if at_once:
        confirm("Drop the key that signs access tokens now?", yes=yes)
    new = core.keys.rotate(system_clock(), drop_old=at_once)
    if as_json:
        show_json({"id": new, "old_key_refused_within": MAX_RING_AGE_TO_VERIFY if at_once else None})
    elif at_once:
        click.echo(f"{new} is the only key now. Tokens of the old one are refused everywhere within {_WITHIN} seconds.")
    else:
        seconds = PUBLISHED_AHEAD // 1000
        click.echo(f"{new} signs from {seconds} seconds on. The old key is good until its last token has expired.")


def _core(config_file: Path | None, database: str | None) -> EmbeddedCore:
    if database is None and hosts_are_named(config_file):
        problem = "keys are in the database itself, and no service hands them out"
        raise click.UsageError(f"{problem}: name it by --with-config, the service's config.yaml, or by --database")
    return embedded_core(config_file, database)


def _described(ring: KeyRing, now: int) -> list[dict[str, Any]]:
    signing = ring.signing_key(now)
    found: list[dict[str, Any]] = []
    for key in ring.dynamic:
        use = "signs" if key is signing else "next" if key.created_at > signing.created_at else "verifies"
        found.append({"id": key.kid, "purpose": "access tokens", "use": use, "created_at": key.created_at})
    static = ring.static
    found.append({"id": static.kid, "purpose": "static", "use": "signs", "created_at": static.created_at})
    for refresh in sorted(ring.refresh.values(), key=lambda key: key.created_at, reverse=True):
        use = "new sessions" if refresh is ring.newest_refresh else "older sessions"
        found.append({"id": refresh.id, "purpose": "refresh tokens", "use": use, "created_at": refresh.created_at})
    return found
