# SPDX-License-Identifier: Apache-2.0
"""The revocation feed in a PostgreSQL database: written by triggers, announced with NOTIFY, read from a table.

A notification only says that it is time to read. If none comes, because of a pooler, a database without notifications,
or a lost one, regular reads find the same entries a little later.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Any, Final

import psycopg

from supertokens.stores.base import MAX_ENTRIES, FeedEntry
from supertokens.stores.postgres_connections import PostgresConnection
from supertokens.stores.postgres_database import PostgresDatabase
from supertokens.stores.postgres_keys import NOW

__all__ = ["SWEEP_FEED", "PostgresFeedReader"]

_GENERATION: Final = "(random() * 4e18)::bigint"
_LEASE: Final = f"""
WITH counter AS (
    INSERT INTO supertokens.feed_position SELECT 1, coalesce(max(position), 0) FROM supertokens.feed_entry
    ON CONFLICT DO NOTHING
)
INSERT INTO supertokens.feed AS feed VALUES (1, {_GENERATION}, {NOW} + %(lasts)s::bigint, 0)
ON CONFLICT (one) DO UPDATE SET leased_until = greatest(feed.leased_until, EXCLUDED.leased_until)
RETURNING set_config('synchronous_commit', 'off', true)
"""
"""A crash that undoes it also ends the connections of its holders."""
_READ: Final = """
SELECT entry.position, entry.handle::text, entry.kind, entry.at, feed.generation,
    feed.leased_until IS NOT NULL AND NOT pg_is_in_recovery(), feed.forgotten, counter.value
FROM supertokens.feed CROSS JOIN supertokens.feed_position AS counter
LEFT JOIN supertokens.feed_entry AS entry ON entry.position > %(after)s
ORDER BY entry.position LIMIT %(most)s
"""
SWEEP_FEED: Final = f"""
WITH old AS (
    DELETE FROM supertokens.feed_entry AS entry USING (
        SELECT position, handle FROM supertokens.feed_entry WHERE at <= {NOW} - %(kept_for)s::bigint
        ORDER BY position LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) AS expired
    WHERE entry.position = expired.position AND entry.handle = expired.handle RETURNING entry.position
), last AS (
    SELECT coalesce(max(position), 0) AS position FROM old
), said AS (
    UPDATE supertokens.feed SET forgotten = greatest(forgotten, last.position),
        generation = CASE WHEN leased_until <= {NOW} THEN {_GENERATION} ELSE generation END,
        leased_until = CASE WHEN leased_until <= {NOW} THEN NULL ELSE leased_until END
    FROM last WHERE leased_until <= {NOW} OR last.position > 0
)
SELECT count(*) FROM old
"""
_LOOKS_WITHIN_LAG: Final = 3
"""Reads within the lag if there are notifications: one may be late without any check having to read the store."""
_LOOKS_WHERE_POLLING: Final = 5
"""Reads within the lag if there are none."""


class PostgresFeedReader:
    """A `FeedReader` on its own connection or, if there is a pooler, on those of the pool."""

    def __init__(
        self, database: PostgresDatabase, clock_that_counts: Callable[[int], int | None], max_lag_s: float
    ) -> None:
        self._database = database
        self._clock_that_counts = clock_that_counts
        self._max_lag_s = max_lag_s
        self._generation: int | None = None
        self._position = 0
        self._connection: PostgresConnection | None = None
        self._is_polling = False
        self._is_notified = False
        self._pid = os.getpid()

    def lease(self, now: int, lasts: int) -> None:
        self._database.run(_LEASE, {"now": self._clock_that_counts(now), "lasts": lasts}, repeatable=True)

    def start(self) -> None:
        rows = self._rows(2**62)
        self._generation, _, _, self._position = rows[0][4:] if rows else (None, False, 0, 0)

    def read(self) -> list[FeedEntry] | None:
        self._is_notified = False  # later notifications may be about changes that this read does not see
        rows = self._rows(self._position)
        if not rows:
            return None  # somebody has emptied the tables
        generation, is_leased, forgotten, last = rows[0][4:]
        if generation != self._generation or not is_leased:
            return None
        if not forgotten <= self._position <= last or len(rows) > MAX_ENTRIES:
            return None
        self._position = last
        return [FeedEntry(*row[1:4]) for row in rows if row[0] is not None]

    def wait(self, stopped: threading.Event) -> None:
        if self._is_polling or self._connection is None:
            stopped.wait(self._max_lag_s / _LOOKS_WHERE_POLLING)
        elif not self._is_notified and self._connection.pgconn.notifies() is None:  # nothing came with a response
            news = select.poll()
            news.register(self._connection.fileno(), select.POLLIN)
            news.poll(1000 * self._max_lag_s / _LOOKS_WITHIN_LAG)

    def close(self) -> None:
        connection, self._connection, self._is_polling = self._connection, None, False
        if connection is not None and self._pid == os.getpid():
            connection.close()

    def _open(self) -> None:
        """Ask the server for notifications, if it supports them."""
        if self._connection is not None or self._is_polling:
            return
        with self._database.on_its_own(None) as connection:
            self._is_polling = not (connection.is_direct and self._listens(connection))
            if self._is_polling:
                connection.close()
            else:
                self._connection = connection

    def _listens(self, connection: PostgresConnection) -> bool:
        connection.add_notify_handler(self._note)
        try:
            connection.execute("LISTEN supertokens_feed", prepare=False)
        except (psycopg.NotSupportedError, psycopg.ProgrammingError):
            return False  # a database without notifications
        return True

    def _note(self, _: psycopg.Notify) -> None:
        self._is_notified = True

    def _rows(self, after: int) -> list[tuple[Any, ...]]:
        self._open()
        values = {"after": after, "most": MAX_ENTRIES + 1}
        if self._is_polling:
            return self._database.run(_READ, values, repeatable=True).secret
        with self._database.on_its_own(self._connection) as connection:
            return connection.execute(_READ, values, prepare=True).fetchall()
