# SPDX-License-Identifier: Apache-2.0
"""Waiting for another process's lock: fair among writers, and without blocking a process that runs greenlets.

SQLite waits in C, by polling with longer and longer sleeps, up to 100 ms (`sqliteDefaultBusyCallback`). If several
processes write without a pause, the lock is free only for moments, and a process that has missed a few of them sleeps
through hundreds. So connections that write poll for themselves, at intervals that are short compared with the time
waited so far. There is no hand-over between processes: one that hangs, is stopped or dies delays the others no longer
than SQLite's own lock does.

With gevent, a wait in C would block everything in the thread, including the greenlet that could continue. If
`time.sleep` has been replaced, as gevent does, all connections wait in this way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType
from typing import Any, Final, TypeVar

__all__ = ["connect", "waiting_in_sqlite"]

T = TypeVar("T")

_MIN_STEP_S: Final = 0.0001
"""A commit takes several times as long, with its fsync."""

_MAX_STEP_S: Final = 0.025
_STEP_OF_WAIT: Final = 1 / 50
"""The interval as a fraction of the time waited so far: few polls are made in vain, and little is added to any wait."""


class _LookingConnection(sqlite3.Connection):
    """A connection that polls for a lock, for `patience_s` at most."""

    patience_s = 0.0

    def execute(self, *args: Any) -> sqlite3.Cursor:
        return self._patiently(super().execute, *args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        return self._patiently(super().executemany, *args)

    def _patiently(self, action: Callable[..., T], *args: Any) -> T:
        began = time.monotonic()
        while True:
            try:
                return action(*args)
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                waited = time.monotonic() - began
                # Inside a transaction, waiting does not help to get a missing lock.
                if not busy or self.in_transaction or waited >= self.patience_s:
                    raise
            time.sleep(min(max(waited * _STEP_OF_WAIT, _MIN_STEP_S), _MAX_STEP_S))


def connect(uri: str, busy_timeout: int, *, writes: bool = False) -> sqlite3.Connection:
    """Open a connection without a transaction, for any thread, that waits for a lock for `busy_timeout` (ms).

    `writes`: it competes with other processes for the write lock.
    """
    if not writes and not _sleep_was_replaced():
        return sqlite3.connect(
            uri, uri=True, timeout=busy_timeout / 1000, isolation_level=None, check_same_thread=False
        )
    connection = sqlite3.connect(
        uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False, factory=_LookingConnection
    )
    connection.patience_s = busy_timeout / 1000
    return connection


@contextmanager
def waiting_in_sqlite(connection: sqlite3.Connection, busy_timeout: int) -> Iterator[None]:
    """Let SQLite itself do the waiting inside the block, for `busy_timeout` (ms) at most, if it leaves that to the
    connection.

    For checkpoints: they do not raise when the file is busy, but do less. With gevent they do not wait.
    """
    if not isinstance(connection, _LookingConnection) or _sleep_was_replaced():
        yield
        return
    connection.execute(f"PRAGMA busy_timeout = {busy_timeout}")
    try:
        yield
    finally:
        connection.execute("PRAGMA busy_timeout = 0")


def _sleep_was_replaced() -> bool:
    return not isinstance(time.sleep, BuiltinFunctionType)
