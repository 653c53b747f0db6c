# SPDX-License-Identifier: Apache-2.0
"""Statements on a PostgreSQL database: in one round trip each, again where that can heal, and failures in words.

A statement is sent with what has to happen in its transaction before it: taking a mutex, and, behind a pooler, the
settings that a connection of its own would keep. Up to the next synchronisation all of that is one transaction
(PostgreSQL, "Frontend/Backend Protocol", section "Pipelining").
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
from supertokens.stores.postgres_connections import AllInUseError, Connections, PostgresConnection
from supertokens.stores.postgres_schema import PostgresSchema

__all__ = ["PostgresDatabase", "Result"]

T = TypeVar("T")

MAX_TRIES: Final = 40
"""How often one operation is begun. Each time that it was undone, another one had its way."""
MAX_BRIDGED_S: Final = 1.0
"""How long a server may be away before operations fail at once: a restart is shorter than that."""
_PAUSE_S: Final = 0.025

_TAKE_MUTEX: Final = """
INSERT INTO supertokens.mutex AS mutex VALUES (%(mutex)s, 1)
ON CONFLICT (number) DO UPDATE SET times_taken = mutex.times_taken + 1
"""
"""It holds off others also where somebody has emptied the table."""
_LOCAL_SETTINGS: Final = """
SELECT set_config('statement_timeout', %(statement)s::text, true), set_config('lock_timeout', %(lock)s::text, true),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
        ELSE current_setting('synchronous_commit') END, true)
