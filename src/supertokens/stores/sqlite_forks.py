# SPDX-License-Identifier: Apache-2.0
"""The SQLite connections of this process, and what happens to them at a fork.

POSIX locks belong to a process and do not cross a fork. SQLite counts the locks that it holds on a file in the memory
of the process, and that memory is copied: a child that opens a file which its parent had open believes that it holds
locks but does not, and its writes are lost or damage the file (SQLite, "How To Corrupt An SQLite Database File",
section 2.6). So:

* Before a fork, idle connections are closed, and new operations wait; running ones get a second to finish. With nothing
  open, parent and child both start afresh.
* A connection that is still open at a fork is *inherited*: in the child it is neither used nor closed, since closing it
  may delete the parent's write-ahead log, and nothing is opened there: neither that file nor, since a mutex of SQLite
  may have been held at the fork, any other. `subprocess` without `preexec_fn` runs another program at once, so it is
  not affected.
* Forks that run no hooks, such as those of a C library, are noticed by the process id.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock, call_around_forks

__all__ = ["PROCESS", "ForkAware", "ProcessConnections"]

MAX_WAIT_S: Final = 1.0
"""How long a fork waits for operations in progress."""

_STEP_S: Final = 0.001


class ForkAware(Protocol):
    """An owner of connections."""

    def close_idle(self) -> None:
        """Close the idle connections, without waiting."""

    def begin_anew(self) -> None:
        """Forget all connections and locks, which belong to the parent process."""


@dataclass(slots=True, eq=False)
class _Opened:
    """A connection, or one that is being opened (`connection` is None), and the process that did that."""

    path: Path
    pid: int
    connection: sqlite3.Connection | None = None
    left: tuple[int, int] | None = None
    """Device and inode of a file to which its path no longer leads: such a connection is neither used nor closed."""


class ProcessConnections:
    """All connections of one process. There is one object of this kind, `PROCESS`."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._own: dict[int, _Opened] = {}
        self._inherited: list[_Opened] = []
        self._owners: dict[int, weakref.ref[ForkAware]] = {}
        self._forking: set[int] = set()
        self._noticing = ProcessLock()
        call_around_forks(
            before=self._before_fork,
            after_in_parent=self._after_fork_in_parent,
            after_in_child=self._after_fork_in_child,
        )
        self.is_ending = False
        """Whether the interpreter is shutting down: connections still in use are then left to the system."""
        atexit.register(self._end)

    def add_owner(self, owner: ForkAware) -> None:
        """Let `owner` take part in forks for as long as it lives."""
        key = id(owner)
        self._owners[key] = weakref.ref(owner, lambda _: self._owners.pop(key, None))

    def notice_fork(self) -> None:
        """Find out whether this is a child whose fork ran no hooks; called when the process id has changed."""
        if self._pid == os.getpid():
            return
        with self._noticing.own:
            if self._pid != os.getpid():
                self._become_child()

    @property
    def is_forking(self) -> bool:
        """Return whether a thread is forking this process."""
        return bool(self._forking)

    def wait_for_fork(self) -> None:
        """Wait while another thread forks this process."""
        # By polling, not on a condition: that would block the thread in which gevent also runs the forking greenlet.
        while self._forking and threading.get_ident() not in self._forking:
            time.sleep(_STEP_S)
            self.notice_fork()

    def open(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
        """Return what `connect` opens; only `close` closes it, never garbage collection or the end of the interpreter.

        Raises SuperTokensGeneralError in a child that has inherited a connection.
        """
        self.notice_fork()
        opened = _Opened(path, self._pid)
        self._own[id(opened)] = opened
        # It is announced before this check, so a fork either waits for it or makes it wait.
        while self._forking and threading.get_ident() not in self._forking:
            del self._own[id(opened)]
            self.wait_for_fork()
            self._own[id(opened)] = opened
        try:
            self._refuse_if_inherited(path)
            connection = connect()
        except BaseException:
            self._own.pop(id(opened), None)
            raise
        _count_reference(connection, 1)
        opened.connection = connection
        return connection

    def close(self, connection: sqlite3.Connection) -> None:
        """Close it, unless another process opened it."""
        opened = self._opened(connection)
        if opened is None or opened.pid != os.getpid():
            return
        connection.close()
        del self._own[id(opened)]
        _count_reference(connection, -1)

    def leave(self, connection: sqlite3.Connection, file: tuple[int, int] | None) -> None:
        """Leave the connection for the system to close when the process ends. No fork waits for it.

        `file`: device and inode of the file that it leads to, in place of the one now at its path.
        """
        opened = self._opened(connection)
        if opened is not None:
            opened.left = file

    def _opened(self, connection: sqlite3.Connection) -> _Opened | None:
        return next((each for each in list(self._own.values()) if each.connection is connection), None)

    def _refuse_if_inherited(self, path: Path) -> None:
        for inherited in self._inherited:
            if inherited.left and inherited.left != _identity(path):
                continue
            raise SuperTokensGeneralError(
                f"the session database {inherited.path} was in use in process {inherited.pid} when this one was forked"
                " from it. SQLite's locks do not cross a fork: used here, sessions would be lost and the file damaged,"
                " so it is not used. Let sessions be used only after the fork (uWSGI: 'lazy-apps = true'; a daemon:"
                " fork first; multiprocessing: the start method 'spawn' or 'forkserver'), or call close() of the core"
                " before it."
            )

    def _living_owners(self) -> list[ForkAware]:
        return [owner for reference in list(self._owners.values()) if (owner := reference()) is not None]

    def _close_idle(self) -> None:
        for owner in self._living_owners():
            owner.close_idle()

    def _end(self) -> None:
        self._close_idle()
        self.is_ending = True

    def _before_fork(self) -> None:
        self.notice_fork()
        self._forking.add(threading.get_ident())
        deadline = time.monotonic() + MAX_WAIT_S
        self._close_idle()
        while not all(opened.left for opened in list(self._own.values())) and time.monotonic() < deadline:
            time.sleep(_STEP_S)
            self._close_idle()

    def _after_fork_in_parent(self) -> None:
        self._forking.discard(threading.get_ident())

    def _after_fork_in_child(self) -> None:
        self._become_child()

    def _become_child(self) -> None:
        self._inherited += self._own.values()
        self._own = {}
        self._forking = set()
        for owner in self._living_owners():
            owner.begin_anew()
        self._pid = os.getpid()  # last: whoever sees it set looks no further


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _count_reference(connection: sqlite3.Connection, by: int) -> None:
    """Change a reference count by one, so that the interpreter never sees the object as unused."""
    count = ctypes.pythonapi.Py_IncRef if by > 0 else ctypes.pythonapi.Py_DecRef
    count(ctypes.py_object(connection))


PROCESS: Final = ProcessConnections()
