# SPDX-License-Identifier: Apache-2.0
"""Connections to a PostgreSQL server: how they are opened, who may use which, and how long callers wait.

This is not psycopg's pool, which opens connections in its own threads. They do not survive a fork; and while the server
is down, callers wait for their full timeout instead of getting the error, and then for the pool's growing pauses. Here,
the caller that needs a connection opens it, and gets the error at once.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8Dumper

__all__ = ["AllInUseError", "Connections", "PostgresConnection", "PostgresCursor"]

RV = TypeVar("RV")

MAX_IDLE_S: Final = 300.0
"""A connection idle for this long is not used again: a firewall or proxy in between may have dropped it."""
_MAX_ROWS_KEPT: Final = 100
"""A cursor keeps its last result; beyond this, it is replaced."""
_IDLE: Final = TransactionStatus.IDLE
_BEYOND_THE_SERVER_S: Final = 1.0
"""How much longer than the server the client waits, so that the server reports what took so long."""

_SETTINGS: Final = """
SELECT direct, set_config('statement_timeout', %(statement)s::text, NOT direct),
    set_config('lock_timeout', %(lock)s::text, NOT direct),
    set_config('synchronous_commit', CASE committed WHEN 'off' THEN 'on' ELSE committed END, NOT direct),
    direct AND set_config('default_transaction_isolation', 'read committed', false) IS NOT NULL
FROM (SELECT pg_backend_pid() = %(pid)s::bigint AND NOT %(pooled)s::boolean, current_setting('synchronous_commit'))
    AS connection (direct, committed)
"""
"""Settings for a session, or, if a pooler may send the next statement to another one, for this transaction only. A
pooler is recognized because it reports its own process id instead of the server's."""


class AllInUseError(Exception):
    """All connections allowed for this process were in use for too long."""


