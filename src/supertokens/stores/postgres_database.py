# SPDX-License-Identifier: Apache-2.0
"""Statements on a PostgreSQL database: in one round trip each, with retries if they can help, and readable errors.

A statement is sent together with what must precede it in its transaction: taking a mutex, and, with a pooler, the
settings that a direct connection would keep. Up to the next synchronisation all of that is one transaction (PostgreSQL,
"Frontend/Backend Protocol", section "Pipelining").
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeVar

import psycopg
from psycopg import errors

from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock
from supertokens.stores.postgres_connections import AllInUseError, Connections, PostgresConnection, PostgresCursor
from supertokens.stores.postgres_schema import PostgresSchema

__all__ = ["PostgresDatabase", "Result"]

T = TypeVar("T")

MAX_TRIES: Final = 40
"""How often one operation is tried. Each time it is rolled back, another one has succeeded."""
MAX_BRIDGED_S: Final = 1.0
"""How long a server may be down before operations fail at once: a restart is shorter than that."""
_PAUSE_S: Final = 0.025

_TAKE_MUTEX: Final = """
INSERT INTO supertokens.mutex AS mutex VALUES (%(mutex)s, 1)
ON CONFLICT (number) DO UPDATE SET times_taken = mutex.times_taken + 1
"""
"""It also excludes others if somebody has emptied the table."""
_LOCAL_SETTINGS: Final = """
SELECT set_config('statement_timeout', %(statement)s::text, true), set_config('lock_timeout', %(lock)s::text, true),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, true)
"""
_UNDONE: Final = (errors.SerializationFailure, errors.DeadlockDetected)
_POOLER_SHOWS: Final = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
"""A prepared statement is missing, or exists already: there is an unrecognized pooler. Nothing was done."""

_log = logging.getLogger("supertokens")


class Result(NamedTuple):
    """The rows returned, and the number of rows written."""

    secret: list[tuple[Any, ...]]  # may be rows of keys, which error reports must hide
    written: int


class PostgresDatabase:
    """One database, for any thread and any process. `name`: its name in messages, without secrets."""

    def __init__(self, connections: Connections, name: str, timeout_s: float, *, makes_tables: bool) -> None:
        self._connections = connections
        self._name = name
        self._timeout_s = timeout_s
        self._makes_tables = makes_tables
        self._schema = PostgresSchema(name)
        self._checking = ProcessLock()
        self._is_checked = False
        self._away_since: float | None = None

    def run(
        self,
        statement: str,
        secret: Mapping[str, Any],
        *,
        repeatable: bool = False,
        mutex: int | None = None,
        timeout_s: float | None = None,
    ) -> Result:
        """Run `statement` with the values `secret`, in a transaction that takes `mutex` first.

        `repeatable`: whether it may run twice, as when it is unknown whether a lost server had run it.

        Raise SuperTokensGeneralError.
        """
        if not self._is_checked:
            self._check_tables()
        local = timeout_s is not None

        def run(cursor: PostgresCursor) -> Result:
            connection = cursor.connection
            if connection.is_direct and mutex is None and not local:
                return _result(cursor.execute(statement, secret, prepare=True))
            with connection.pipeline():
                if local or not connection.is_direct:
                    settings = self._connections.timeouts(timeout_s or self._timeout_s)
                    connection.execute(_LOCAL_SETTINGS, settings, prepare=connection.is_direct)
                if mutex is not None:
                    connection.execute(_TAKE_MUTEX, {"mutex": mutex}, prepare=connection.is_direct)
                cursor.execute(statement, secret, prepare=connection.is_direct)
            return _result(cursor)

        return self._patiently(run, timeout_s or self._timeout_s, repeatable=repeatable)

    def transact(self, operation: Callable[[PostgresConnection], T], *, mutex: int) -> T:
        """Run `operation`, which has several round trips, in a transaction that takes `mutex` first."""
        self._check_tables()

        def run(cursor: PostgresCursor) -> T:
            connection = cursor.connection
            with connection.transaction():
                connection.execute(_LOCAL_SETTINGS, self._connections.timeouts(self._timeout_s), prepare=False)
                connection.execute(_TAKE_MUTEX, {"mutex": mutex}, prepare=False)
                return operation(connection)

        return self._patiently(run, self._timeout_s)

    @contextmanager
    def on_its_own(self, connection: PostgresConnection | None) -> Iterator[PostgresConnection]:
        """Yield `connection`, or a new one outside the pool, for work with a deadline.

        Raise SuperTokensGeneralError; the connection is then closed.
        """
        self._check_tables()
        try:
            connection = connection or self._connections.open()
            connection.deadline = time.monotonic() + self._timeout_s
            yield connection
        except psycopg.Error as raised:
            if connection is not None:
                connection.close()
            raise self._failure(raised.with_traceback(None), unknown=False) from raised

    def migrate(self) -> tuple[int, int]:
        """See `stores.base.Migrating`. Raise SuperTokensGeneralError."""
        before = self._patiently(lambda cursor: self._schema.bring_up_to_date(cursor.connection), self._timeout_s)
        self._is_checked = True
        return before, self._schema.newest

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._connections.close()

    def _check_tables(self) -> None:
        """Check, once, that the tables have this program's version, and upgrade them if that is allowed."""
        if self._is_checked:
            return
        with self._checking.own:
            if self._is_checked:
                return
            version = self._patiently(
                lambda cursor: self._schema.version(cursor.connection), self._timeout_s, repeatable=True
            )
            if version < self._schema.newest:
                if not self._makes_tables:
                    raise SuperTokensGeneralError(
                        f"the database {self._name} has schema {version}, and {self._schema.newest} is needed:"
                        " run 'supertokens migrate'"
                    )
                self.migrate()
            _log.info("sessions are kept in the database %s", self._name)
            self._is_checked = True

    def _patiently(self, action: Callable[[PostgresCursor], T], timeout_s: float, *, repeatable: bool = False) -> T:
        """Run `action` on a connection's cursor, with retries while they may help, for at most `timeout_s` in total."""
        until, handled = time.monotonic() + timeout_s, sys.exception()
        for attempt in range(1, MAX_TRIES + 1):
            cursor = None
            try:
                try:
                    cursor = self._connections.lend(until)
                    self._away_since = None
                    return action(cursor)
                finally:
                    if cursor is not None:
                        self._connections.take_back(cursor)
            except AllInUseError as error:
                raise SuperTokensGeneralError(
                    f"{error}: raise 'database_pool_size', or find out what is slow in {self._name}"
                ) from None
            except psycopg.Error as raised:
                # Without the driver's frames: they contain the values of the statement, which may be keys.
                first = _first_of(raised, handled).with_traceback(None)
                connected = cursor is not None
                again = attempt < MAX_TRIES and self._may_go_on(first, connected, repeatable)
                if not again or time.monotonic() > until:
                    raise self._failure(first, unknown=connected and not repeatable and _is_lost(first)) from first
            if cursor is None:
                time.sleep(_PAUSE_S)
        raise AssertionError  # the last attempt has returned or raised

    def _may_go_on(self, error: psycopg.Error, connected: bool, repeatable: bool) -> bool:
        """Return whether a retry is useful and safe."""
        if not connected:
            now = time.monotonic()
            away_since = self._away_since or now  # which another thread may forget meanwhile
            self._away_since = away_since
            # Permanent refusals by the server, such as a wrong password, also come without a connection.
            return _is_lost(error) and now - away_since < MAX_BRIDGED_S
        if isinstance(error, errors.ReadOnlySqlTransaction):
            self._connections.close()  # the server has become a replica, and another one may be the primary
            return True
        if isinstance(error, _POOLER_SHOWS):
            self._connections.assume_pooler()
            return True
        return isinstance(error, _UNDONE) or (repeatable and _is_lost(error))

    def _failure(self, error: psycopg.Error, *, unknown: bool) -> SuperTokensGeneralError:
        """Return the error to raise for `error`, with a hint, but without its details: they may be personal data."""
        said = error.diag.message_primary or str(error).partition("\n")[0]
        what = f"the session database {self._name} failed: {said}"
        if isinstance(error, errors.InsufficientPrivilege) and not self._is_checked:
            what += (
                ". A database administrator can run: CREATE SCHEMA supertokens AUTHORIZATION <the user of 'database'>"
            )
        elif isinstance(error, errors.UniqueViolation):
            what = f"the session database {self._name} refused a second session, or key, with the same name"
        if unknown:
            what += ". It is not known whether it was written"
        return SuperTokensGeneralError(what)


def _result(cursor: PostgresCursor) -> Result:
    # Not from the cursor's description, which takes longer to create than the rows.
    has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0
    return Result(cursor.fetchall() if has_rows else [], cursor.rowcount)


def _first_of(error: psycopg.Error, handled: BaseException | None) -> psycopg.Error:
    """Return the first failure: if a commit is refused, the driver fails again when it leaves the pipeline.

    `handled`: the exception that the caller was already handling, which is not part of this.
    """
    first = error.__context__
    is_ours = first is not handled and error.sqlstate is None
    return first if is_ours and isinstance(first, psycopg.Error) else error


def _is_lost(error: psycopg.Error) -> bool:
    """Return whether the server, or the connection to it, is lost or not available yet."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] == "08" or state in ("57P01", "57P02", "57P03", "53300")
