# SPDX-License-Identifier: Apache-2.0
"""Choosing the core, and its store, for a configuration."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Final

from supertokens.config import Config, Options
from supertokens.core import Core, EmbeddedCore
from supertokens.default_database import Home, open_default_database
from supertokens.stores.opening import open_store
from supertokens.stores.sqlite import SqliteStore
from supertokens.transport import SessionEdge

__all__ = ["DEFAULT_DATABASE", "edge_of_app", "open_core", "open_embedded_core", "open_remote_core", "require_extras"]

DEFAULT_DATABASE: Final = Path("supertokens.sqlite3")
"""Where a service keeps sessions when its configuration does not say, in the working directory."""


def edge_of_app(app: object, options: Options, core: Core | None, home: Home) -> SessionEdge:
    """Return the browser edge of an `app` whose framework has no configuration of its own, as `options` say.

    `core`: another than the configuration asks for. `home`: where the app keeps its sessions if nothing says so. Raise
    ConfigError for settings that cannot be used.
    """
    explained = Config.explain(arguments=options, environ=os.environ)
    config = explained.logged()
    require_extras(config)
    kept = weakref.ref(app)

    def opened() -> Core:
        return core or open_core(config, home.database, kept(), home.owner, is_test=False)

    def no_response(*_: object) -> None:
        """Change nothing: the verbs of this edge are given no response."""

    return SessionEdge(config, opened, rewrite=no_response, explicit=explained.where.keys())


def open_core(config: Config, default_database: Path, app: object, owner: str, *, is_test: bool) -> Core:
    """Return the core that `app` uses: the service that `config` names in `hosts`, or else an engine in this process.

    `default_database`: the file to use where `config` names no database. `owner`: the file of the app's module, by
    which apps that share a folder are told apart. `is_test`: sessions without a `database` are dropped with the app.
    Raise ConfigError if the default database belongs to another app.
    """
    if config.hosts:
        return open_remote_core(config)
    core = open_embedded_core(config, default_database, temporary_for=app if is_test else None)
    if config.database is None and not is_test and isinstance(core.store, SqliteStore):
        open_default_database(default_database, app, owner, core.store)
    return core


def require_extras(config: Config) -> None:
    """Raise ModuleNotFoundError, which says what to install, if `config` needs a package that is missing."""
    if config.hosts:
        open_remote_core(config)


def open_remote_core(config: Config) -> Core:
    """Return the core of the services that `config` names in `hosts`. They are not contacted before the first use."""
    from supertokens.remote import RemoteCore  # needs an extra, which an app without `hosts` does not

    return RemoteCore(config)


def open_embedded_core(
    config: Config,
    default_database: Path,
    *,
    temporary_for: object = None,
    accepts_v2: bool = False,
    makes_tables: bool = True,
) -> EmbeddedCore:
    """Return an engine in this process, on the store that `config` names, or else on the file `default_database`.

    `temporary_for`: an app under test; where `config` names no database, its sessions are kept in a temporary folder
    that is dropped with the app. Nothing else is created before the first use. `accepts_v2`: see `EmbeddedCore`.
    `makes_tables`: see `open_store`.
    """
    database = config.database or default_database
    folder = None
    if temporary_for is not None and config.database is None:
        folder = Path(tempfile.mkdtemp(prefix="supertokens-"))
        database = folder / "supertokens.sqlite3"
    store = open_store(
        database,
        sqlite_synchronous=config.sqlite_synchronous,
        pool_size=config.database_pool_size,
        timeout_s=config.database_timeout,
        makes_tables=makes_tables,
    )
    core = EmbeddedCore(config, store, accepts_v2=accepts_v2)
    if folder is not None:
        weakref.finalize(temporary_for, _discard, core, folder, os.getpid())
    return core


def _discard(core: EmbeddedCore, folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves the store to its parent
        core.close()
        shutil.rmtree(folder, ignore_errors=True)
