# SPDX-License-Identifier: Apache-2.0
"""Which core, on which store, a configuration asks for."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from supertokens.config import Config, ConfigError
from supertokens.core.embedded import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore

__all__ = ["open_core"]


def open_core(config: Config, default_database: Path, *, temporary_for: object = None) -> EmbeddedCore:
    """The engine in this process, on the store that `database` names, or else on the file `default_database`.

    `temporary_for`: an object with which the sessions shall go, where `database` is unset (an app under test).
    Nothing but that temporary folder is made before the first use.
    """
    if config.hosts is not None:
        raise ConfigError("'hosts' selects a core service, which this version cannot ask yet; remove it", "hosts")
    path = config.sqlite_path or default_database
    folder = None
    if temporary_for is not None and config.sqlite_path is None:
        folder = Path(tempfile.mkdtemp(prefix="supertokens-"))
        path = folder / "supertokens.sqlite3"
    core = EmbeddedCore(config, SqliteStore(path, synchronous=config.sqlite_synchronous))
    if folder is not None:
        weakref.finalize(temporary_for, _discard, core, folder, os.getpid())
    return core


def _discard(core: EmbeddedCore, folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves the store to its parent
        core.close()
        shutil.rmtree(folder, ignore_errors=True)
