# SPDX-License-Identifier: Apache-2.0
"""The revocation feed in a SQLite file, written by triggers, so that no statement and no program can omit an entry.

`PRAGMA data_version` shows, without reading a page, whether another connection has committed anything. Writers of a
file take turns, so entries are numbered in the order of the commits.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from typing import Any, Final

from supertokens.stores.base import MAX_ENTRIES, FeedEntry
from supertokens.stores.polling import polling_interval
from supertokens.stores.sqlite_connections import SqliteDatabase
from supertokens.stores.sqlite_forks import PROCESS
from supertokens.stores.sqlite_turns import Turns

__all__ = ["BEGIN_ANEW", "FEED", "SqliteFeedReader", "sweep_feed"]

_NOW: Final = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
FEED: Final = f"""
CREATE TABLE feed (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    leased_until INTEGER,
    forgotten INTEGER NOT NULL
) STRICT;
INSERT INTO feed VALUES (1, random(), NULL, 0);
CREATE TABLE feed_entry (
    position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, handle TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER announce_ended AFTER DELETE ON session
WHEN (SELECT leased_until FROM feed) IS NOT NULL
BEGIN INSERT INTO feed_entry (handle, kind, at) VALUES (OLD.handle, 'ended', {_NOW}); END;
CREATE TRIGGER announce_changed AFTER UPDATE OF handle, jwt_payload ON session
WHEN (OLD.handle <> NEW.handle OR OLD.jwt_payload <> NEW.jwt_payload) AND (SELECT leased_until FROM feed) IS NOT NULL
BEGIN INSERT INTO feed_entry (handle, kind, at)
VALUES (OLD.handle, CASE WHEN OLD.handle <> NEW.handle THEN 'ended' ELSE 'payload' END, {_NOW}); END
"""
"""`generation`: a new one each time all leases have ended. `forgotten`: the last entry that was removed."""

BEGIN_ANEW: Final = "UPDATE feed SET generation = random(), leased_until = NULL"
"""For a file that is no longer the one its readers have read: each of them notices."""

_LEASE: Final = (
    "INSERT INTO feed VALUES (1, random(), ?1, 0)"
    " ON CONFLICT (one) DO UPDATE SET leased_until = max(coalesce(leased_until, ?1), ?1)"
)
_STATE: Final = (
    "SELECT generation, leased_until IS NOT NULL, forgotten,"
    " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'feed_entry'), 0) FROM feed"
)
_ENTRIES: Final = "SELECT position, handle, kind, at FROM feed_entry WHERE position > ? ORDER BY position LIMIT ?"
_HAS_WORK: Final = (
    "SELECT EXISTS (SELECT 1 FROM feed WHERE leased_until <= ?) OR EXISTS (SELECT 1 FROM feed_entry WHERE at <= ?)"
)
_DELETE_OLD: Final = (
    "DELETE FROM feed_entry WHERE position IN"
    " (SELECT position FROM feed_entry WHERE at <= ? ORDER BY position LIMIT ?) RETURNING position"
)


def sweep_feed(database: SqliteDatabase, turns: Turns, now: int, kept_for: int, limit: int) -> int:
    """Do what `Announcing.sweep_feed` says, without a write if there is nothing to do."""
    old = now - kept_for
    [(has_work,)] = database.read(_HAS_WORK, (now, old))
    if not has_work:
        return 0

    def sweep(connection: sqlite3.Connection) -> int:
        connection.execute(f"{BEGIN_ANEW} WHERE leased_until <= ?", (now,))
        gone = connection.execute(_DELETE_OLD, (old, limit)).fetchall()
        connection.execute("UPDATE feed SET forgotten = max(forgotten, ?)", max(gone, default=(0,)))
        return len(gone)

    with turns.turn():
        return database.write(sweep, durable=False)


class SqliteFeedReader:
    """A `FeedReader` on its own connection, which is closed around forks like all others."""

    def __init__(self, database: SqliteDatabase, max_lag_s: float) -> None:
        self._database = database
        self._interval_s = polling_interval(max_lag_s)
        self._generation: int | None = None
        self._position = 0
        self._version: int | None = None
        self.begin_anew()
        PROCESS.add_owner(self)

    def __del__(self) -> None:
        if PROCESS and not PROCESS.is_ending:  # None once the interpreter has cleared this module at exit
            self.close()

    def lease(self, now: int, lasts: int) -> None:
        # A power cut that undoes it ends its holders, too.
        values = (now + lasts,)
        self._database.write(lambda connection: connection.execute(_LEASE, values), durable=False, one_statement=True)

    def start(self) -> None:
        [(self._generation, _, _, self._position)] = self._database.read(_STATE, ()) or [(None, 0, 0, 0)]
        self._version = None

    def read(self) -> list[FeedEntry] | None:
        self._database.watch.check_now_and_then()
        connection = self._usable_connection()
        try:
            # First: the next read finds what is committed after this.
            [version] = connection.execute("PRAGMA data_version").fetchone()
            if version == self._version:
                rows, state = [], None
            else:
                # Entries before the state: the state shows whether some were removed before they were read.
                rows = connection.execute(_ENTRIES, (self._position, MAX_ENTRIES + 1)).fetchall()
                state = connection.execute(_STATE).fetchone() or (None, 0, 0, 0)
        except BaseException as error:
            self._database.close_connection(connection)
            if isinstance(error, sqlite3.Error):
                raise self._database.file.failure(error) from error
            raise
        self._idle.append(connection)
        news = [] if state is None else self._what_is_new(rows, state)
        self._version = None if news is None else version
        return news

    def _what_is_new(
        self, rows: list[tuple[int, str, Any, int]], state: tuple[int | None, int, int, int]
    ) -> list[FeedEntry] | None:
        generation, is_leased, forgotten, last = state
        if generation is None or generation != self._generation or not is_leased:
            return None
        if not forgotten <= self._position <= last or len(rows) > MAX_ENTRIES:
            return None
        if rows:
            self._position = rows[-1][0]
        return [FeedEntry(*entry) for _, *entry in rows]

    def wait(self, stopped: threading.Event) -> None:
        stopped.wait(self._interval_s)

    def close(self) -> None:
        if self._pid == os.getpid():
            self.close_idle()

    def close_idle(self) -> None:
        """See `ForkAware`."""
        while self._idle:
            with suppress(IndexError):  # the reading thread took it
                self._database.close_connection(self._idle.pop())

    def begin_anew(self) -> None:
        """See `ForkAware`."""
        self._idle: list[sqlite3.Connection] = []
        self._pid = os.getpid()

    def _usable_connection(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            self._version = None  # each connection counts for itself
            return self._database.open_connection()
