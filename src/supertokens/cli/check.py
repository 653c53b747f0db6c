# SPDX-License-Identifier: Apache-2.0
"""`config check`: show the effective configuration before anything is started with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from supertokens.cli.output import as_json_option, show_json, show_table
from supertokens.cli.target import CONFIG_FILE
from supertokens.config import Config, KeyDescription, describe
from supertokens.core.keys import AWAITS_SEALING
from supertokens.engine.sealing import Sealer
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import Store
from supertokens.stores.sqlite import SqliteStore
from supertokens.topology import DEFAULT_DATABASE, open_embedded_core

__all__ = ["config"]


@click.group()
def config() -> None:
    """Check a configuration.

    \b
    Examples:
      supertokens config check config.yaml
    """


@config.command()
@click.argument("file", type=CONFIG_FILE)
@click.option("--app", is_flag=True, help="FILE is for an app, not for a service.")
@as_json_option
def check(file: Path, app: bool, as_json: bool) -> None:
    """Check the config.yaml FILE together with the environment, and show each setting with its source.

    Secrets are not shown. Exits with 1 if a service, or an app, would not start with it, and says why.

    \b
    Examples:
      supertokens config check config.yaml
      supertokens config check --app instance/config.yaml --json
    """
    if app:
        explained = Config.explain(app_config={"SUPERTOKENS_CONFIG": file}, environ=os.environ)
    else:
        explained = Config.explain_service(file=file.absolute(), environ=os.environ)
    keys = [key for key in describe() if key.counts_on("app" if app else "service")]
    shown = [(key, _shown(key, getattr(explained.config, key.name))) for key in keys]
    warnings = [*explained.warnings, *_sealing(explained.config, app=app)]
    if as_json:
        settings = {
            key.name: {"value": value, "source": explained.where.get(key.name, "default")} for key, value in shown
        }
        show_json({"settings": settings, "warnings": warnings})
        return
    written = {key.name: _written(key, value) for key, value in shown}
    if explained.config.hosts is None:
        written["database"] = _database(explained.config, app=app)
    rows = [(key.name, written[key.name], explained.where.get(key.name, "default")) for key, _ in shown]
    show_table(("key", "value", "source"), rows)
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


def _shown(key: KeyDescription, value: Any) -> Any:
    if value is None:
        return None
    if key.secret:
        return f"{len(value)} set, not shown" if isinstance(value, tuple) else "set, not shown"
    return value


def _sealing(config: Config, *, app: bool) -> Iterator[str]:
    """Yield the mismatches between `encryption_key` of `config` and the database, if that can be read.

    `app`: the configuration is for an app.
    """
    store = _as_it_is(config, app=app)
    if config.encryption_key is None or store is None:
        return
    try:
        stored = store.read_keys(0)
    except SuperTokensGeneralError as error:
        yield f"cannot tell whether the keys are sealed: {error}"
        return
    finally:
        store.close()
    if stored.keys and stored.sealed_with != Sealer(config.encryption_key).first:
        yield AWAITS_SEALING


def _as_it_is(config: Config, *, app: bool) -> Store | None:
    """Return the store of `config`, opened without changing anything, or None if it does not exist.

    `app`: whether it is for an app.
    """
    if config.database is not None and config.sqlite_path is None:
        return open_embedded_core(config, DEFAULT_DATABASE, makes_tables=False).store
    path = config.sqlite_path or (None if app else DEFAULT_DATABASE)
    return SqliteStore(path.absolute(), mode="ro") if path is not None and path.is_file() else None


def _database(config: Config, *, app: bool) -> str:
    """Return where sessions will be stored. A file, which `start` names too, is not secret; a URL's password is."""
    if config.database is not None and config.sqlite_path is None:
        return str(config.database_name)
    if config.sqlite_path is None and app:
        return f"{DEFAULT_DATABASE} in the app's instance folder"
    return str((config.sqlite_path or DEFAULT_DATABASE).absolute())


def _written(key: KeyDescription, value: Any) -> str:
    if value is None:
        return "unset"
    if value == "":
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    text = "; ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {key.unit}".rstrip()
