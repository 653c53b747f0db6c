# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL database as the copy of another store: see `stores.base.Movable`.

Everything holds the mutex of the keys, so that if two copies run at once, neither goes on writing after the other has
finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import asdict

from supertokens.engine.signing_keys import StoredKeys
from supertokens.stores.base import WholeSession
from supertokens.stores.postgres_connections import PostgresConnection
from supertokens.stores.postgres_database import PostgresDatabase
from supertokens.stores.postgres_rows import COLUMNS, VALUES, record_of, values_of
from supertokens.stores.postgres_schema import KEYS_MUTEX

__all__ = ["begin_copy", "finish_copy", "put_sessions", "whole_sessions"]

_READ: Final = f"""
SELECT handle::text, {COLUMNS.removeprefix("handle, ")}, session_data FROM supertokens.session
WHERE handle > %(after)s::uuid AND expires_at > %(now)s ORDER BY supertokens.session.handle LIMIT %(limit)s
"""
_BEFORE_ALL: Final = "00000000-0000-0000-0000-000000000000"
_COPY_OF: Final = "SELECT value FROM supertokens.property WHERE name = 'copy_of'"
_IS_IN_USE: Final = "SELECT EXISTS (SELECT FROM supertokens.session) OR EXISTS (SELECT FROM supertokens.key)"
_HAS_KEYS: Final = "SELECT EXISTS (SELECT FROM supertokens.key)"
_SAY: Final = "INSERT INTO supertokens.property VALUES (%s, %s)"
_REPLACED: Final = COLUMNS.removeprefix("handle, ") + ", session_data"
_PUT: Final = f"""
INSERT INTO supertokens.session ({COLUMNS}, session_data) VALUES ({VALUES}) ON CONFLICT (handle) DO UPDATE
SET ({_REPLACED}) = ROW ({", ".join(f"EXCLUDED.{name}" for name in _REPLACED.split(", "))})
"""
_DELETE: Final = "DELETE FROM supertokens.session WHERE handle = ANY (%s::uuid[])"
_PUT_KEY: Final = "INSERT INTO supertokens.key VALUES (%(id)s, %(purpose)s, %(created_at)s, %(material)s, %(position)s)"
_NO_COPY_ANY_MORE: Final = "DELETE FROM supertokens.property WHERE name IN ('copy_of', 'sealed_with', 'v2_minted')"


def whole_sessions(database: PostgresDatabase, now: int, *, after: str, limit: int) -> list[WholeSession]:
    """Return at most `limit` sessions after the handle `after` that are valid at `now`, with all their data."""
    values = {"after": after or _BEFORE_ALL, "now": now, "limit": limit}
    rows = database.run(_READ, values, repeatable=True).secret
    return [WholeSession(record_of(row[0], row[1:-1]), row[-1]) for row in rows]


def begin_copy(database: PostgresDatabase, copy_of: str) -> bool:
    """Mark `database` as an unfinished copy of the store `copy_of`. Return False if it is anything else."""

    def begin(connection: PostgresConnection) -> bool:
        said = connection.execute(_COPY_OF, prepare=False).fetchone()
        if said is not None or _is_true(connection, _IS_IN_USE):
            return said == (copy_of,)
        connection.execute(_SAY, ("copy_of", copy_of), prepare=False)
        return True

    return database.transact(begin, mutex=KEYS_MUTEX)


def put_sessions(
    database: PostgresDatabase, copy_of: str, sessions: Sequence[WholeSession], gone: Sequence[str]
) -> bool:
    """Write `sessions` and delete those with the handles `gone`, if `database` is an unfinished copy of `copy_of`."""
    rows = [{**values_of(each.record), "session_data": each.session_data} for each in sessions]

    def put(connection: PostgresConnection) -> bool:
        if connection.execute(_COPY_OF, prepare=False).fetchone() != (copy_of,):
            return False
        if rows:
            connection.cursor().executemany(_PUT, rows)
        if gone:
            connection.execute(_DELETE, (list(gone),), prepare=False)
        return True

    return database.transact(put, mutex=KEYS_MUTEX)


def finish_copy(database: PostgresDatabase, copy_of: str, secret: StoredKeys) -> bool:
    """Store the keys `secret`, if `database` is an unfinished copy of `copy_of` without keys."""

    def finish(connection: PostgresConnection) -> bool:
        is_copy = connection.execute(_COPY_OF, prepare=False).fetchone() == (copy_of,)
        if not is_copy or _is_true(connection, _HAS_KEYS):
            return False
        connection.execute(_NO_COPY_ANY_MORE, prepare=False)
        for position, key in enumerate(secret.keys, start=1):
            connection.execute(_PUT_KEY, {**asdict(key), "position": position}, prepare=False)
        if secret.sealed_with is not None:
            connection.execute(_SAY, ("sealed_with", secret.sealed_with), prepare=False)
        if secret.has_v2:
            connection.execute(_SAY, ("v2_minted", "yes"), prepare=False)
        return True

    return database.transact(finish, mutex=KEYS_MUTEX)


def _is_true(connection: PostgresConnection, question: str) -> bool:
    row = connection.execute(question, prepare=False).fetchone()
    return row is not None and bool(row[0])
