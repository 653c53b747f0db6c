# SPDX-License-Identifier: Apache-2.0
"""Group commit: the writes of many threads on one SQLite connection, with all that are waiting in one transaction.

A write, and the thread that brought it::

    waiting ──> in a group ──┬──> done      its commit has returned
       ^            │        └──> failed    nothing of it was written
       └────────────┘
        its thread was interrupted before the group was begun

    asleep ──> woken: is it over? ── yes ──> return, or raise
       ^         │ no
       │         ├── somebody commits ──> asleep
       └─────────┴── nobody commits ────> commit all that wait, wake them, and the first of those that came meanwhile

A thread that finds nobody committing commits everything in the queue: the fsync is shared, and each caller still
returns only after its own write is on the disk. An exception can arrive between any two lines of the main thread
(Ctrl-C, a signal handler that raises), hence two rules throughout this module: a write counts as done only once its
commit has returned, and leaves the queue only once it is done or has failed.
"""

from __future__ import annotations

import copy
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, Protocol

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite_marks import RAISE_MARK

__all__ = ["CommitQueue", "Connections", "Write", "transaction"]

_MAX_SLEEP_S: Final = 1.0
"""The longest time for which a thread that is interrupted before it wakes the others can delay them."""

_MARK_EVERY_S: Final = 1.0
_MARK_EVERY_COMMITS: Final = 100
"""Whichever comes first. So a reset log soon has a mark, and few commits write an extra page for it."""

_MAX_LOOKS_IN_VAIN: Final = 2
"""Stop waiting for more writes after this many looks at a queue that has not grown."""


class Write:
    """One write: an `operation` on the connection, and its `outcome` or `error`.

    `durable`: it must survive a power cut. `one_statement`: the operation executes a single statement, which is a
    transaction by itself.
    """

    __slots__ = ("durable", "error", "is_over", "one_statement", "operation", "outcome", "woken")

    def __init__(
        self,
        operation: Callable[[sqlite3.Connection], Any],
        *,
        durable: bool = True,
        one_statement: bool = False,
    ) -> None:
        self.operation = operation
        self.durable = durable
        self.one_statement = one_statement
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.is_over = False
        self.woken: threading.Event | None = None
        """Set when the write is over, or when nobody is committing. Created by a thread that has to wait."""

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.is_over = True

    def wake(self) -> None:
        """Wake the thread, if it is waiting, to look again."""
        if self.woken is not None:
            self.woken.set()


class Connections(Protocol):
    """The source of the connection for writes."""

    def check_file(self) -> None:
        """Raise SuperTokensGeneralError if the open file must not be written to."""

    def bound_log(self, connection: sqlite3.Connection) -> None:
        """Keep the log from growing without limit, before a write."""

    def open_connection(self, *, writes: bool) -> sqlite3.Connection:
        """Open a connection; `writes`: for writing. Raises SuperTokensGeneralError."""

    def close_connection(self, connection: sqlite3.Connection) -> None:
        """Close the connection, which rolls back what it has not committed."""


