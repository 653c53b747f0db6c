# SPDX-License-Identifier: Apache-2.0
"""Which core, and on which store, a configuration asks for."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Final

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.stores.opening import open_store

__all__ = ["DEFAULT_DATABASE", "open_core", "open_embedded_core", "require_extras"]

DEFAULT_DATABASE: Final = Path("supertokens.sqlite3")
"""Where a service keeps sessions when its configuration does not say, in the working directory."""


def open_core(config: Config, default_database: Path, *, temporary_for: object = None) -> Core:
    """The core that an app uses: the service that `hosts` names, or else the engine in its own process.

    Nothing is asked of a service before the first use. The rest is as in `open_embedded_core`.
    """
    if config.hosts:
        return _remote_core(config)
    return open_embedded_core(config, default_database, temporary_for=temporary_for)


def require_extras(config: Config) -> None:
    """Raises ModuleNotFoundError, which says what to install, for a `config` that takes more than there is."""
    if config.hosts:
        _remote_core(config)


def _remote_core(config: Config) -> Core:
    from supertokens.remote import RemoteCore  # stands on an extra, which an app without `hosts` does not need

    return RemoteCore(config)


def open_embedded_core(
    config: Config, default_database: Path, *, temporary_for: object = None, accepts_v2: bool = False
) -> EmbeddedCore:
    """Return the engine in this process, on the store that `database` names, or else on the file `default_database`.

    `temporary_for`: an app under test, with which the sessions go where `database` is unset. Nothing but a temporary
    folder for them is made before the first use. `accepts_v2`: see `EmbeddedCore`.
    """
    database = config.database or default_database
    folder = None
    if temporary_for is not None and config.database is None:
        folder = Path(tempfile.mkdtemp(prefix="supertokens-"))
        database = folder / "supertokens.sqlite3"
    store = open_store(database, sqlite_synchronous=config.sqlite_synchronous)
    core = EmbeddedCore(config, store, accepts_v2=accepts_v2)
    if folder is not None:
        weakref.finalize(temporary_for, _discard, core, folder, os.getpid())
    return core


def _discard(core: EmbeddedCore, folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves the store to its parent
        core.close()
        shutil.rmtree(folder, ignore_errors=True)