"""
_UNDONE: Final = (errors.SerializationFailure, errors.DeadlockDetected)
_POOLER_SHOWS: Final = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
"""What was prepared is gone, or there already: one that was not found out stands between. Nothing was done."""

_log = logging.getLogger("supertokens")


class Result(NamedTuple):
    """Rows that came back, and how many rows were written."""

    secret: list[tuple[Any, ...]]  # rows of keys, too: error reports have to hide them
    written: int


class PostgresDatabase:
    """One database, for any thread and any process. `name`: what it is called in messages, without a secret."""

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
        """Run `statement` with the values `secret`, in a transaction in which `mutex` was taken before.

        `repeatable`: it may be run twice, as where nobody knows whether a server that is gone had done it.

        Raise SuperTokensGeneralError.
        """
        self._check_tables()
        local = timeout_s is not None

        def run(connection: PostgresConnection) -> Result:
            if connection.is_direct and mutex is None and not local:
                return _result(connection.execute(statement, secret, prepare=True))
            with connection.pipeline():
                if local or not connection.is_direct:
                    settings = self._connections.timeouts(timeout_s or self._timeout_s)
                    connection.execute(_LOCAL_SETTINGS, settings, prepare=connection.is_direct)
                if mutex is not None:
                    connection.execute(_TAKE_MUTEX, {"mutex": mutex}, prepare=connection.is_direct)
                cursor = connection.execute(statement, secret, prepare=connection.is_direct)
            return _result(cursor)

        return self._patiently(run, timeout_s or self._timeout_s, repeatable=repeatable)

    def transact(self, operation: Callable[[PostgresConnection], T], *, mutex: int) -> T:
        """Run `operation`, which asks more than once, in a transaction in which `mutex` was taken before."""
        self._check_tables()

        def run(connection: PostgresConnection) -> T:
            with connection.transaction():
                connection.execute(_LOCAL_SETTINGS, self._connections.timeouts(self._timeout_s), prepare=False)
                connection.execute(_TAKE_MUTEX, {"mutex": mutex}, prepare=False)
                return operation(connection)

        return self._patiently(run, self._timeout_s)

    @contextmanager
    def on_its_own(self, connection: PostgresConnection | None) -> Iterator[PostgresConnection]:
        """Give `connection`, or a new one that is not of the pool, for work that ends in time.

        Raise SuperTokensGeneralError. It is closed then.
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
        before = self._patiently(self._schema.bring_up_to_date, self._timeout_s)
        self._is_checked = True
        return before, self._schema.newest

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._connections.close()

    def _check_tables(self) -> None:
        """Look, once, whether the tables are those of this program, and make them so if that may be."""
        if self._is_checked:
            return
        with self._checking.own:
            if self._is_checked:
                return
            version = self._patiently(self._schema.version, self._timeout_s, repeatable=True)
            if version < self._schema.newest:
                if not self._makes_tables:
                    raise SuperTokensGeneralError(
                        f"the database {self._name} has schema {version}, and {self._schema.newest} is needed:"
                        " run 'supertokens migrate'"
                    )
                self.migrate()
            _log.info("sessions are kept in the database %s", self._name)
            self._is_checked = True

    def _patiently(self, action: Callable[[PostgresConnection], T], timeout_s: float, *, repeatable: bool = False) -> T:
        """Run `action` on a connection, and again while that may heal what failed, for `timeout_s` in all at most."""
        began, handled = time.monotonic(), sys.exception()
        for attempt in range(1, MAX_TRIES + 1):
            connection = None
            try:
                try:
                    connection = self._connections.lend(max(0.001, began + timeout_s - time.monotonic()))
                    self._away_since = None
                    return action(connection)
                finally:
                    if connection is not None:
                        self._connections.take_back(connection)
            except AllInUseError as error:
                raise SuperTokensGeneralError(
                    f"{error}: raise 'database_pool_size', or find out what takes so long in {self._name}"
                ) from None
            except psycopg.Error as raised:
                # Without the driver's frames: they have the values of the statement, which may be keys.
                first = _first_of(raised, handled).with_traceback(None)
                connected = connection is not None
                again = attempt < MAX_TRIES and self._may_go_on(first, connected, repeatable)
                if not again or time.monotonic() - began > timeout_s:
                    raise self._failure(first, unknown=connected and not repeatable and _is_lost(first)) from first
            if connection is None:
                time.sleep(_PAUSE_S)
        raise AssertionError  # the last attempt has returned or raised

    def _may_go_on(self, error: psycopg.Error, connected: bool, repeatable: bool) -> bool:
        """Return whether it is worth, and safe, to begin anew."""
        if not connected:
            now = time.monotonic()
            away_since = self._away_since or now  # which another thread may forget meanwhile
            self._away_since = away_since
            # What the server itself refuses for good, such as a password, comes without a connection, too.
            return _is_lost(error) and now - away_since < MAX_BRIDGED_S
        if isinstance(error, errors.ReadOnlySqlTransaction):
            self._connections.close()  # the server is a replica by now, and another one may be the primary
            return True
        if isinstance(error, _POOLER_SHOWS):
            self._connections.assume_pooler()
            return True
        return isinstance(error, _UNDONE) or (repeatable and _is_lost(error))

    def _failure(self, error: psycopg.Error, *, unknown: bool) -> SuperTokensGeneralError:
        """Return what to raise for an `error`, with what may help. Details may hold data of people."""
        said = error.diag.message_primary or str(error).partition("\n")[0]
        what = f"the session database {self._name} failed: {said}"
        if isinstance(error, errors.InsufficientPrivilege) and not self._is_checked:
            what += (
                ". Let an administrator of the database run: CREATE SCHEMA supertokens AUTHORIZATION <the user of"
                " 'database'>"
            )
        elif isinstance(error, errors.UniqueViolation):
            what = f"the session database {self._name} refused a second session, or key, of the same name"
        if unknown:
            what += ". Whether it was written is not known"
        return SuperTokensGeneralError(what)


def _result(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Result:
    # Not by the cursor's description, which takes longer to make than the rows.
    has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0
    return Result(cursor.fetchall() if has_rows else [], cursor.rowcount)


def _first_of(error: psycopg.Error, handled: BaseException | None) -> psycopg.Error:
    """Return what failed first: where a commit is refused, the driver fails once more as it leaves the pipeline.

    `handled`: what the caller was handling before, which is none of it.
    """
    first = error.__context__
    is_ours = first is not handled and error.sqlstate is None
    return first if is_ours and isinstance(first, psycopg.Error) else error


def _is_lost(error: psycopg.Error) -> bool:
    """Return whether the server, or the way to it, is gone or not there yet."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state[:2] == "08" or state in ("57P01", "57P02", "57P03", "53300")
