# SPDX-License-Identifier: Apache-2.0
"""Group commit: writes of many threads on one SQLite connection, those that wait together in one transaction.

Whoever finds the lock free commits everything that has queued up by then: the fsync is shared, and each caller still
returns only after its own write is on the disk. An exception can come between any two lines of the main thread (Ctrl-C,
a signal handler that raises), hence the two rules that everything here keeps: a write counts as done only once its
commit has returned, and leaves the queue only once it is done or has failed.
"""

from __future__ import annotations

import copy
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any, Final, Literal, Protocol

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite_marks import RAISE_MARK

__all__ = ["Commits", "Write", "transaction"]

_LONGEST_SLEEP: Final = 1.0  # seconds
_MOST_ROWS_AT_ONCE: Final = 64
"""Rows of one INSERT. Each number of them is a statement of its own, and a connection remembers 128."""

_MARK_EVERY_S: Final = 1.0
_MARK_EVERY_COMMITS: Final = 100
"""Whichever comes first. A log that begins anew has a mark soon then, and few commits write a page more for it."""

_NOBODY_CAME: Final = 2
"""So many looks at a queue that has not grown end the wait for more."""

_Row = tuple[Any, ...]


class Write:
    """One write that waits to be committed: an `operation` on the connection, or a `row` to insert.

    `one_statement`: the operation executes a single one, which is a transaction by itself.
    """

    __slots__ = ("done", "durable", "error", "one_statement", "operation", "outcome", "row", "turn")

    def __init__(
        self,
        operation: Callable[[sqlite3.Connection], Any] | None = None,
        *,
        row: _Row | None = None,
        durable: bool = True,
        one_statement: bool = False,
    ) -> None:
        self.operation = operation
        self.row = row
        self.durable = durable
        self.one_statement = one_statement or row is not None
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.turn = threading.Lock()
        """Released when there is something to look at: the write is done, or it is this thread's turn to commit."""
        self.turn.acquire()

    def wake(self) -> None:
        with suppress(RuntimeError):  # it has been woken already
            self.turn.release()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.done = True


class Connections(Protocol):
    """Where the connection comes from."""

    def check_file(self) -> None:
        """Raise SuperTokensGeneralError if what is open must not be written to."""

    def bound_log(self, connection: sqlite3.Connection) -> None:
        """Keep the log from growing without end, before something is written."""

    def open_connection(self) -> sqlite3.Connection:
        """Open a connection. Raise SuperTokensGeneralError."""

    def close_connection(self, connection: sqlite3.Connection) -> None:
        """Close it, which rolls back what it has not committed."""