class PostgresConnection(psycopg.Connection[TupleRow]):
    """A connection on which every wait ends at `deadline` (seconds of the monotonic clock)."""

    deadline = float("inf")
    is_direct = True
    """Whether there is no pooler, so that settings and prepared statements persist."""
    _poll: select.poll | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        left = self.deadline - time.monotonic()
        return super().wait(gen, interval, left if timeout is None else min(left, timeout))

    def is_silent(self) -> bool:
        """Return whether nothing has arrived since the last response: a stopping server sends a message, or closes."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.fileno(), select.POLLIN)
        return not self._poll.poll(0)

    @property
    def is_idle(self) -> bool:
        """Return whether it can be used again: it is open, and not in a transaction."""
        return self.pgconn.transaction_status == _IDLE


class PostgresCursor(psycopg.Cursor[TupleRow]):
    """The cursor that comes with a connection of the pool, for one statement after the other.

    A new one for each statement would copy the adapters of the connection: a tenth of what a statement takes here.
    """

    connection: PostgresConnection
    process = 0
    """The id of the process in which it was lent, and to whose pool it returns."""
    used_at = 0.0


class _ProcessPool:
    """The connections of one process: the idle ones, and a permit for each further one that may be in use."""

    def __init__(self, process: int, size: int) -> None:
        self.process = process
        self.idle: list[PostgresCursor] = []
        # Instead of a semaphore, which is written in Python and takes a tenth of the time of a read.
        self.permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self.permits.put(None)


class Connections:
    """At most `size` connections in each process, for use by any thread.

    `parameters`: those of libpq. `pooled`: whether there is known to be a pooler. `timeout_s`: how long to wait for
    each of a connection, a lock and a response.
    """

    def __init__(self, parameters: Mapping[str, str], *, pooled: bool, size: int, timeout_s: float) -> None:
        # libpq tries each host for at least two seconds, and should report that itself.
        waits = {"connect_timeout": str(max(2, round(timeout_s))), "tcp_user_timeout": str(round(timeout_s * 1000))}
        usual = {"target_session_attrs": "read-write", "application_name": "supertokens", "client_encoding": "UTF8"}
        self._parameters: dict[str, Any] = {**waits, **usual, **parameters}
        self._pooled = pooled
        self._size = size
        self._timeout_s = timeout_s
        # Leave a parent process's connections alone: closing them would end them for the parent, too.
        self._by_process: dict[int, _ProcessPool] = {}

    def __del__(self) -> None:
        if hasattr(self, "_by_process"):
            self.close()

    def timeouts(self, timeout_s: float) -> dict[str, str]:
        """Return the server's timeouts within `timeout_s`: a little less for a lock than for everything else."""
        return {"statement": f"{round(timeout_s * 1000)}ms", "lock": f"{round(timeout_s * 800)}ms"}

    def lend(self, until: float) -> PostgresCursor:
        """Return a cursor of a connection, opened if necessary, for work that ends by `until`, for `take_back`.

        `until`: in seconds of the monotonic clock. Raise AllInUseError, or psycopg.Error if none can be opened.
        """
        own = self._own
        try:
            own.permits.get_nowait()
        except Empty:
            self._await_permit(own, until)
        cursor = None
        try:
            cursor = _usable(own.idle) or PostgresCursor(self.open())
            cursor.process = own.process
            cursor.connection.deadline = until + _BEYOND_THE_SERVER_S
            return cursor
        except BaseException:
            if cursor is not None:
                cursor.connection.close()
            own.permits.put(None)
            raise

    def take_back(self, cursor: PostgresCursor) -> None:
        """Keep the lent connection for the next caller, unless it is broken or in a transaction."""
        own = self._by_process[cursor.process]
        try:
            if cursor.connection.is_idle:
                if cursor.rowcount > _MAX_ROWS_KEPT:
                    cursor = PostgresCursor(cursor.connection)
                cursor.used_at = time.monotonic()
                own.idle.append(cursor)
            else:
                cursor.connection.close()
        finally:
            own.permits.put(None)

    @contextmanager
    def borrowed(self, timeout_s: float) -> Iterator[PostgresConnection]:
        """Lend a connection, and take it back. `timeout_s` and errors: as for `lend`."""
        cursor = self.lend(time.monotonic() + timeout_s)
        try:
            yield cursor.connection
        finally:
            self.take_back(cursor)

    def close(self) -> None:
        """Close the idle connections."""
        idle = self._own.idle
        while idle:
            idle.pop().connection.close()

    def assume_pooler(self) -> None:
        """Assume from now on that there is a pooler, although it was not recognized."""
        self._pooled = True
        self.close()

    @property
    def _own(self) -> _ProcessPool:
        process = os.getpid()
        # setdefault is atomic: all threads of a process get the same one.
        return self._by_process.get(process) or self._by_process.setdefault(process, _ProcessPool(process, self._size))

    def _await_permit(self, own: _ProcessPool, until: float) -> None:
        waits_s = max(0.001, until - time.monotonic())
        try:
            own.permits.get(timeout=waits_s)
        except Empty:
            message = f"all {self._size} connections of this process were in use for {waits_s:.3g} seconds"
            raise AllInUseError(message) from None

    def open(self) -> PostgresConnection:
        """Open a connection that the caller manages: it does not count as one of the `size`.

        Raise psycopg.Error.
        """
        connection = PostgresConnection.connect(autocommit=True, **self._parameters)
        try:
            # All as one type, whatever their size: a statement is prepared anew for each combination of types.
            connection.adapters.register_dumper(int, Int8Dumper)
            connection.deadline = time.monotonic() + self._timeout_s + _BEYOND_THE_SERVER_S
            values = {"pid": connection.info.backend_pid, "pooled": self._pooled, **self.timeouts(self._timeout_s)}
            row = connection.execute(_SETTINGS, values, prepare=False).fetchone()
            connection.is_direct = row is not None and row[0]
            if not connection.is_direct:
                connection.prepare_threshold = None
        except BaseException:
            connection.close()
            raise
        return connection


def _usable(idle: list[PostgresCursor]) -> PostgresCursor | None:
    """Take a usable connection from the idle ones, the latest first; close the unusable ones."""
    while True:
        try:
            cursor = idle.pop()  # atomic, as append is
        except IndexError:
            return None
        if cursor.connection.is_silent() and time.monotonic() - cursor.used_at < MAX_IDLE_S:
            return cursor
        cursor.connection.close()
