# SPDX-License-Identifier: Apache-2.0
"""Keys in a PostgreSQL database. Every change takes one mutex, so that it sees the previous one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import filterfalse, starmap
from operator import itemgetter
from typing import Any, Final

from msgspec.structs import asdict

from supertokens.engine.signing_keys import KeyPurpose, StoredKey, StoredKeys
from supertokens.stores.postgres_connections import PostgresConnection
from supertokens.stores.postgres_database import PostgresDatabase
from supertokens.stores.postgres_schema import KEYS_MUTEX

__all__ = ["NOW", "PostgresKeys"]

NOW: Final = "coalesce(%(now)s::bigint, (extract(epoch FROM statement_timestamp()) * 1000)::bigint)"
"""The current time: the server's, unless the caller's was passed. Stable within a statement, so indexes can be used."""

_READ: Final = f"""
SELECT id, purpose, created_at, material, position, {NOW} FROM supertokens.key
UNION ALL SELECT name, NULL, NULL, convert_to(value, 'UTF8'), 0, {NOW} FROM supertokens.property
ORDER BY position
"""
_KEY: Final[Callable[[Any], Any]] = itemgetter(0, 1, 2, 3)
_PROPERTY: Final[Callable[[Any], Any]] = itemgetter(0, 3)
_POSITION: Final[Callable[[Any], Any]] = itemgetter(4)
_ADD: Final = """
WITH state AS (
    SELECT NOT EXISTS (SELECT FROM supertokens.key) AS is_empty,
        (SELECT value FROM supertokens.property WHERE name = 'sealed_with') AS sealed_with,
        (SELECT id FROM supertokens.key WHERE purpose = %(purpose)s ORDER BY position DESC LIMIT 1) AS last
), fits AS (
    SELECT is_empty AND %(sealed_with)s::text IS NOT NULL AS is_told FROM state
    WHERE last IS NOT DISTINCT FROM %(after)s::text
        AND (sealed_with IS NOT DISTINCT FROM %(sealed_with)s::text OR is_empty AND %(sealed_with)s::text IS NOT NULL)
        AND NOT EXISTS (SELECT FROM supertokens.key WHERE id = %(id)s)
), said AS (
    INSERT INTO supertokens.property SELECT 'sealed_with', %(sealed_with)s::text FROM fits WHERE is_told
    ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
)
INSERT INTO supertokens.key (id, purpose, created_at, material, position)
SELECT %(id)s, %(purpose)s, %(created_at)s, %(material)s,
    coalesce((SELECT max(position) FROM supertokens.key), 0) + 1
FROM fits
"""
_ALL: Final = "SELECT id, purpose, created_at, material FROM supertokens.key ORDER BY position"
_INSERT: Final = "INSERT INTO supertokens.key VALUES (%(id)s, %(purpose)s, %(created_at)s, %(material)s, %(position)s)"
_SAY_SEALED_WITH: Final = (
    "INSERT INTO supertokens.property VALUES ('sealed_with', %(sealed_with)s)"
    " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value"
)
_REMOVE: Final = "DELETE FROM supertokens.key WHERE purpose = %(purpose)s AND id = ANY (%(ids)s)"
_REMOVE_ALL: Final = (
    "WITH gone AS (DELETE FROM supertokens.key) DELETE FROM supertokens.property WHERE name = 'sealed_with'"
)
_NOTE_V2: Final = "INSERT INTO supertokens.property VALUES ('v2_minted', 'yes') ON CONFLICT DO NOTHING"


class PostgresKeys:
    """The `KeyStore` half of the store on `database`. `uses_own_clock`: whether to use the server's time."""

    def __init__(self, database: PostgresDatabase, *, uses_own_clock: bool) -> None:
        self._database = database
        self._uses_own_clock = uses_own_clock

    def _now(self, now: int) -> int | None:
        """Return the value to pass as `now`: None if the server's clock is used."""
        return None if self._uses_own_clock else now

    def read_keys(self, now: int) -> StoredKeys:
        secret = self._database.run(_READ, {"now": self._now(now)}, repeatable=True).secret
        keys = list(starmap(StoredKey, map(_KEY, filter(_POSITION, secret))))
        properties = {name: value.decode() for name, value in map(_PROPERTY, filterfalse(_POSITION, secret))}
        said = properties.get("sealed_with"), "v2_minted" in properties, properties.get("copy_of")
        return StoredKeys(keys, secret[0][5], *said)

    def add_key(self, key: StoredKey, after: str | None, sealed_with: str | None) -> bool:
        secret = {**asdict(key), "after": after, "sealed_with": sealed_with}
        return self._database.run(_ADD, secret, mutex=KEYS_MUTEX).written == 1

    def reseal_keys(self, seen: Sequence[StoredKey], becomes: Sequence[StoredKey], sealed_with: str) -> bool:
        def reseal(connection: PostgresConnection) -> bool:
            secret = connection.execute(_ALL, prepare=False).fetchall()
            if list(starmap(StoredKey, secret)) != list(seen):
                return False
            connection.execute("DELETE FROM supertokens.key", prepare=False)
            for position, key in enumerate(becomes, start=1):
                connection.execute(_INSERT, {**asdict(key), "position": position}, prepare=False)
            connection.execute(_SAY_SEALED_WITH, {"sealed_with": sealed_with}, prepare=False)
            return True

        return self._database.transact(reseal, mutex=KEYS_MUTEX)

    def remove_keys(self, purpose: KeyPurpose, ids: Sequence[str]) -> None:
        values = {"purpose": purpose, "ids": list(ids)}
        self._database.run(_REMOVE, values, mutex=KEYS_MUTEX, repeatable=True)

    def remove_all_keys(self) -> None:
        self._database.run(_REMOVE_ALL, {}, mutex=KEYS_MUTEX)

    def note_v2(self) -> None:
        self._database.run(_NOTE_V2, {}, repeatable=True)
