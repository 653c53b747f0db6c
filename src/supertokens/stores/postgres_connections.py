# SPDX-License-Identifier: Apache-2.0
"""Connections to a PostgreSQL server: how they are opened, who may use which, and how long anybody waits.

Not psycopg's pool. That one opens connections in threads of its own, which do not survive a fork; while the server is
away its callers wait for their whole time instead of hearing why, and after that for its growing pauses. Here, whoever
needs a connection opens it, and hears at once what is wrong.
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
from psycopg.adapt import Dumper
from psycopg.rows import TupleRow

__all__ = ["AllInUseError", "Connections", "PostgresConnection"]

RV = TypeVar("RV")

MAX_IDLE_S: Final = 300.0
"""A connection that nobody used for so long is not used again: what stands between may have forgotten it."""
_BEYOND_THE_SERVER_S: Final = 1.0
"""How much longer than the server we wait for an answer, so that it is the server that says what took so long."""

_SETTINGS: Final = """
SELECT direct, set_config('statement_timeout', %(statement)s::text, NOT direct),
    set_config('lock_timeout', %(lock)s::text, NOT direct),
    set_config('synchronous_commit', CASE committed WHEN 'off' THEN 'on' ELSE committed END, NOT direct),
    direct AND set_config('default_transaction_isolation', 'read committed', false) IS NOT NULL
FROM (SELECT pg_backend_pid() = %(pid)s::bigint AND NOT %(pooled)s::boolean, current_setting('synchronous_commit'))
    AS connection (direct, committed)
"""
"""Settings of a session, or, where a pooler may hand the next statement to another one, of this transaction alone. A
pooler shows itself by its own process id in the place of the server's."""


class AllInUseError(Exception):
    """All connections that this process may have were in use for too long."""


class _WholeNumberDumper(Dumper):
    """Every int as one type, whatever its size: by the types of its values a statement is prepared once or often."""

    oid = psycopg.adapters.types["int8"].oid

    def dump(self, obj: int) -> bytes:
        return str(obj).encode()


class PostgresConnection(psycopg.Connection[TupleRow]):
    """A connection whose every wait ends at `deadline` (seconds of the monotonic clock)."""

    deadline = float("inf")
    is_direct = True
    """Whether no pooler stands between, so that what is set or prepared stays."""
    used_at = 0.0
    process = 0
    """The id of the process in which it was lent, to whose pool it goes back."""
    _poll: select.poll | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        left = max(0.0, self.deadline - time.monotonic())
        return super().wait(gen, interval, left if timeout is None else min(left, timeout))

    def is_silent(self) -> bool:
        """Return whether nothing came since the last answer: a server that goes says so, or closes."""
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.fileno(), select.POLLIN)
        return not self._poll.poll(0)

    @property
    def is_idle(self) -> bool:
        """Return whether it can be used again: it is open, and in no transaction."""
        return self.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE


class _ProcessPool:
    """The connections of one process: those that nobody uses, and a permit for each that may be in use besides."""

    def __init__(self, size: int) -> None:
        self.idle: list[PostgresConnection] = []
        # In place of a semaphore, which is written in Python and takes a tenth of the time of a read.
        self.permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self.permits.put(None)


class Connections:
    """At most `size` connections in each process, for any thread.

    `parameters`: those of libpq. `pooled`: whether a pooler is known to stand between. `timeout_s`: how long to wait
    for a connection, a lock or an answer, each.
    """

    def __init__(self, parameters: Mapping[str, str], *, pooled: bool, size: int, timeout_s: float) -> None:
        # libpq asks each host for at least two seconds, and is to say so itself.
        waits = {"connect_timeout": str(max(2, round(timeout_s))), "tcp_user_timeout": str(round(timeout_s * 1000))}
        usual = {"target_session_attrs": "read-write", "application_name": "supertokens", "client_encoding": "UTF8"}
        self._parameters: dict[str, Any] = {**waits, **usual, **parameters}
        self._pooled = pooled
        self._size = size
        self._timeout_s = timeout_s
        # Those of a parent process stay where they are: closing them would end them for the parent, too.
        self._by_process: dict[int, _ProcessPool] = {}

    def __del__(self) -> None:
        if hasattr(self, "_by_process"):
            self.close()

    def timeouts(self, timeout_s: float) -> dict[str, str]:
        """Return the server's part of waiting no longer than `timeout_s`: a lock a little less than all else."""
        return {"statement": f"{round(timeout_s * 1000)}ms", "lock": f"{round(timeout_s * 800)}ms"}

    def lend(self, timeout_s: float) -> PostgresConnection:
        """Return a connection that nobody else uses, opened if need be, for work of `timeout_s` at most: until it is
        given to `take_back`.

        Raise AllInUseError, or psycopg.Error if none can be opened.
        """
        own = self._own
        try:
            own.permits.get(timeout=timeout_s)
        except Empty:
            message = f"all {self._size} connections of this process were in use for {timeout_s:g} seconds"
            raise AllInUseError(message) from None
        connection = None
        try:
            connection = _usable(own.idle) or self.open()
            connection.process = os.getpid()
            connection.deadline = time.monotonic() + timeout_s + _BEYOND_THE_SERVER_S
            return connection
        except BaseException:
            if connection is not None:
                connection.close()
            own.permits.put(None)
            raise

    def take_back(self, connection: PostgresConnection) -> None:
        """Keep what was lent for the next caller, unless it is in a transaction or broken."""
        own = self._by_process[connection.process]
        try:
            if connection.is_idle:
                connection.used_at = time.monotonic()
                own.idle.append(connection)
            else:
                connection.close()
        finally:
            own.permits.put(None)

    @contextmanager
    def borrowed(self, timeout_s: float) -> Iterator[PostgresConnection]:
        """Lend a connection, and take it back. `timeout_s` and errors: as for `lend`."""
        connection = self.lend(timeout_s)
        try:
            yield connection
        finally:
            self.take_back(connection)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        idle = self._own.idle
        while idle:
            idle.pop().close()

    def assume_pooler(self) -> None:
        """Take it from now on that a pooler stands between, although it does not show itself."""
        self._pooled = True
        self.close()

    @property
    def _own(self) -> _ProcessPool:
        process = os.getpid()
        # setdefault is atomic: all threads of a process get the same one.
        return self._by_process.get(process) or self._by_process.setdefault(process, _ProcessPool(self._size))

    def open(self) -> PostgresConnection:
        """Open a connection of which the caller takes care: it does not count as one of the `size`.

        Raise psycopg.Error.
        """
        connection = PostgresConnection.connect(autocommit=True, **self._parameters)
        try:
            connection.adapters.register_dumper(int, _WholeNumberDumper)
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


def _usable(idle: list[PostgresConnection]) -> PostgresConnection | None:
    """Take one that can be used from those that are idle, the latest first; close what cannot."""
    while True:
        try:
            connection = idle.pop()  # atomic, as append is
        except IndexError:
            return None
        if connection.is_silent() and time.monotonic() - connection.used_at < MAX_IDLE_S:
            return connection
        connection.close()
