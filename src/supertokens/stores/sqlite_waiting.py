# SPDX-License-Identifier: Apache-2.0
"""Waiting for another process's lock without stopping a whole process of greenlets.

SQLite waits in C. With gevent, that stops everything in the thread, also the greenlet that could go on. Where
`time.sleep` was replaced, as gevent does it, connections do not wait by themselves, but try again in small steps.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from types import BuiltinFunctionType
from typing import Any, Final, TypeVar

__all__ = ["connect", "set_busy_timeout"]

T = TypeVar("T")

_FIRST_STEP_S: Final = 0.001
_MAX_STEP_S: Final = 0.025


class _YieldingConnection(sqlite3.Connection):
    """A connection that lets others run while it waits for a lock, for `patience_s` at most."""

    patience_s = 0.0

    def execute(self, *args: Any) -> sqlite3.Cursor:
        return self._patiently(super().execute, *args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        return self._patiently(super().executemany, *args)

    def _patiently(self, action: Callable[..., T], *args: Any) -> T:
        deadline = time.monotonic() + self.patience_s
        step = _FIRST_STEP_S
        while True:
            try:
                return action(*args)
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                # Within a transaction a lock that is missing does not come by waiting.
                if not busy or self.in_transaction or time.monotonic() >= deadline:
                    raise
            time.sleep(step)
            step = min(2 * step, _MAX_STEP_S)


def connect(uri: str, busy_timeout: int) -> sqlite3.Connection:
    """Open a connection without a transaction, for any thread, that waits for a lock for `busy_timeout` (ms)."""
    if isinstance(time.sleep, BuiltinFunctionType):
        return sqlite3.connect(
            uri, uri=True, timeout=busy_timeout / 1000, isolation_level=None, check_same_thread=False
        )
    connection = sqlite3.connect(
        uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False, factory=_YieldingConnection
    )
    set_busy_timeout(connection, busy_timeout)
    return connection


def set_busy_timeout(connection: sqlite3.Connection, busy_timeout: int) -> None:
    """Let a connection that `connect` opened wait for a lock for `busy_timeout` (ms) from now on."""
    if isinstance(connection, _YieldingConnection):
        connection.patience_s = busy_timeout / 1000
    else:
        connection.execute(f"PRAGMA busy_timeout = {busy_timeout}")
