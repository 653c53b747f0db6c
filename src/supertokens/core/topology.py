# SPDX-License-Identifier: Apache-2.0
"""Which core, on which store, a configuration asks for."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from supertokens.config import Config
from supertokens.core.embedded import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore

__all__ = ["open_core", "open_temporary_core"]


def open_core(config: Config, default_database: Path) -> EmbeddedCore:
    """The engine in this process, on the store that `database` names, or else on the file `default_database`.

    Nothing is opened until the first use.
    """
    store = SqliteStore(config.sqlite_path or default_database, synchronous=config.sqlite_synchronous)
    return EmbeddedCore(config, store)


def open_temporary_core(config: Config, owner: object) -> EmbeddedCore:
    """The same on a file in a temporary folder, which goes when `owner` does."""
    folder = Path(tempfile.mkdtemp(prefix="supertokens-"))
    core = open_core(config, folder / "supertokens.sqlite3")
    weakref.finalize(owner, _discard, core, folder, os.getpid())
    return core


def _discard(core: EmbeddedCore, folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves the store to its parent
        core.close()
        shutil.rmtree(folder, ignore_errors=True)
