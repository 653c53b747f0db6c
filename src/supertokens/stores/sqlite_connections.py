# SPDX-License-Identifier: Apache-2.0
"""Connections to a SQLite file: who may use which, and what a commit promises.

Reads borrow a connection from a pool. All writes of a process go through one connection: threads that wait for it are
committed together (see `sqlite_commits`), and waiting for other processes is fair (see `sqlite_waiting`). Before a fork
all connections are closed (see `sqlite_forks`).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite_commits import CommitQueue, Write, transaction
from supertokens.stores.sqlite_files import DatabaseFile
from supertokens.stores.sqlite_forks import PROCESS
from supertokens.stores.sqlite_marks import check_log
from supertokens.stores.sqlite_schema import SqliteSchema
from supertokens.stores.sqlite_waiting import connect, waiting_in_sqlite
from supertokens.stores.sqlite_watch import FileWatch

__all__ = ["SqliteDatabase"]

T = TypeVar("T")

_SETTINGS: Final[dict[str, int | str]] = {
    "temp_store": "memory",  # a large statement must not need a folder for temporary files
    "journal_size_limit": 8 << 20,  # bytes; twice the usual size of the log, so that it shrinks only after a long read
}
_MAX_LOG_BYTES: Final = 32 << 20
_WAIT_FOR_READERS_MS: Final = 250
_BETWEEN_TRIES_S: Final = 2.0
_OLDEST_SQLITE: Final = (3, 37, 0)  # STRICT tables; RETURNING came with 3.35


class SqliteDatabase:
    """One file: `read` and `write` it from any thread, before and after a fork.

    `schema`: steps of statements, of which the n-th turns version n - 1 of the tables into version n. See `SqliteStore`
    for the rest.
    """

    def __init__(
        self,
        path: Path,
        *,
        schema: Sequence[str],
        synchronous: Literal["full", "normal"],
        busy_timeout: int,
        mode: str,
        pragmas: dict[str, int | str],
    ) -> None:
        self.path = path
        self.file = DatabaseFile(path)
        self.watch = FileWatch(self.file)
        self.schema = SqliteSchema(self.file, schema)
        self._steps = schema
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        self._mode = mode
        self._pragmas = pragmas
        self._next_try_to_bound_log = 0.0
        self.begin_anew()
        PROCESS.add_owner(self)

    def __del__(self) -> None:
        if PROCESS and not PROCESS.is_ending:  # None once the interpreter has torn down this module
            self.close()

    def read(self, statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
        """Return all rows. Raises SuperTokensGeneralError."""
        # Like `_enter`; inlined, since every check with blacklisting runs this.
        if self._pid != os.getpid() or PROCESS.is_forking:
            self._enter()
        self.watch.check_now_and_then()
        readers = self._readers  # those of this process: a fork in between replaces them
        try:
            # A list's pop and append are atomic, and a connection is in one thread's hands at a time.
            connection = readers.pop()
        except IndexError:
            connection = self.open_connection()
        try:
            secret = connection.execute(statement, values).fetchall()  # includes keys: error reports must hide them
        except BaseException as error:
            self.close_connection(connection)
            if isinstance(error, sqlite3.Error):
                raise self.file.failure(error) from error
            raise
        readers.append(connection)
        return secret

    def write(
        self, operation: Callable[[sqlite3.Connection], T], *, durable: bool = True, one_statement: bool = False
    ) -> T:
        """Run `operation` in a transaction and return its result once that is committed.

        `durable`: it must survive a power cut. `one_statement`: it executes a single statement, which is a transaction
        by itself. Raises SuperTokensGeneralError, with nothing written, after at most twice `busy_timeout` if another
        process keeps the file locked.
        """
        self._enter()
        write = Write(operation, durable=durable, one_statement=one_statement)
        try:
            outcome: T = self.commits.run(write)
        except sqlite3.Error as error:
            raise self.file.failure(error) from error
        return outcome

    def prove_writable(self, within: int) -> None:
        """See `stores.base.Probing`. Raises SuperTokensGeneralError."""
        # The connection for writes may be waiting for the lock, for much longer.
        with self.opened(within, writes=True) as connection, transaction(connection):
            # SQLite writes this to the file even if the value is the same.
            connection.execute(f"PRAGMA user_version = {self.schema.version(connection)}")

    @contextmanager
    def opened_as_it_is(self, *, at_rest: bool = False) -> Iterator[sqlite3.Connection]:
        """Open a connection whatever version the tables have. Raises SuperTokensGeneralError.

        `at_rest`: nobody is using the file, which may be in a place where nothing can be written.
        """

        def connect_to_it() -> sqlite3.Connection:
            check_log(self.file)
            # Not read-only: that would leave an empty log behind.
            how: dict[str, str | int] = {"mode": "rw"}
            if at_rest and not self.file.has_log():
                how = {"mode": "ro", "immutable": 1}
            return connect(self.file.uri(**how), self._busy_timeout)

        try:
            connection = PROCESS.open(self.path, connect_to_it)  # which does nothing if a fork forbids it
            try:
                yield connection
            finally:
                PROCESS.close(connection)
        except (OSError, sqlite3.Error) as error:
            raise self.file.failure(error) from error

    @contextmanager
    def opened(self, busy_timeout: int | None = None, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
        """Open a connection for exclusive use, outside any transaction: see `open_connection`.

        Raises SuperTokensGeneralError.
        """
        connection = self.open_connection(busy_timeout, writes=writes)
        try:
            yield connection
        except sqlite3.Error as error:
            raise self.file.failure(error) from error
        finally:
            self.close_connection(connection)

    def at(self, path: Path) -> SqliteDatabase:
        """Return a database of the same kind in another, existing file."""
        return SqliteDatabase(
            path,
            schema=self._steps,
            synchronous=self._synchronous,
            busy_timeout=self._busy_timeout,
            mode="rw",
            pragmas=self._pragmas,
        )

    def _enter(self) -> None:
        """Start afresh in a forked child, and wait while another thread forks."""
        if self._pid != os.getpid():
            PROCESS.notice_fork()
        PROCESS.wait_for_fork()

    def migrate(self) -> tuple[int, int]:
        """See `stores.base.Migrating`. Raises SuperTokensGeneralError."""
        before = 0
        if self.path.exists():
            with self.opened_as_it_is() as connection:
                before = self.schema.version(connection)
        self.close_connection(self.open_connection())
        return before, self.schema.newest

    def close(self) -> None:
        """Close all connections, once the operations that use them are finished."""
        if self._pid == os.getpid():
            self._close_readers()
            self.commits.close()
            self.watch.forget()

    def close_idle(self) -> None:
        """See `ForkAware`."""
        if self._pid == os.getpid():
            self._close_readers()
            self.commits.close_if_idle()

    def _close_readers(self) -> None:
        while self._readers:
            with suppress(IndexError):  # another thread took the last one
                self.close_connection(self._readers.pop())

    def begin_anew(self) -> None:
        """See `ForkAware`."""
        self.watch.begin_anew()
        self._readers: list[sqlite3.Connection] = []
        self.commits = CommitQueue(self, self._synchronous)
        self._pid = os.getpid()

    def open_connection(self, busy_timeout: int | None = None, *, writes: bool = False) -> sqlite3.Connection:
        """Open a connection that waits for a lock for `busy_timeout` (ms), or for the configured time.

        `writes`: it competes with other processes for the write lock, and waits by polling often. Raises
        SuperTokensGeneralError, also if the file is not the one that was open before.
        """
        wait = self._busy_timeout if busy_timeout is None else busy_timeout
        self.watch.check()
        connection = PROCESS.open(self.path, lambda: self._connect_and_prepare(wait, writes=writes))
        try:
            self.watch.opened()
        except SuperTokensGeneralError:
            PROCESS.leave(connection, self.watch.database)
            raise
        self.file.say_once()
        return connection

    def close_connection(self, connection: sqlite3.Connection) -> None:
        """Close the connection, unless that would touch a different file that is now at the path."""
        if self.watch.closing():
            PROCESS.close(connection)
        else:
            PROCESS.leave(connection, self.watch.database)

    def check_file(self) -> None:
        """Raise SuperTokensGeneralError if the path no longer leads to the open file."""
        self.watch.check()

    def bound_log(self, connection: sqlite3.Connection) -> None:
        """Reset the log if it is large. SQLite itself does so only when there is a moment without readers."""
        now = self.watch.monotonic()
        if self.watch.log_bytes < _MAX_LOG_BYTES or now < self._next_try_to_bound_log:
            return
        self._next_try_to_bound_log = now + _BETWEEN_TRIES_S
        # Wait for current readers, but briefly, since other writers wait meanwhile; do not wait for new ones.
        with waiting_in_sqlite(connection, _WAIT_FOR_READERS_MS):
            connection.execute("PRAGMA wal_checkpoint(RESTART)")

    def _connect_and_prepare(self, busy_timeout: int, *, writes: bool) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise SuperTokensGeneralError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
        try:
            if self._mode == "rwc":
                self.file.make()
            if self.watch.database is None:
                check_log(self.file)
            connection = connect(self.file.uri(mode=self._mode), busy_timeout, writes=writes)
            try:
                self._prepare(connection, busy_timeout)
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise self.file.failure(error) from error
        return connection

    def _prepare(self, connection: sqlite3.Connection, busy_timeout: int) -> None:
        for name, value in (_SETTINGS | self._pragmas).items():
            connection.execute(f"PRAGMA {name} = {value}")
        version = self.schema.version(connection)  # before anything is changed in the file
        if self._mode == "ro":
            self.schema.require_newest(version)
            return
        self._switch_to_wal(connection, busy_timeout)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        if version < self.schema.newest:
            self.schema.bring_up_to_date(connection)

    def _switch_to_wal(self, connection: sqlite3.Connection, busy_timeout: int) -> None:
        # SQLite does not call its busy handler for this switch, which is made once per file.
        deadline = time.monotonic() + busy_timeout / 1000
        while True:
            try:
                connection.execute("PRAGMA journal_mode = wal")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return
