# SPDX-License-Identifier: Apache-2.0
"""`keys`: list the keys, rotate the signing key, seal all keys, or replace all keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from supertokens.cli.output import as_json_option, confirm, moment, plural, show_json, show_table, yes_option
from supertokens.cli.target import embedded_core, hosts_are_named, on_a_database
from supertokens.core import EmbeddedCore, system_clock
from supertokens.core.everybody import revoke_everybody
from supertokens.engine.signing_keys import (
    DYNAMIC,
    MAX_RING_AGE_TO_VERIFY_MS,
    PUBLISHED_AHEAD_MS,
    STATIC,
    KeyRing,
    SigningKey,
    is_ahead,
    signing_key,
)

__all__ = ["keys"]

_KNOWN_WITHIN_S: Final = MAX_RING_AGE_TO_VERIFY_MS // 1000


@click.group()
def keys() -> None:
    """List, rotate, seal and replace the keys.

    \b
    Examples:
      supertokens keys list
      supertokens keys rotate --now
      supertokens keys seal
    """


@keys.command("list")
@on_a_database
@as_json_option
def list_keys(config_file: Path | None, database: str | None, as_json: bool) -> None:
    """List the keys in the database: the purpose of each, never the key itself.

    \b
    Examples:
      supertokens keys list
      supertokens keys list --database instance/supertokens.sqlite3 --json
    """
    core = _core(config_file, database)
    now = system_clock()
    found = _described(core.keys.ring_for_verifying(now), now)
    if as_json:
        show_json(found)
    else:
        show_table(
            ("id", "purpose", "use", "created (UTC)"),
            [(key["id"], key["purpose"], key["use"], moment(key["created_at"])) for key in found],
        )


@keys.command()
@click.option("--now", "at_once", is_flag=True, help="Drop the old key at once, because it may be in the wrong hands.")
@on_a_database
@yes_option
@as_json_option
def rotate(at_once: bool, config_file: Path | None, database: str | None, yes: bool, as_json: bool) -> None:
    """Create a new key for signing access tokens.

    It starts signing after a minute. The old key verifies until its last token has expired, so no client notices. With
    --now the old key is refused everywhere within 60 seconds: every client then refreshes, and stays logged in. (Apps
    with the current SuperTokens SDKs cache public keys for up to four hours, or until they see the first token signed
    with the new key.)

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
        show_json({"id": new, "old_key_refused_within": MAX_RING_AGE_TO_VERIFY_MS if at_once else None})
    elif at_once:
        click.echo(
            f"{new} is now the only key that signs access tokens. Tokens signed with the old one are refused everywhere"
            f" within {_KNOWN_WITHIN_S} seconds."
        )
    else:
        signs = core.keys.ring_for_verifying(system_clock()).signing_key(system_clock()).kid == new
        when = "signs from now on" if signs else f"starts signing in {PUBLISHED_AHEAD_MS // 1000} seconds"
        click.echo(f"{new} {when}. The old key verifies until its last token has expired.")


@keys.command()
@on_a_database
@as_json_option
def seal(config_file: Path | None, database: str | None, as_json: bool) -> None:
    """Seal the keys in the database with the first key of 'encryption_key'.

    From then on, all processes seal what they write with it. Processes without it fail within 60 seconds, so give it to
    all of them first, and remove the previous key, if any, afterwards. Nothing of an unsealed key remains in a SQLite
    file. Earlier copies are not affected: see SECURITY.md.

    \b
    Examples:
      supertokens keys seal --with-config config.yaml
      SUPERTOKENS_ENCRYPTION_KEY_FILE=/run/secrets/key supertokens keys seal
    """
    core = _core(config_file, database)
    try:
        sealed = core.keys.seal(system_clock())
    except ValueError as error:
        remedy = "give the service's config.yaml with --with-config, or set SUPERTOKENS_ENCRYPTION_KEY_FILE"
        raise click.UsageError(f"{error}: {remedy}") from None
    if as_json:
        show_json({"sealed": sealed})
    else:
        click.echo(f"{sealed} keys are now sealed with the first key of 'encryption_key', as all later ones will be.")


@keys.command()
@on_a_database
@yes_option
@as_json_option
def replace(config_file: Path | None, database: str | None, yes: bool, as_json: bool) -> None:
    """Replace all keys: all users have to log in again.

    Use it if the 'encryption_key' is lost, or if keys, including the refresh key, may be in the wrong hands. All
    sessions end. Running processes pick up the new keys within 60 seconds.

    \b
    Examples:
      supertokens keys replace
      supertokens keys replace --yes
    """
    core = _core(config_file, database)
    confirm("Replace all keys and end all sessions?", yes=yes)
    now = system_clock()
    core.keys.replace_all(now)
    revoked = sum(revoke_everybody(core.store, now))
    if as_json:
        show_json({"revoked": revoked})
    else:
        click.echo(f"All keys are replaced, and all users are logged out ({plural(revoked, 'session')}).")
        click.echo(f"Old tokens are refused everywhere within {_KNOWN_WITHIN_S} seconds.")


def _core(config_file: Path | None, database: str | None) -> EmbeddedCore:
    if database is None and hosts_are_named(config_file):
        problem = "keys are stored in the database, and services do not hand them out"
        raise click.UsageError(
            f"{problem}: give the service's config.yaml with --with-config, or the database with --database"
        )
    return embedded_core(config_file, database)


def _described(ring: KeyRing, now: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for purposes, words in ((DYNAMIC, "access tokens"), (STATIC, "static")):
        for algorithm, purpose in purposes.items():
            found += _chain(
                words if algorithm == "RS256" else f"{words}, {algorithm}",
                ring.chains[purpose],
                now + ring.clock_offset,
            )
    for refresh in reversed(list(ring.refresh.values())):
        use = "new sessions" if refresh is ring.newest_refresh else "older sessions"
        found.append({"id": refresh.id, "purpose": "refresh tokens", "use": use, "created_at": refresh.created_at})
    return found


def _chain(purpose: str, keys: Sequence[SigningKey], now: int) -> Iterator[dict[str, Any]]:
    signing = signing_key(keys, now) if keys else None
    otherwise = "next"
    for key in keys:
        if key is signing:
            use, otherwise = "signs", "verifies"
        else:
            use = "verifies" if is_ahead(key, now) else otherwise
        yield {"id": key.kid, "purpose": purpose, "use": use, "created_at": key.created_at}
