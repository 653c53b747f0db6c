# SPDX-License-Identifier: Apache-2.0
"""Connections to a SQLite file: who may use which, what a commit promises, and what happens at a fork.

Reads borrow a connection from a pool. Writes of one process go through one connection: threads that wait for it
are committed together (see `_GroupCommit`), and other processes are waited for by SQLite's busy handler.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from supertokens.errors import SuperTokensGeneralError

__all__ = ["SqliteDatabase"]

T = TypeVar("T")

_SCHEMA_VERSION: Final = 1
_LONGEST_SLEEP: Final = 1.0  # seconds
_OLDEST_SQLITE: Final = (3, 37, 0)  # STRICT tables; RETURNING came with 3.35


class SqliteDatabase:
    """One file: `read` and `write` on it from any thread, before and after a fork.

    `schema`: statements that make version 1 of the tables; see `SqliteStore` for the rest.
    """

    def __init__(
        self,
        path: Path,
        *,
        schema: str,
        synchronous: str,
        busy_timeout: int,
        mode: str,
        pragmas: Mapping[str, int | str],
    ) -> None:
        self.path = path
        self._schema = schema
        self._synchronous = synchronous
        self._busy_timeout = busy_timeout
        self._mode = mode
        self._pragmas = pragmas
        self._opening = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._commits = _GroupCommit(self._open, synchronous)
        _forget_connections_in_forked_children(self)

    def read(self, statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
        """All rows. Raises SuperTokensGeneralError."""
        try:
            # A list's pop and append are atomic, and a connection is in one thread's hands at a time.
            connection = self._readers.pop()
        except IndexError:
            connection = self._open()
        try:
            rows = connection.execute(statement, values).fetchall()
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.Error):
                raise self._failure(error) from error
            raise
        self._readers.append(connection)
        return rows

    def write(
        self, operation: Callable[[sqlite3.Connection], T], *, durable: bool = True, one_statement: bool = False
    ) -> T:
        """Run `operation` in a transaction and return what it returned, once that is committed.

        `one_statement`: it executes a single one, which is a transaction by itself.

        Raises SuperTokensGeneralError, with nothing written.
        """
        try:
            return self._commits.run(operation, durable=durable, one_statement=one_statement)
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def migrate(self) -> tuple[int, int]:
        """See `stores.base.Migrating`. Raises SuperTokensGeneralError."""
        try:
            connection = sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", uri=True)
            try:
                before = int(connection.execute("PRAGMA user_version").fetchone()[0])
            finally:
                connection.close()
        except sqlite3.OperationalError:  # there is no file yet
            before = 0
        self._open().close()
        return before, _SCHEMA_VERSION

    def close(self) -> None:
        readers, self._readers = self._readers, []
        for connection in readers:
            connection.close()
        self._commits.close()

    def after_fork_in_child(self) -> None:
        """Start anew with connections of our own."""
        # The inherited ones are never used here and, since closing them could release the parent's locks, never
        # closed (SQLite, "How To Corrupt An SQLite Database File", section 2.6).
        _INHERITED.append((self._readers, self._commits))
        self._opening = threading.Lock()
        self._readers = []
        self._commits = _GroupCommit(self._open, self._synchronous)

    def _open(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise SuperTokensGeneralError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
        try:
            if self._mode == "rwc":
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._create_file()
            connection = sqlite3.connect(
                f"file:{quote(str(self.path))}?mode={self._mode}",
                uri=True,
                timeout=self._busy_timeout / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise self._failure(error) from error
        return connection

    def _create_file(self) -> None:
        """Make the file readable for its owner only, before SQLite makes it with the umask of the process."""
        # Only ever a new file: closing another descriptor of a database in use would drop this process's locks on it
        # (SQLite, "How To Corrupt An SQLite Database File", section 2.2).
        with self._opening, suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for name, value in self._pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}")
        if self._mode == "ro":
            return
        self._switch_to_wal(connection)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            _create_schema(connection, self._schema)
        elif version > _SCHEMA_VERSION:
            raise SuperTokensGeneralError(
                f"the database {self.path} was written by a newer version (schema {version}, this one knows"
                f" {_SCHEMA_VERSION}): update supertokens-sessions, or point 'database' to another file"
            )

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        # SQLite does not call its busy handler for this switch, which is needed once in the life of a file.
        deadline = time.monotonic() + self._busy_timeout / 1000
        while True:
            try:
                connection.execute("PRAGMA journal_mode = wal")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return

    def _failure(self, error: Exception) -> SuperTokensGeneralError:
        return SuperTokensGeneralError(
            f"the session database {self.path} failed: {error}. If it should be elsewhere, set 'database'."
        )


class _Ticket:
    """One write that waits to be committed."""

    __slots__ = ("durable", "error", "one_statement", "operation", "outcome", "served", "turn")

    def __init__(
        self, operation: Callable[[sqlite3.Connection], Any], durable: bool, one_statement: bool = False
    ) -> None:
        self.operation = operation
        self.durable = durable
        self.one_statement = one_statement
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.served = False
        self.turn = threading.Lock()
        """Released when there is something to look at: the write is done, or it is this thread's turn to commit."""
        self.turn.acquire()

    def wake(self) -> None:
        with suppress(RuntimeError):  # it has been woken already
            self.turn.release()


