# SPDX-License-Identifier: Apache-2.0
"""Keys in a SQLite file: the statements, and how a key that was replaced leaves the file for good.

A row that SQLite overwrites or deletes stays in the file until its place is needed, unless `secure_delete` is on: then
cells and pages are filled with zeros as they are given up (SQLite, "PRAGMA secure_delete"). It is switched on before
each write of keys here, and sealing frees all pages of the table. What remains is the WAL, which holds the old pages
until a checkpoint truncates it, and anything that was written without `secure_delete`, by a library that lacks it or
before this module switched it on: such a file is rewritten.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from itertools import filterfalse, starmap
from operator import itemgetter
from typing import Any, Final

from msgspec.structs import astuple

from supertokens.engine.signing_keys import KeyPurpose, StoredKey, StoredKeys
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite_connections import SqliteDatabase

__all__ = ["PROPERTIES", "SqliteKeys"]

PROPERTIES: Final = """
CREATE TABLE property (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO property SELECT 'keys_are_erased', 'since the file was made' WHERE NOT EXISTS (SELECT 1 FROM key);
INSERT INTO property SELECT 'sealed_with', lower(hex(substr(material, 8, 4))) FROM key
    WHERE substr(material, 1, 7) = x'7365616c656401' ORDER BY rowid DESC LIMIT 1
"""
"""A step of the schema: properties of the whole file. Earlier versions sealed without recording it: see `sealing`."""

_READ: Final = """
SELECT id, purpose, created_at, material FROM (SELECT rowid AS position, * FROM key UNION ALL
    SELECT 0, name, NULL, NULL, CAST(value AS BLOB) FROM property)
ORDER BY position
"""
_PURPOSE: Final[Callable[[Any], Any]] = itemgetter(1)
_INSERT: Final = "INSERT INTO key (id, purpose, created_at, material) VALUES (?, ?, ?, ?)"
_LAST: Final = "SELECT id FROM key WHERE purpose = ? ORDER BY rowid DESC LIMIT 1"
_SEALED_WITH: Final = "SELECT value FROM property WHERE name = 'sealed_with'"
_SAY_SEALED_WITH: Final = "INSERT OR REPLACE INTO property VALUES ('sealed_with', ?)"
_SECURE_DELETE = "PRAGMA secure_delete = ON"
_WITHOUT_COPIES: Final = "SELECT count(*) FROM property WHERE name = 'keys_are_erased'"
_CHECKPOINT_WITHIN_S: Final = 10.0


class SqliteKeys:
    """Implements `KeyStore` on `database`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def read_keys(self, now: int) -> StoredKeys:
        secret = self._database.read(_READ, ())
        keys = list(starmap(StoredKey, filter(_PURPOSE, secret)))
        properties = {name: value.decode() for name, _, _, value in filterfalse(_PURPOSE, secret)}
        return StoredKeys(
            keys, now, properties.get("sealed_with"), "v2_minted" in properties, properties.get("copy_of")
        )

    def add_key(self, key: StoredKey, after: str | None, sealed_with: str | None) -> bool:
        def add(connection: sqlite3.Connection) -> bool:
            connection.execute(_SECURE_DELETE)
            if not connection.execute("SELECT EXISTS (SELECT 1 FROM key)").fetchone()[0] and sealed_with is not None:
                connection.execute(_SAY_SEALED_WITH, (sealed_with,))
            (said,) = connection.execute(_SEALED_WITH).fetchone() or (None,)
            (last,) = connection.execute(_LAST, (key.purpose,)).fetchone() or (None,)
            known = connection.execute("SELECT count(*) FROM key WHERE id = ?", (key.id,)).fetchone()[0]
            if known or (last, said) != (after, sealed_with):
                return False
            connection.execute(_INSERT, astuple(key))
            return True

        return self._database.write(add)

    def reseal_keys(self, seen: Sequence[StoredKey], becomes: Sequence[StoredKey], sealed_with: str) -> bool:
        def reseal(connection: sqlite3.Connection) -> bool:
            connection.execute(_SECURE_DELETE)
            there = connection.execute("SELECT id, purpose, created_at, material FROM key ORDER BY rowid")
            if list(starmap(StoredKey, there)) != list(seen):
                return False
            connection.execute("DELETE FROM key")
            connection.executemany(_INSERT, map(astuple, becomes))
            connection.execute(_SAY_SEALED_WITH, (sealed_with,))
            return True

        return self._database.write(reseal)

    def remove_keys(self, purpose: KeyPurpose, ids: Sequence[str]) -> None:
        def remove(connection: sqlite3.Connection) -> None:
            connection.execute(_SECURE_DELETE)
            connection.executemany(
                "DELETE FROM key WHERE purpose = ? AND id = ?", [(purpose, key_id) for key_id in ids]
            )

        self._database.write(remove)

    def remove_all_keys(self) -> None:
        def remove(connection: sqlite3.Connection) -> None:
            connection.execute(_SECURE_DELETE)
            connection.execute("DELETE FROM key")
            connection.execute("DELETE FROM property WHERE name = 'sealed_with'")

        self._database.write(remove)

    def note_v2(self) -> None:
        statement = "INSERT OR IGNORE INTO property VALUES ('v2_minted', 'yes')"
        self._database.write(lambda connection: connection.execute(statement), one_statement=True)

    def erase(self) -> None:
        """See `stores.base.Erasing`. Rewrite the whole file if its first keys were written without `secure_delete`."""
        with self._database.opened() as connection:
            _erase(connection)


def _erase(connection: sqlite3.Connection) -> None:
    supported = connection.execute(_SECURE_DELETE).fetchone() == (1,)
    if not (supported and connection.execute(_WITHOUT_COPIES).fetchone()[0]):
        connection.execute("VACUUM")
    deadline = time.monotonic() + _CHECKPOINT_WITHIN_S
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > deadline:
            raise SuperTokensGeneralError(
                "the keys are sealed, but the database's -wal file still has them in the clear, because a program has"
                " been reading for too long: stop it, and seal again"
            )
        time.sleep(0.01)