class CommitQueue:
    """The queue of one process's writes, which decides who commits and what."""

    def __init__(self, connections: Connections, synchronous: Literal["full", "normal"]) -> None:
        self.writer = Writer(connections, synchronous)
        self._committing = threading.Lock()
        self._waiting: list[Write] = []
        self._last_group_size = 1

    def run(self, write: Write) -> Any:
        """Return the result of the operation of `write` once committed, or raise its exception once rolled back."""
        self._waiting.append(write)
        while not write.is_over:
            if self._committing.locked():
                write.woken = write.woken or threading.Event()
                # The committing thread releases the lock before it wakes others: a thread that still finds it held is
                # not forgotten.
                if self._committing.locked() and not write.is_over:
                    write.woken.wait(_MAX_SLEEP_S)
                write.woken.clear()
            else:
                self._commit_what_waits(write)
        if write.error is not None:
            raise write.error
        return write.outcome

    def close(self) -> None:
        """Close the connection, after any commit in progress."""
        with self._committing:
            self.writer.close_connection()

    def close_if_idle(self) -> None:
        """Close the connection, unless a commit is in progress."""
        if self._committing.acquire(blocking=False):
            try:
                self.writer.close_connection()
            finally:
                self._committing.release()

    def _commit_what_waits(self, write: Write) -> None:
        """Commit a group, including `write` unless that is over by now, and wake the threads concerned."""
        group: list[Write] = []
        try:
            with self._committing:
                if not write.is_over:
                    group = self._gather()
                    self._settle(group)
        finally:
            # Look at the queue after releasing the lock: a thread that comes later finds it free.
            for each in (*group, *self._waiting[:1]):
                each.wake()

    def _gather(self) -> list[Write]:
        """Return the writes to commit next. They stay in the queue until they are over."""
        self._remove_finished()
        # Threads that were committed together tend to write again together: if there is an fsync to share, wait for as
        # long as more arrive.
        looks_in_vain = 0
        while len(self._waiting) < self._last_group_size and looks_in_vain < _MAX_LOOKS_IN_VAIN:
            if not any(write.durable for write in self._waiting):
                break
            before = len(self._waiting)
            time.sleep(0)
            looks_in_vain = 0 if len(self._waiting) > before else looks_in_vain + 1
        group = [write for write in self._waiting if not write.is_over]
        self._last_group_size = len(group)
        return group

    def _remove_finished(self) -> None:
        while self._waiting and self._waiting[0].is_over:
            del self._waiting[0]

    def _settle(self, group: list[Write]) -> None:
        """Commit all in one transaction, or else one by one. However this ends, every one of them is over."""
        try:
            error = self.writer.try_to_commit(group)
            if error is not None and (len(group) == 1 or _concerns_the_file(error)):
                _fail_all(group, error)
            elif error is not None:
                # One bad write must not fail its neighbours: nothing was committed, so try each on its own.
                for write in group:
                    own = self.writer.try_to_commit([write])
                    if own is not None:
                        write.fail(own)
        except BaseException as interrupt:
            error = SuperTokensGeneralError("the write was interrupted")
            error.__cause__ = interrupt
            _fail_all([write for write in group if not write.is_over], error)
            # It may have left a statement unfinished, which would block later commits.
            self.writer.close_connection()
            raise
        finally:
            self.writer.close_if_in_transaction()
            self._remove_finished()


class Writer:
    """The connection for writes, used by one thread at a time."""

    def __init__(self, connections: Connections, synchronous: Literal["full", "normal"]) -> None:
        self._connections = connections
        self._durable_level = synchronous
        self._connection: sqlite3.Connection | None = None
        self._level: str | None = None
        self._commits_until_mark = 0
        self._next_mark_at = 0.0
        self.monotonic = time.monotonic

    def try_to_commit(self, group: list[Write]) -> Exception | None:
        """Commit `group` and return None, or return the error, with nothing written."""
        try:
            self._commit(group)
        except Exception as error:  # noqa: BLE001 - its caller gets it, to the letter
            return error
        for write in group:
            write.is_over = True
        return None

    def close_connection(self) -> None:
        """Close the connection, which rolls back what it has not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.close_connection(connection)

    def close_if_in_transaction(self) -> None:
        """Close a connection that an interrupt or a failed rollback has left in a transaction."""
        if self._connection is not None and self._connection.in_transaction:
            self.close_connection()

    def _commit(self, group: list[Write]) -> None:
        self._connections.check_file()
        connection = self._usable_connection()
        self._connections.bound_log(connection)
        self._set_level(connection, self._durable_level if any(write.durable for write in group) else "normal")
        raises_mark = self._commits_until_mark <= 0 or self.monotonic() >= self._next_mark_at
        if len(group) == 1 and group[0].one_statement and not raises_mark:
            group[0].outcome = group[0].operation(connection)
        else:
            with transaction(connection):
                for write in group:
                    write.outcome = write.operation(connection)
                if raises_mark:
                    connection.execute(RAISE_MARK)
        if raises_mark:
            self._commits_until_mark = _MARK_EVERY_COMMITS
            self._next_mark_at = self.monotonic() + _MARK_EVERY_S
        self._commits_until_mark -= 1

    def _usable_connection(self) -> sqlite3.Connection:
        self.close_if_in_transaction()
        if self._connection is None:
            self._connection, self._level = self._connections.open_connection(writes=True), None
        return self._connection

    def _set_level(self, connection: sqlite3.Connection, level: str) -> None:
        if level != self._level:
            connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level


def _fail_all(group: list[Write], error: Exception) -> None:
    for write in group:
        own = copy.copy(error)  # each is raised in its own thread
        own.__cause__ = error.__cause__
        write.fail(own)


def _concerns_the_file(error: Exception) -> bool:
    """Return whether the file could not be opened or locked: retrying each write would take as long again."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, SuperTokensGeneralError)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit the enclosed work, or roll it back and raise.

    In a child that was forked inside the block, do neither, and raise SuperTokensGeneralError: the transaction is its
    parent's.
    """
    pid = os.getpid()
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        if os.getpid() != pid:
            raise SuperTokensGeneralError("the process was forked during a write, which its parent may commit")
        connection.execute("COMMIT")
    except BaseException:
        if os.getpid() == pid and connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
