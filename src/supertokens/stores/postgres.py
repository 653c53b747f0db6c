# SPDX-License-Identifier: Apache-2.0
"""Sessions in a PostgreSQL database, for any number of hosts: the statements, each in one round trip."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final

from supertokens.config.postgres_urls import PostgresUrl
from supertokens.engine.session import ListedSession, SessionCursor, SessionRecord, is_handle
from supertokens.engine.signing_keys import StoredKeys
from supertokens.stores.base import (
    EVERYBODY,
    MAX_EVICTED,
    Everybody,
    FeedReader,
    SessionLimit,
    TimestampedRecord,
    WholeSession,
)
from supertokens.stores.postgres_connections import Connections
from supertokens.stores.postgres_database import PostgresDatabase
from supertokens.stores.postgres_feed import SWEEP_FEED, PostgresFeedReader
from supertokens.stores.postgres_keys import NOW, PostgresKeys
from supertokens.stores.postgres_moving import begin_copy, finish_copy, put_sessions, whole_sessions
from supertokens.stores.postgres_rows import COLUMNS, LISTED, VALUES, listed_of, record_of, stored_user_id, values_of
from supertokens.stores.postgres_schema import USER_MUTEXES

__all__ = ["PostgresStore"]

_INSERT: Final = f"INSERT INTO supertokens.session ({COLUMNS}, session_data) VALUES ({VALUES})"
_CREATE_WITHIN: Final = f"""
WITH standing AS (
    SELECT handle,
        row_number() OVER (ORDER BY coalesce(last_seen_at, created_at), created_at, handle) AS place
    FROM supertokens.session
    WHERE user_id = %(user_id)s AND expires_at > {NOW} AND handle <> ALL (%(replaces)s::uuid[])
), surplus AS (
    SELECT greatest(0, count(*) + 1 - %(most)s::bigint) AS number FROM standing
), admitted AS (
    SELECT FROM surplus WHERE number = 0 OR %(evicts)s
), replaced AS (
    DELETE FROM supertokens.session AS session USING admitted
    WHERE session.handle = ANY (%(replaces)s::uuid[]) AND expires_at > {NOW} RETURNING session.handle
), evicted AS (
    DELETE FROM supertokens.session AS session USING standing, surplus, admitted
    WHERE session.handle = standing.handle AND place <= least(surplus.number, {MAX_EVICTED})
    RETURNING session.handle, place
), made AS (
    INSERT INTO supertokens.session ({COLUMNS}, session_data) SELECT {VALUES} FROM admitted RETURNING handle
)
SELECT handle::text, 0 AS place FROM replaced UNION ALL SELECT handle::text, place FROM evicted
UNION ALL SELECT NULL, -1 FROM made ORDER BY place
"""
_GET: Final = (
    f"SELECT {COLUMNS.removeprefix('handle, ')}, {NOW} FROM supertokens.session"
    f" WHERE handle = %(handle)s AND expires_at > {NOW}"
)
_GET_PAYLOAD: Final = f"""
SELECT jwt_payload FROM supertokens.session WHERE handle = %(handle)s AND expires_at > {NOW}
    AND last_seen_at > {NOW} - %(seen_within)s::bigint
    AND created_at > {NOW} - coalesce(%(created_within)s::bigint, 4000000000000000000)
"""
_GET_SESSION_DATA: Final = (
    f"SELECT session_data FROM supertokens.session WHERE handle = %(handle)s AND expires_at > {NOW}"
)
_ROTATE: Final = """
UPDATE supertokens.session SET current = %(current)s, parent = %(parent)s, newest = %(newest)s,
    handed_out_at = %(handed_out_at)s, fingerprint = %(fingerprint)s, expires_at = %(expires_at)s,
    last_seen_at = %(last_seen_at)s, user_agent = %(user_agent)s, address = %(address)s, anti_csrf = %(anti_csrf)s,
    uses_static_key = %(uses_static_key)s, handle = %(handle)s
WHERE handle = %(was_handle)s AND current = %(was_current)s AND newest = %(was_newest)s
    AND handed_out_at = %(was_handed_out_at)s
"""
_NOT_DURABLE: Final = " AND set_config('synchronous_commit', 'off', true) = 'off'"
"""For this transaction, which ends with the statement: a crash of the server may lose it, but it waits for no disk."""
_ROTATE_HASTILY: Final = _ROTATE + _NOT_DURABLE
_UPDATE: Final = f"""
UPDATE supertokens.session SET jwt_payload = coalesce(%(jwt_payload)s::text, jwt_payload),
    session_data = coalesce(%(session_data)s::text, session_data),
    auth_time = coalesce(%(auth_time)s::bigint, auth_time)
WHERE handle = %(handle)s AND expires_at > {NOW}
    AND session_data COLLATE "C" = coalesce(%(if_session_data)s::text, session_data)
