# SPDX-License-Identifier: Apache-2.0
"""What a command works on: the configured database or, for sessions, a running service."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from supertokens.config import Config, ConfigError, Explained
from supertokens.config.yaml_file import read_yaml
from supertokens.core import Core, EmbeddedCore
from supertokens.engine.sealing import MissingEncryptionKeyError
from supertokens.engine.signing_keys import DYNAMIC
from supertokens.topology import DEFAULT_DATABASE, open_embedded_core, open_remote_core

__all__ = [
    "CONFIG_FILE", "config_option", "core_of_sessions", "database_option", "embedded_core", "existing_database",
    "explained_service", "hosts_are_named", "in_words", "on_a_database",
]  # fmt: skip

Command = TypeVar("Command", bound=Callable[..., Any])

# Whether it can be read is found out by reading it, so that this fails like every other error in it.
CONFIG_FILE: Final = click.Path(path_type=Path, readable=False)
config_option: Final = click.option(
    "--with-config",
    "config_file",
    type=CONFIG_FILE,
    metavar="PATH",
    help="The config.yaml to read; by default, the one that SUPERTOKENS_CONFIG names, if any.",
)
database_option: Final = click.option(
    "--database", metavar="FILE|URL", help="The database to use instead of the configured one."
)


def on_a_database(command: Command) -> Command:
    """Add the options that select the database."""
    return config_option(database_option(command))


def explained_service(config_file: Path | None, **arguments: object) -> Explained:
    """Return the configuration of a service here, with an absolute path to its database. Raises ConfigError."""
    file = None if config_file is None else config_file.absolute()
    explained = Config.explain_service(arguments=arguments, environ=os.environ, file=file)
    if explained.config.database is not None and explained.config.sqlite_path is None:
        return explained  # on a server
    path = (explained.config.sqlite_path or DEFAULT_DATABASE).absolute()
    return explained._replace(config=dataclasses.replace(explained.config, database=str(path)))


def existing_database(config_file: Path | None, database: str | None) -> Config:
    """Return the same as `explained_service`, without warnings. Raises ConfigError also if there is no such file.

    Whether a database on a server has tables is found out when it is used.
    """
    # Warnings are for starting a service; the settings of a service on another machine need not suit this one.
    ours = {"insecure_allow_no_api_key": True, "access_token_signing_algorithm": "RS256"}
    config = explained_service(config_file, database=database, **ours).config
    if config.sqlite_path is not None and not config.sqlite_path.is_file():
        remedy = "give the right one with --database, or the service's config.yaml with --with-config"
        raise ConfigError(f"there is no database {config.sqlite_path}; {remedy}", "database")
    return config


def embedded_core(config_file: Path | None, database: str | None) -> EmbeddedCore:
    """Open the engine on the configured database, which must exist, until the command ends.

    Raises ConfigError, and SuperTokensGeneralError for a database that cannot be read.
    """
    config = existing_database(config_file, database)
    core = open_embedded_core(config, DEFAULT_DATABASE, makes_tables=False)
    click.get_current_context().call_on_close(core.close)
    # Opens it: for some calls, such as with a malformed handle, the engine needs no database.
    stored = core.store.read_keys(0)
    if stored.of(DYNAMIC["ES256"]) and not stored.of(DYNAMIC["RS256"]):
        # Opening the database of an app that signs with ES256 must not create keys of the other kind there.
        config = dataclasses.replace(config, access_token_signing_algorithm="ES256")
        core = open_embedded_core(config, DEFAULT_DATABASE, makes_tables=False)
        click.get_current_context().call_on_close(core.close)
    return core


def core_of_sessions(config_file: Path | None, database: str | None) -> Core:
    """Open the services that `hosts` names, unless a database was given; otherwise the database.

    The one place that chooses. Raises ConfigError.
    """
    if database is None and hosts_are_named(config_file):
        app_config = {} if config_file is None else {"SUPERTOKENS_CONFIG": config_file}
        core = open_remote_core(Config.load(app_config=app_config, environ=os.environ))
        click.get_current_context().call_on_close(core.close)
        return core
    return embedded_core(config_file, database)


def hosts_are_named(config_file: Path | None) -> bool:
    """Return whether the configuration is for an app with core services. Raises ConfigError.

    What was typed overrides the shell's environment: with a given file, the environment is ignored.
    """
    if config_file is not None:
        return _names_hosts(config_file)
    file = os.environ.get("SUPERTOKENS_CONFIG", "")
    return (file != "" and _names_hosts(file)) or bool(os.environ.get("SUPERTOKENS_HOSTS", "").strip())


def _names_hosts(file: str | Path) -> bool:
    return read_yaml(file).get("hosts") is not None


def in_words(error: Exception) -> str:
    """Return the text for a failure, and for sealed keys where their key can be given."""
    if isinstance(error.__cause__, MissingEncryptionKeyError):
        variables = "set SUPERTOKENS_ENCRYPTION_KEY or SUPERTOKENS_ENCRYPTION_KEY_FILE in the environment"
        return f"{error}; give the service's config.yaml with --with-config, or {variables}"
    return str(error)
