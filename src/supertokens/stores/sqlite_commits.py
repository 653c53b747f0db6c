# SPDX-License-Identifier: Apache-2.0
"""Group commit: writes of many threads on one SQLite connection, those that wait together in one transaction.

A write, and the thread that brought it::

    waiting ──> in a group ──┬──> done      its commit has returned
       ^            │        └──> failed    nothing of it was written
       └────────────┘
        its thread was interrupted before the group was begun

    asleep ──> woken: is it over? ── yes ──> return, or raise
       ^         │ no
       │         ├── somebody commits ──> asleep
       └─────────┴── nobody commits ────> commit all that wait, wake them, and the first of those that came meanwhile

The thread that finds nobody committing commits everything that has queued up by then: the fsync is shared, and each
caller still returns only after its own write is on the disk. An exception can come between any two lines of the main
thread (Ctrl-C, a signal handler that raises), hence the two rules that everything here keeps: a write counts as done
only once its commit has returned, and leaves the queue only once it is done or has failed.
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
"""A thread that was interrupted before it could wake the others holds them up for so long at most."""

_MARK_EVERY_S: Final = 1.0
_MARK_EVERY_COMMITS: Final = 100
"""Whichever comes first. A log that begins anew has a mark soon then, and few commits write a page more for it."""

_MAX_LOOKS_IN_VAIN: Final = 2
"""So many looks at a queue that has not grown end the wait for more."""


class Write:
    """One write: an `operation` on the connection, of which `outcome` or `error` is what became.

    `durable`: it has to survive a power cut. `one_statement`: the operation executes a single one, which is a
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
        """Set when there is something to look at: it is over, or nobody commits. Made by a thread that has to wait."""

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.is_over = True

    def wake(self) -> None:
        """Let its thread look, if it waits."""
        if self.woken is not None:
            self.woken.set()


class Connections(Protocol):
    """Where the connection comes from."""

    def check_file(self) -> None:
        """Raise SuperTokensGeneralError if what is open must not be written to."""

    def bound_log(self, connection: sqlite3.Connection) -> None:
        """Keep the log from growing without end, before something is written."""

    def open_connection(self, *, writes: bool) -> sqlite3.Connection:
        """Open a connection; `writes`: for writes. Raise SuperTokensGeneralError."""

    def close_connection(self, connection: sqlite3.Connection) -> None:
        """Close it, which rolls back what it has not committed."""


class CommitQueue:
    """The writes of one process: who commits, and what."""

    def __init__(self, connections: Connections, synchronous: Literal["full", "normal"]) -> None:
        self.writer = Writer(connections, synchronous)
        self._committing = threading.Lock()
        self._waiting: list[Write] = []
        self._last_group_size = 1

    def run(self, write: Write) -> Any:
        """Return what the operation of `write` returned, after it was committed. Raise what it raised, rolled back."""
        self._waiting.append(write)
        while not write.is_over:
            if self._committing.locked():
                write.woken = write.woken or threading.Event()
                # Who commits lets go of the lock first and wakes then: nobody who still finds it held is forgotten.
                if self._committing.locked() and not write.is_over:
                    write.woken.wait(_MAX_SLEEP_S)
                write.woken.clear()
            else:
                self._commit_what_waits(write)
        if write.error is not None:
            raise write.error
        return write.outcome

    def close(self) -> None:
        """Close the connection, after what is being committed."""
        with self._committing:
            self.writer.close_connection()

    def close_if_idle(self) -> None:
        """Close the connection, unless something is being committed."""
        if self._committing.acquire(blocking=False):
            try:
                self.writer.close_connection()
            finally:
                self._committing.release()

    def _commit_what_waits(self, write: Write) -> None:
        """Commit a group, with `write` in it unless that is over by now, and wake those whom it concerns."""
        group: list[Write] = []
        try:
            with self._committing:
                if not write.is_over:
                    group = self._gather()
                    self._settle(group)
        finally:
            # The queue is looked at after the lock is free: who comes later finds it so.
            for each in (*group, *self._waiting[:1]):
                each.wake()

    def _gather(self) -> list[Write]:
        """Return those that are committed next. They stay in the queue until they are over."""
        self._remove_finished()
        # Threads that were committed together tend to write again together: where there is an fsync to share, let them
        # come for as long as they do.
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
        """Commit all in one, or else one by one. However this ends, each of them is over."""
        try:
            error = self.writer.try_to_commit(group)
            if error is not None and (len(group) == 1 or _concerns_the_file(error)):
                _fail_all(group, error)
            elif error is not None:
                # One bad write must not fail its neighbours: nothing was committed, so each has its own try.
                for write in group:
                    own = self.writer.try_to_commit([write])
                    if own is not None:
                        write.fail(own)
        except BaseException as interrupt:
            error = SuperTokensGeneralError("the write was interrupted")
            error.__cause__ = interrupt
            _fail_all([write for write in group if not write.is_over], error)
            # It may have left a statement unfinished, which would hold back the commits of those that follow.
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
        """Commit `group`, and return None: they are done. Or return what went wrong, with nothing written."""
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
        """Close a connection that an interrupt, or a rollback that failed, left in a transaction."""
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
        own = copy.copy(error)  # each is raised in a thread of its own
        own.__cause__ = error.__cause__
        write.fail(own)


def _concerns_the_file(error: Exception) -> bool:
    """Return whether the file could not be opened or locked: another try for each write would wait as long again."""
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