class Commits:
    """The writes of one process. `insert`: what stands before the values, for rows: ``INSERT INTO … (…) VALUES``."""

    def __init__(
        self,
        connections: Connections,
        synchronous: Literal["full", "normal"],
        insert: str,
        columns: int,
    ) -> None:
        self._connections = connections
        self._durable = synchronous
        self._insert = insert
        self._placeholders = f"({', '.join('?' * columns)})"
        self._lock = threading.Lock()
        self._waiting: list[Write] = []
        self._expected = 1
        self._connection: sqlite3.Connection | None = None
        self._level: str | None = None
        self._commits_until_mark = 0
        self._next_mark_at = 0.0
        self.monotonic = time.monotonic

    def run(self, write: Write) -> Any:
        """What its operation returned, after it has been committed. Raises what it raised, after a rollback."""
        self._waiting.append(write)
        while not write.done:
            if self._lock.locked():
                # Whoever holds it wakes us. The limit is for a thread that was interrupted before it could.
                write.turn.acquire(timeout=_LONGEST_SLEEP)
                continue
            together: list[Write] = []
            try:
                with self._lock:
                    if not write.done:
                        together = self._gather()
                        self._settle(together)
            finally:
                # The queue is looked at after the lock is free: who comes later finds it so.
                for each in (*together, *self._waiting[:1]):
                    each.wake()
        if write.error is not None:
            raise write.error
        return write.outcome

    def close(self) -> None:
        with self._lock:
            self._let_go()

    def close_if_idle(self) -> None:
        """Close the connection, unless something is being committed."""
        if self._lock.acquire(blocking=False):
            try:
                self._let_go()
            finally:
                self._lock.release()

    def _gather(self) -> list[Write]:
        """Those that are committed next; they stay in the queue until they are done."""
        self._let_leave()
        # Threads that were committed together tend to write again together: where there is an fsync to share, let them
        # come for as long as they do.
        looks = 0
        while len(self._waiting) < self._expected and looks < _NOBODY_CAME:
            if not any(write.durable for write in self._waiting):
                break
            before = len(self._waiting)
            time.sleep(0)
            looks = 0 if len(self._waiting) > before else looks + 1
        together = [write for write in self._waiting if not write.done]
        self._expected = len(together)
        return together

    def _let_leave(self) -> None:
        while self._waiting and self._waiting[0].done:
            del self._waiting[0]

    def _settle(self, together: list[Write]) -> None:
        """Commit them, all in one or else one by one. However this ends, each of them is done or has failed."""
        try:
            error = self._committed(together)
            if error is not None and (len(together) == 1 or _is_everybodys(error)):
                for write in together:
                    own = copy.copy(error)  # each is raised in a thread of its own
                    own.__cause__ = error.__cause__
                    write.fail(own)
            elif error is not None:
                # One bad write must not fail its neighbours: nothing was committed, so each has its own try.
                for write in together:
                    error = self._committed([write])
                    if error is not None:
                        write.fail(error)
        except BaseException as interrupt:
            for write in together:
                if not write.done:
                    error = SuperTokensGeneralError("the write was interrupted")
                    error.__cause__ = interrupt
                    write.fail(error)
            # It may have left a statement unfinished, which would hold back the commits of those that follow.
            self._let_go()
            raise
        finally:
            if self._connection is not None and self._connection.in_transaction:
                self._let_go()
            self._let_leave()

    def _committed(self, together: list[Write]) -> Exception | None:
        """None, and they are done; or what went wrong, with nothing written."""
        try:
            self._commit(together)
        except Exception as error:  # noqa: BLE001 - its caller gets it, to the letter
            return error
        for write in together:
            write.done = True
        return None

    def _commit(self, together: list[Write]) -> None:
        self._connections.check_file()
        connection = self._usable()
        self._connections.bound_log(connection)
        self._set_level(connection, self._durable if any(write.durable for write in together) else "normal")
        rows = [write.row for write in together if write.row is not None]
        others = [write for write in together if write.row is None]
        statements = len(others) + len(rows[::_MOST_ROWS_AT_ONCE])
        if statements == 1 and all(write.one_statement for write in together) and not self._is_mark_due():
            self._execute(connection, rows, others)
        else:
            with transaction(connection):
                self._execute(connection, rows, others)
                if self._is_mark_due():
                    connection.execute(RAISE_MARK)
                    self._commits_until_mark = _MARK_EVERY_COMMITS
                    self._next_mark_at = self.monotonic() + _MARK_EVERY_S
        self._commits_until_mark -= 1

    def _is_mark_due(self) -> bool:
        return self._commits_until_mark <= 0 or self.monotonic() >= self._next_mark_at

    def _execute(self, connection: sqlite3.Connection, rows: list[_Row], others: list[Write]) -> None:
        # Rows of several writes go in as one statement: each statement makes this thread queue for Python's global lock
        # several times, among those that it is about to wake.
        for start in range(0, len(rows), _MOST_ROWS_AT_ONCE):
            some = rows[start : start + _MOST_ROWS_AT_ONCE]
            values = ", ".join([self._placeholders] * len(some))
            connection.execute(f"{self._insert} {values}", tuple(chain.from_iterable(some)))
        for write in others:
            assert write.operation is not None
            write.outcome = write.operation(connection)

    def _usable(self) -> sqlite3.Connection:
        if self._connection is not None and self._connection.in_transaction:  # left so by an interrupt
            self._let_go()
        if self._connection is None:
            self._connection, self._level = self._connections.open_connection(), None
        return self._connection

    def _let_go(self) -> None:
        """Close the connection, which rolls back what it has not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.close_connection(connection)

    def _set_level(self, connection: sqlite3.Connection, level: str) -> None:
        if level != self._level:
            connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level


def _is_everybodys(error: Exception) -> bool:
    """Whether the file could not be opened or locked: another try for each write would wait once more for each."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, SuperTokensGeneralError)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done within, or roll it back and raise.

    In a child that was forked within, do neither, and raise SuperTokensGeneralError: the transaction is its parent's.
    """
    pid = os.getpid()
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        if os.getpid() != pid:
            raise SuperTokensGeneralError("the process was forked while it wrote; its parent may commit that")
        connection.execute("COMMIT")
    except BaseException:
        if os.getpid() == pid and connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