"""
_REMOVE: Final = f"""
DELETE FROM supertokens.session WHERE handle = ANY (ARRAY (
    SELECT handle FROM supertokens.session WHERE handle = ANY (%(handles)s::uuid[]) AND expires_at > {NOW}
    ORDER BY handle FOR UPDATE
)) RETURNING handle::text
"""
"""Locked in a fixed order, so that two transactions that delete the same sessions cannot deadlock."""
_REMOVE_USER: Final = f"""
DELETE FROM supertokens.session WHERE user_id = %(user_id)s AND expires_at > {NOW}
    AND (SELECT count(*) FROM (
        SELECT FROM supertokens.session WHERE user_id = %(user_id)s LIMIT %(many)s::bigint + 1
    ) AS sample) <= %(many)s::bigint
RETURNING handle::text
"""
_HANDLES_OF_USER: Final = (
    f"SELECT handle::text FROM supertokens.session WHERE user_id = %(user_id)s AND expires_at > {NOW}"
    " ORDER BY created_at, handle"
)
_LIST_USER: Final = f"""
SELECT {LISTED} FROM supertokens.session
WHERE user_id = %(user_id)s AND (created_at, handle) > (%(created_at)s, %(handle)s::uuid) AND expires_at > {NOW}
ORDER BY created_at, supertokens.session.handle LIMIT %(limit)s
"""
_LIST_EVERYBODY: Final = f"""
SELECT {LISTED} FROM supertokens.session WHERE handle > %(handle)s::uuid AND expires_at > {NOW}
ORDER BY supertokens.session.handle LIMIT %(limit)s
"""
_COUNT_USER: Final = f"SELECT count(*) FROM supertokens.session WHERE user_id = %(user_id)s AND expires_at > {NOW}"
_COUNT_EVERYBODY: Final = f"SELECT count(*) FROM supertokens.session WHERE expires_at > {NOW}"
_SWEEP: Final = f"""
DELETE FROM supertokens.session WHERE handle = ANY (ARRAY (
    SELECT handle FROM supertokens.session WHERE expires_at <= {NOW} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)){_NOT_DURABLE}
