# SPDX-License-Identifier: Apache-2.0
"""Sessions in a SQLite file, shared safely by the threads and processes of one host: the statements."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from supertokens.engine.session import ListedSession, SessionCursor, SessionRecord
from supertokens.engine.signing_keys import StoredKeys
from supertokens.stores.base import EVERYBODY, Everybody, FeedReader, SessionLimit, TimestampedRecord, WholeSession
from supertokens.stores.sqlite_backup import back_up, restore
from supertokens.stores.sqlite_connections import SqliteDatabase
from supertokens.stores.sqlite_feed import FEED, SqliteFeedReader, sweep_feed
from supertokens.stores.sqlite_keys import PROPERTIES, SqliteKeys
from supertokens.stores.sqlite_limits import create_within
from supertokens.stores.sqlite_marks import MARK_TABLE
from supertokens.stores.sqlite_moving import begin_copy, finish_copy, put_sessions
from supertokens.stores.sqlite_rows import COLUMNS, LISTED, ROW, listed_of, record_of, row_of
from supertokens.stores.sqlite_turns import Turns

__all__ = ["SqliteStore"]

_TABLES: Final = """
CREATE TABLE session (
    handle TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    jwt_payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    refresh_key_id TEXT NOT NULL,
    uses_static_key INTEGER NOT NULL,
    anti_csrf INTEGER NOT NULL,
    current INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL,
    hint BLOB,
    session_data TEXT NOT NULL
) STRICT;
CREATE INDEX session_by_user ON session (user_id, created_at);
CREATE INDEX session_by_expiry ON session (expires_at);
CREATE TABLE tombstone (handle TEXT NOT NULL PRIMARY KEY, revoked_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_by_time ON tombstone (revoked_at);
CREATE TABLE key (
    id TEXT NOT NULL PRIMARY KEY, purpose TEXT NOT NULL, created_at INTEGER NOT NULL, material BLOB NOT NULL
) STRICT
"""
_WITHOUT_WHAT_NOTHING_READS: Final = """
DROP TABLE tombstone;
ALTER TABLE session DROP COLUMN refresh_key_id;
ALTER TABLE session RENAME COLUMN last TO newest;
ALTER TABLE session RENAME COLUMN at TO handed_out_at;
ALTER TABLE session RENAME COLUMN hint TO fingerprint
"""
_LIVES: Final = """
ALTER TABLE session ADD COLUMN remember INTEGER NOT NULL DEFAULT 1;
ALTER TABLE session ADD COLUMN last_seen_at INTEGER
"""
_CLIENTS: Final = """
ALTER TABLE session ADD COLUMN user_agent TEXT;
ALTER TABLE session ADD COLUMN address TEXT
"""
_AUTH_TIME: Final = "ALTER TABLE session ADD COLUMN auth_time INTEGER"
_SCHEMA: Final = (_TABLES, _WITHOUT_WHAT_NOTHING_READS, PROPERTIES, MARK_TABLE, _LIVES, _CLIENTS, _AUTH_TIME, FEED)
"""Schema steps: the first creates version 1 of the tables, each further one the next version. Never change a step."""

_INSERT: Final = f"INSERT INTO {ROW[0]} VALUES ({', '.join('?' * ROW[1])})"
_GET: Final = f"SELECT {COLUMNS} FROM session WHERE handle = ? AND expires_at > ?"
_GET_PAYLOAD: Final = (
    "SELECT jwt_payload FROM session WHERE handle = ? AND expires_at > ? AND last_seen_at > ? AND created_at > ?"
)
_HANDLES_OF_USER: Final = "SELECT handle FROM session WHERE user_id = ? AND expires_at > ? ORDER BY created_at, handle"
_LIST: Final = f"SELECT {LISTED} FROM session WHERE"
_LIST_USER: Final = (
    f"{_LIST} user_id = ? AND (created_at, handle) > (?, ?) AND expires_at > ? ORDER BY created_at, handle LIMIT ?"
)
_LIST_EVERYBODY: Final = f"{_LIST} handle > ? AND expires_at > ? ORDER BY handle LIMIT ?"
_EVER: Final = -(2**63)
_BEFORE_ALL: Final = SessionCursor(_EVER, "")
_WHOLE: Final = (
    f"SELECT {COLUMNS}, session_data FROM session WHERE handle > ? AND expires_at > ? ORDER BY handle LIMIT ?"
)
_ROTATE: Final = (
    "UPDATE session SET current = ?, parent = ?, newest = ?, handed_out_at = ?, fingerprint = ?, last_seen_at = ?,"
    " user_agent = ?, address = ?, anti_csrf = ?, uses_static_key = ?"
)
# Only if they change: SQLite rewrites a column's index entry even if the value is the same.
_NEW_EXPIRY: Final = ", expires_at = ?"
_NEW_HANDLE: Final = ", handle = ?"
_IF_AS_SEEN: Final = " WHERE handle = ? AND current = ? AND newest = ? AND handed_out_at = ?"
_OWNER: Final = "SELECT value FROM property WHERE name = 'app'"
_CLAIM: Final = "INSERT OR IGNORE INTO property VALUES ('app', ?)"
_HANDLES_AT_ONCE: Final = 500
"""Sessions deleted in one transaction, so that others wait only for milliseconds; below every build's limit on
parameters.
"""
_FEW: Final = 20
"""Sessions deleted without making room for others: such a step is over before anybody has to wait."""


class SqliteStore(SqliteKeys):
    """A `Store` in one file, in WAL mode.

    `path`: the file, created on first use with mode 0600; its folder, if missing, with mode 0700. `synchronous`:
    ``full`` (an acknowledged write survives a power cut) or ``normal`` (it survives the end of the process, but a power
    cut may undo the last ones). `busy_timeout`: how long to wait for another process's write (ms). `mode`: ``rwc``,
    ``rw`` (the file must exist) or ``ro``. `pragmas`: further SQLite settings for each connection, by name.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Literal["full", "normal"] = "full",
        busy_timeout: int = 10_000,
        mode: Literal["rwc", "rw", "ro"] = "rwc",
        pragmas: Mapping[str, int | str] | None = None,
    ) -> None:
        database = SqliteDatabase(
            Path(path).absolute(),
            schema=_SCHEMA,
            synchronous=synchronous,
            busy_timeout=busy_timeout,
            mode=mode,
            pragmas=dict(pragmas or {}),
        )
        super().__init__(database)
        self._turns = Turns()

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._database.path)!r})"

    # Sessions

    def create(
        self,
        record: SessionRecord,
        session_data: str,
        *,
        limit: SessionLimit | None = None,
        replaces: Sequence[str] = (),
    ) -> list[str] | None:
        values = row_of(record, session_data)
        if limit is None and not replaces:
            self._database.write(lambda connection: connection.execute(_INSERT, values).rowcount, one_statement=True)
            return []
        return self._database.write(
            partial(create_within, _INSERT, record, values, limit, list(dict.fromkeys(replaces)))
        )

    def get(self, handle: str, now: int) -> TimestampedRecord | None:
        row = self._read_one(_GET, (handle, now))
        return row and TimestampedRecord(record_of(row), now)

    def get_payload(self, handle: str, now: int, *, seen_within: int, created_within: int | None) -> str | None:
        created_after = _EVER if created_within is None else now - created_within
        rows = self._database.read(_GET_PAYLOAD, (handle, now, now - seen_within, created_after))
        return rows[0][0] if rows else None

    def get_session_data(self, handle: str, now: int) -> str | None:
        row = self._read_one("SELECT session_data FROM session WHERE handle = ? AND expires_at > ?", (handle, now))
        return None if row is None else str(row[0])

    def rotate(self, seen: SessionRecord, becomes: SessionRecord, *, durable: bool) -> bool:
        statement = _ROTATE
        values: list[object] = [*becomes.lineage, becomes.last_seen_at]
        values += (becomes.client.user_agent, becomes.client.address, becomes.anti_csrf, becomes.uses_static_key)
        if becomes.expires_at != seen.expires_at:
            statement += _NEW_EXPIRY
            values.append(becomes.expires_at)
        if becomes.handle != seen.handle:
            statement += _NEW_HANDLE
            values.append(becomes.handle)
        was = seen.lineage
        values += (seen.handle, was.current, was.newest, was.handed_out_at)
        return self._database.write(
            lambda connection: connection.execute(statement + _IF_AS_SEEN, values).rowcount == 1,
            durable=durable,
            one_statement=True,
        )

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
        statement = (
            "UPDATE session SET jwt_payload = coalesce(?, jwt_payload), session_data = coalesce(?, session_data),"
            " auth_time = coalesce(?, auth_time)"
            " WHERE handle = ? AND expires_at > ? AND session_data = coalesce(?, session_data)"
        )
        values = (jwt_payload, session_data, auth_time, handle, now, if_session_data)
        return self._database.write(lambda connection: connection.execute(statement, values).rowcount == 1)

    def remove(self, handles: Sequence[str], now: int) -> list[str]:
        wanted = list(dict.fromkeys(handles))
        removed: list[str] = []
        for start in range(0, len(wanted), _HANDLES_AT_ONCE):
            some = wanted[start : start + _HANDLES_AT_ONCE]
            is_last = start + len(some) == len(wanted)
            with self._turns.turn() if len(some) > _FEW else nullcontext():
                removed += self._remove(some, now, durable=is_last)  # which also flushes earlier writes to the disk
        return removed

    def _remove(self, handles: list[str], now: int, *, durable: bool) -> list[str]:
        statement = f"DELETE FROM session WHERE handle IN ({', '.join('?' * len(handles))}) AND expires_at > ?"

        def delete(connection: sqlite3.Connection) -> list[str]:
            if len(handles) == 1:
                return handles if connection.execute(statement, (*handles, now)).rowcount else []
            rows = connection.execute(f"{statement} RETURNING handle", (*handles, now)).fetchall()
            removed = {handle for (handle,) in rows}
            return [handle for handle in handles if handle in removed]

        return self._database.write(delete, durable=durable, one_statement=True)

    def remove_user(self, user_id: str, now: int) -> list[str]:
        # All current handles, read at once: a session that the user begins meanwhile is kept.
        rows = self._database.read(_HANDLES_OF_USER, (user_id, now))
        return self.remove([handle for (handle,) in rows], now)

    def sessions(
        self, user_id: str | Everybody, now: int, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        created_at, handle = after or _BEFORE_ALL
        most = -1 if limit is None else limit
        if user_id is EVERYBODY:
            rows = self._database.read(_LIST_EVERYBODY, (handle, now, most))
        else:
            rows = self._database.read(_LIST_USER, (user_id, created_at, handle, now, most))
        return [listed_of(row) for row in rows]

    def count_sessions(self, user_id: str | Everybody, now: int) -> int:
        whose, values = ("TRUE", (now,)) if user_id is EVERYBODY else ("user_id = ?2", (now, user_id))
        [(count,)] = self._database.read(f"SELECT count(*) FROM session WHERE {whose} AND expires_at > ?1", values)
        return int(count)

    def sweep(self, now: int, *, limit: int) -> int:
        statement = "DELETE FROM session WHERE rowid IN (SELECT rowid FROM session WHERE expires_at <= ? LIMIT ?)"
        with self._turns.turn():
            return self._database.write(
                lambda connection: connection.execute(statement, (now, limit)).rowcount,
                durable=False,
                one_statement=True,
            )

    def feed_reader(self, max_lag_s: float) -> FeedReader:
        return SqliteFeedReader(self._database, max_lag_s)

    def sweep_feed(self, now: int, *, kept_for: int, limit: int) -> int:
        return sweep_feed(self._database, self._turns, now, kept_for, limit)

    def claim(self, owner: str) -> str:
        """Return the name of the app that owns the file, which becomes `owner` if it had none.

        For a file that no setting names: two apps in one folder must not accept each other's users.
        """
        said = self._database.read(_OWNER, ())
        if not said:
            values = (owner,)
            self._database.write(lambda connection: connection.execute(_CLAIM, values), one_statement=True)
            said = self._database.read(_OWNER, ())
        return str(said[0][0])

    def migrate(self) -> tuple[int, int]:
        return self._database.migrate()

    def prove_writable(self, within: int) -> None:
        self._database.prove_writable(within)

    def back_up(self, target: Path, *, overwrite: bool, progress: Callable[[int, int], object]) -> int:
        return back_up(self._database, target.absolute(), overwrite=overwrite, progress=progress)

    def restore(self, source: Path, *, progress: Callable[[int, int], object]) -> int:
        return restore(self._database, source.absolute(), progress=progress)

    def whole_sessions(self, now: int, *, after: str, limit: int) -> list[WholeSession]:
        rows = self._database.read(_WHOLE, (after, now, limit))
        return [WholeSession(record_of(row[:-1]), row[-1]) for row in rows]

    def begin_copy(self, copy_of: str) -> bool:
        return self._database.write(partial(begin_copy, copy_of))

    def put_sessions(self, copy_of: str, sessions: Sequence[WholeSession], gone: Sequence[str]) -> bool:
        return self._database.write(partial(put_sessions, copy_of, sessions, gone))

    def finish_copy(self, copy_of: str, keys: StoredKeys) -> bool:
        return self._database.write(partial(finish_copy, copy_of, keys))

    def close(self) -> None:
        self._database.close()

    def _read_one(self, statement: str, values: Sequence[Any]) -> Any:
        rows = self._database.read(statement, values)
        return rows[0] if rows else None
