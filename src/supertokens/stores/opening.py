# SPDX-License-Identifier: Apache-2.0
"""Which store a `database` names: the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from supertokens.config.databases import Database, parse_database
from supertokens.stores.base import Store
from supertokens.stores.sqlite import SqliteStore

__all__ = ["Synchronous", "open_store"]

Synchronous = Literal["full", "normal"]

_OPENERS: Final[dict[str, Callable[[Database, Synchronous], Store]]] = {
    "sqlite": lambda database, synchronous: SqliteStore(database.path, synchronous=synchronous),
}


def open_store(database: str | Path, *, sqlite_synchronous: Synchronous = "full") -> Store:
    """Return the store that `database` names: a URL, or the path of a SQLite file. Nothing is opened before first use.

    `sqlite_synchronous`: with ``normal``, a power cut may undo the latest writes to a SQLite file.

    Raises ValueError, which names the part of the URL that is wrong.
    """
    named = Database("sqlite", database) if isinstance(database, Path) else parse_database(database)
    return _OPENERS[named.scheme](named, sqlite_synchronous)
