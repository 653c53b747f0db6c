# SPDX-License-Identifier: Apache-2.0
"""Which core, on which store, a configuration asks for."""

from __future__ import annotations

from pathlib import Path

from supertokens.config import Config
from supertokens.core.embedded import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore

__all__ = ["open_core"]


def open_core(config: Config, default_database: Path) -> EmbeddedCore:
    """The engine in this process, on the store that `database` names, or else on the file `default_database`.

    Nothing is opened until the first use.
    """
    store = SqliteStore(config.sqlite_path or default_database, synchronous=config.sqlite_synchronous)
    return EmbeddedCore(config, store)
