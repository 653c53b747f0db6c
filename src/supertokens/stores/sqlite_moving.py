# SPDX-License-Identifier: Apache-2.0
"""A SQLite file as the copy of another store: see `stores.base.Movable`. Each function runs in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from msgspec.structs import astuple

from supertokens.engine.signing_keys import StoredKeys
from supertokens.stores.base import WholeSession
from supertokens.stores.sqlite_rows import ROW, row_of

__all__ = ["begin_copy", "finish_copy", "put_sessions"]

_COPY_OF: Final = "SELECT value FROM property WHERE name = 'copy_of'"
_IS_IN_USE: Final = "SELECT EXISTS (SELECT 1 FROM session) OR EXISTS (SELECT 1 FROM key)"
_BEGIN: Final = "INSERT INTO property VALUES ('copy_of', ?)"
_PUT: Final = f"INSERT OR REPLACE INTO {ROW[0]} VALUES ({', '.join('?' * ROW[1])})"
_PUT_KEY: Final = "INSERT INTO key (id, purpose, created_at, material) VALUES (?, ?, ?, ?)"
_SAY: Final = "INSERT OR REPLACE INTO property VALUES (?, ?)"


def begin_copy(copy_of: str, connection: sqlite3.Connection) -> bool:
    """Mark the file as an unfinished copy of the store `copy_of`. Return False if it is anything else."""
    (said,) = connection.execute(_COPY_OF).fetchone() or (None,)
    if said is not None or connection.execute(_IS_IN_USE).fetchone()[0]:
        return bool(said == copy_of)
    connection.execute(_BEGIN, (copy_of,))
    return True


def put_sessions(
    copy_of: str, sessions: Sequence[WholeSession], gone: Sequence[str], connection: sqlite3.Connection
) -> bool:
    """Write `sessions` and delete those with the handles `gone`, if the file is an unfinished copy of `copy_of`."""
    if connection.execute(_COPY_OF).fetchone() != (copy_of,):
        return False
    connection.executemany(_PUT, [row_of(each.record, each.session_data) for each in sessions])
    connection.executemany("DELETE FROM session WHERE handle = ?", [(handle,) for handle in gone])
    return True


def finish_copy(copy_of: str, secret: StoredKeys, connection: sqlite3.Connection) -> bool:
    """Store the keys `secret`, if the file is an unfinished copy of `copy_of` without keys."""
    has_keys = connection.execute("SELECT EXISTS (SELECT 1 FROM key)").fetchone()[0]
    if has_keys or connection.execute(_COPY_OF).fetchone() != (copy_of,):
        return False
    connection.executemany(_PUT_KEY, map(astuple, secret.keys))
    connection.execute("DELETE FROM property WHERE name IN ('copy_of', 'sealed_with', 'v2_minted')")
    if secret.sealed_with is not None:
        connection.execute(_SAY, ("sealed_with", secret.sealed_with))
    if secret.has_v2:
        connection.execute(_SAY, ("v2_minted", "yes"))
    return True
