# SPDX-License-Identifier: Apache-2.0
"""Choosing the store for a `database` setting: the one module that knows all stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple

from supertokens.config.databases import Database, parse_database
from supertokens.stores.base import Store
from supertokens.stores.sqlite import SqliteStore

__all__ = ["Synchronous", "open_store"]

Synchronous = Literal["full", "normal"]


class _Options(NamedTuple):
    """See `open_store`."""

    sqlite_synchronous: Synchronous
    pool_size: int
    timeout_s: float
    makes_tables: bool


def open_store(
    database: str | Path,
    *,
    sqlite_synchronous: Synchronous = "full",
    pool_size: int = 10,
    timeout_s: float = 5.0,
    makes_tables: bool = True,
) -> Store:
    """Return the store for `database`: a URL, or the path of a SQLite file. Nothing is opened before the first use.

    `sqlite_synchronous`: with ``normal``, a power cut may undo the latest writes to a SQLite file. `pool_size`,
    `timeout_s`, `makes_tables`: see `PostgresStore`; they have no effect on a SQLite file. Raises ValueError, which
    names the invalid part of the URL, and ModuleNotFoundError for a missing driver.
    """
    named = Database("sqlite", database) if isinstance(database, Path) else parse_database(database)
    return _OPENERS[named.scheme](named, _Options(sqlite_synchronous, pool_size, timeout_s, makes_tables))


def _open_sqlite(database: Database, options: _Options) -> Store:
    assert database.path is not None
    return SqliteStore(database.path, synchronous=options.sqlite_synchronous)


def _open_postgres(database: Database, options: _Options) -> Store:
    assert database.server is not None
    try:
        from supertokens.stores.postgres import PostgresStore  # needs an extra, which a SQLite file does not
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("supertokens"):
            raise
        why = "a PostgreSQL database needs a driver: pip install 'supertokens-sessions[postgres]'"
        raise ModuleNotFoundError(why, name=error.name) from error
    return PostgresStore(
        database.server,
        pool_size=options.pool_size,
        timeout_s=options.timeout_s,
        makes_tables=options.makes_tables,
    )


_OPENERS: Final[dict[str, Callable[[Database, _Options], Store]]] = {
    "sqlite": _open_sqlite,
    "postgresql": _open_postgres,
}