"""
_BEFORE_ALL: Final = SessionCursor(-(2**63), "00000000-0000-0000-0000-000000000000")
_HANDLES_AT_ONCE: Final = 500
"""How many sessions are deleted in one transaction, so that others wait only milliseconds."""


class PostgresStore(PostgresKeys):
    """A `Store` in the schema `supertokens` of a PostgreSQL database.

    `pool_size`: the maximum number of connections per process. `timeout_s`: how long to wait for each of a connection,
    a lock and a response. `makes_tables`: whether missing tables are created, and older ones upgraded, on first use.
    `uses_own_clock`: whether to use the server's clock, which all hosts share; otherwise the caller's `now`.
    """

    def __init__(
        self,
        url: PostgresUrl,
        *,
        pool_size: int = 10,
        timeout_s: float = 5.0,
        makes_tables: bool = True,
        uses_own_clock: bool = True,
    ) -> None:
        connections = Connections(url.secret, pooled=url.pooled, size=pool_size, timeout_s=timeout_s)
        database = PostgresDatabase(connections, url.name, timeout_s, makes_tables=makes_tables)
        super().__init__(database, uses_own_clock=uses_own_clock)
        self._name = url.name

    def __repr__(self) -> str:
        return f"PostgresStore({self._name!r})"

    # Sessions

    def create(
        self,
        record: SessionRecord,
        session_data: str,
        *,
        limit: SessionLimit | None = None,
        replaces: Sequence[str] = (),
    ) -> list[str] | None:
        values = {**values_of(record), "session_data": session_data}
        if limit is None and not replaces:
            self._database.run(_INSERT, values)
            return []
        wanted = [handle for handle in dict.fromkeys(replaces) if is_handle(handle)]
        values |= {
            "replaces": wanted,
            "most": None if limit is None else limit.most,
            "evicts": limit is not None and limit.evicts,
            "now": self._now(record.created_at),
        }
        mutex = None if limit is None else 1 + zlib.crc32(record.user_id.encode()) % USER_MUTEXES
        rows = self._database.run(_CREATE_WITHIN, values, mutex=mutex).secret
        if not rows:
            return None
        replaced = {handle for handle, place in rows if place == 0}
        evicted = [handle for handle, place in rows if place > 0]
        return [handle for handle in wanted if handle in replaced] + evicted

    def get(self, handle: str, now: int) -> TimestampedRecord | None:
        row = self._row_of(_GET, handle, now)
        return row and TimestampedRecord(record_of(handle, row[:-1]), row[-1])

    def get_payload(self, handle: str, now: int, *, seen_within: int, created_within: int | None) -> str | None:
        if not is_handle(handle):
            return None
        within = {"seen_within": seen_within, "created_within": created_within}
        values = {"handle": handle, "now": self._now(now), **within}
        rows = self._database.run(_GET_PAYLOAD, values, repeatable=True).secret
        return str(rows[0][0]) if rows else None

    def get_session_data(self, handle: str, now: int) -> str | None:
        row = self._row_of(_GET_SESSION_DATA, handle, now)
        return None if row is None else str(row[0])

    def rotate(self, seen: SessionRecord, becomes: SessionRecord, *, durable: bool) -> bool:
        if not is_handle(seen.handle):
            return False
        lineage = seen.lineage
        values = {
            **values_of(becomes),
            "was_handle": seen.handle,
            "was_current": lineage.current,
            "was_newest": lineage.newest,
            "was_handed_out_at": lineage.handed_out_at,
        }
        statement = _ROTATE if durable else _ROTATE_HASTILY
        # If it is unknown whether it was written, a retry finds out: it then looks like a lost race, and the caller
        # reads what is there. Under a new handle, that would not be found.
        repeatable = becomes.handle == seen.handle
        return self._database.run(statement, values, repeatable=repeatable).written == 1

    def update(
        self,
        handle: str,
        now: int,
        *,
        jwt_payload: str | None = None,
        session_data: str | None = None,
        if_session_data: str | None = None,
        auth_time: int | None = None,
    ) -> bool:
        if not is_handle(handle):
            return False
        values = {
            "handle": handle,
            "now": self._now(now),
            "jwt_payload": jwt_payload,
            "session_data": session_data,
            "if_session_data": if_session_data,
            "auth_time": auth_time,
        }
        return self._database.run(_UPDATE, values, repeatable=if_session_data is None).written == 1

    def remove(self, handles: Sequence[str], now: int) -> list[str]:
        wanted = [handle for handle in dict.fromkeys(handles) if is_handle(handle)]
        removed: list[str] = []
        for start in range(0, len(wanted), _HANDLES_AT_ONCE):
            some = wanted[start : start + _HANDLES_AT_ONCE]
            rows = self._database.run(_REMOVE, {"handles": some, "now": self._now(now)}).secret
            gone = {handle for (handle,) in rows}
            removed += [handle for handle in some if handle in gone]
        return removed

    def remove_user(self, user_id: str, now: int) -> list[str]:
        # By user, if there are few: so that a session that gets a new handle meanwhile is not missed.
        values = {"user_id": stored_user_id(user_id), "many": _HANDLES_AT_ONCE, "now": self._now(now)}
        removed = [handle for (handle,) in self._database.run(_REMOVE_USER, values).secret]
        if removed:
            return removed
        rows = self._database.run(_HANDLES_OF_USER, values, repeatable=True).secret
        return self.remove([handle for (handle,) in rows], now)

    def sessions(
        self, user_id: str | Everybody, now: int, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        created_at, handle = after or _BEFORE_ALL
        values = {
            "now": self._now(now),
            "created_at": created_at,
            "handle": handle if is_handle(handle) else _BEFORE_ALL.handle,
            "limit": limit,
        }
        if user_id is EVERYBODY:
            rows = self._database.run(_LIST_EVERYBODY, values, repeatable=True).secret
        else:
            values["user_id"] = stored_user_id(user_id)
            rows = self._database.run(_LIST_USER, values, repeatable=True).secret
        return [listed_of(row) for row in rows]

    def count_sessions(self, user_id: str | Everybody, now: int) -> int:
        values: dict[str, Any] = {"now": self._now(now)}
        statement = _COUNT_EVERYBODY
        if user_id is not EVERYBODY:
            statement, values["user_id"] = _COUNT_USER, stored_user_id(user_id)
        [(count,)] = self._database.run(statement, values, repeatable=True).secret
        return int(count)

    def sweep(self, now: int, *, limit: int) -> int:
        return self._database.run(_SWEEP, {"now": self._now(now), "limit": limit}, repeatable=True).written

    def feed_reader(self, max_lag_s: float) -> FeedReader:
        return PostgresFeedReader(self._database, self._now, max_lag_s)

    def sweep_feed(self, now: int, *, kept_for: int, limit: int) -> int:
        values = {"now": self._now(now), "kept_for": kept_for, "limit": limit}
        [(swept,)] = self._database.run(SWEEP_FEED, values, repeatable=True).secret
        return int(swept)

    def migrate(self) -> tuple[int, int]:
        return self._database.migrate()

    def prove_writable(self, within: int) -> None:
        statement = "UPDATE supertokens.property SET value = value WHERE name = 'application'"
        self._database.run(statement, {}, timeout_s=within / 1000)

    def whole_sessions(self, now: int, *, after: str, limit: int) -> list[WholeSession]:
        return whole_sessions(self._database, now, after=after, limit=limit)

    def begin_copy(self, copy_of: str) -> bool:
        return begin_copy(self._database, copy_of)

    def put_sessions(self, copy_of: str, sessions: Sequence[WholeSession], gone: Sequence[str]) -> bool:
        return put_sessions(self._database, copy_of, sessions, gone)

    def finish_copy(self, copy_of: str, keys: StoredKeys) -> bool:
        return finish_copy(self._database, copy_of, keys)

    def close(self) -> None:
        self._database.close()

    def _row_of(self, statement: str, handle: str, now: int) -> Any:
        if not is_handle(handle):
            return None
        rows = self._database.run(statement, {"handle": handle, "now": self._now(now)}, repeatable=True).secret
        return rows[0] if rows else None