class _GroupCommit:
    """Runs writes of many threads on one connection, those that wait together in one transaction.

    Whoever finds the lock free commits everything that has queued up by then: the fsync is shared, and each caller
    still returns only after its own write is on the disk.
    """

    def __init__(self, open_connection: Callable[[], sqlite3.Connection], synchronous: str) -> None:
        self._open = open_connection
        self._durable = synchronous
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._expected = 1
        self._connection: sqlite3.Connection | None = None
        self._level = synchronous

    def run(self, operation: Callable[[sqlite3.Connection], T], *, durable: bool, one_statement: bool = False) -> T:
        """What `operation` returns, after it has been committed. Raises what it raised, after a rollback."""
        ticket = _Ticket(operation, durable, one_statement)
        self._waiting.append(ticket)
        while not ticket.served:
            if self._lock.locked():
                # Whoever holds it wakes us. The limit is for a thread that was interrupted before it could.
                ticket.turn.acquire(timeout=_LONGEST_SLEEP)
                continue
            tickets: list[_Ticket] = []
            try:
                with self._lock:
                    if not ticket.served:
                        tickets = self._take_waiting()
                        self._serve(tickets)
            finally:
                # The queue is looked at after the lock is free: who comes later finds it so.
                for each in (*tickets, *self._waiting[:1]):
                    each.wake()
        if ticket.error is not None:
            raise ticket.error
        outcome: T = ticket.outcome
        return outcome

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _take_waiting(self) -> list[_Ticket]:
        # Threads that were committed together tend to write again together: let them come, where there is an fsync to
        # share.
        for _ in range(self._expected):
            if len(self._waiting) >= self._expected or not any(ticket.durable for ticket in self._waiting):
                break
            time.sleep(0)
        self._expected = count = len(self._waiting)
        tickets = self._waiting[:count]
        del self._waiting[:count]
        return tickets

    def _serve(self, tickets: list[_Ticket]) -> None:
        try:
            self._commit(tickets)
        except Exception as error:  # noqa: BLE001 - every caller gets its own error, to the letter
            if len(tickets) == 1:
                tickets[0].error = error
            else:
                # One bad write must not fail its neighbours: nothing was committed, so each has its own try.
                for ticket in tickets:
                    self._serve([ticket])
        except BaseException as interrupt:
            for ticket in tickets:
                ticket.error = SuperTokensGeneralError("the write was interrupted")
                ticket.error.__cause__ = interrupt
            raise
        finally:
            for ticket in tickets:
                ticket.served = True

    def _commit(self, tickets: list[_Ticket]) -> None:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._open()
        self._set_level(connection, self._durable if any(ticket.durable for ticket in tickets) else "normal")
        if len(tickets) == 1 and tickets[0].one_statement:
            tickets[0].outcome = tickets[0].operation(connection)
            return
        with _transaction(connection):
            for ticket in tickets:
                ticket.outcome = ticket.operation(connection)

    def _set_level(self, connection: sqlite3.Connection, level: str) -> None:
        if level != self._level:
            connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level


def _create_schema(connection: sqlite3.Connection, schema: str) -> None:
    with _transaction(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in schema.strip().split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_INHERITED: Final[list[object]] = []


def _forget_connections_in_forked_children(database: SqliteDatabase) -> None:
    reference = weakref.ref(database)

    def forget() -> None:
        forked = reference()
        if forked is not None:
            forked.after_fork_in_child()

    os.register_at_fork(after_in_child=forget)
