# SPDX-License-Identifier: Apache-2.0
"""Checking that the path of a database still leads to the open files.

If the file is removed or replaced while in use, the process is left with a file that has no name: what it writes there
is lost to every other process. Its connections must not be closed either, since SQLite would then delete the log of the
file that is now at the path. So the process refuses to work, and leaves its connections as they are.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Final

from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock
from supertokens.stores.sqlite_files import DatabaseFile

__all__ = ["FileWatch"]

_log = logging.getLogger("supertokens")

_READS_LOOK_EVERY_S: Final = 1.0
_SUFFIXES: Final = ("", "-wal", "-shm")

_Identity = tuple[int, int] | None
"""Device and inode; None where there is no file."""


class FileWatch:
    """Watches the files of one database: the file itself, its log, and the log's index.

    `monotonic` gives seconds of a clock that never goes back.
    """

    def __init__(self, file: DatabaseFile, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self.monotonic = monotonic
        self._paths = [str(file.beside(suffix)) for suffix in _SUFFIXES]
        self._known: tuple[_Identity, ...] | None = None
        self._connections = 0
        self._left = 0
        """The number of connections that are no longer used or closed."""
        self._counting = ProcessLock()
        self._looked_at = -_READS_LOOK_EVERY_S
        self.log_bytes = 0
        """The size of the log at the last check."""
        self._said = False

    @property
    def database(self) -> tuple[int, int] | None:
        """Return device and inode of the open database, or of the one that was last open."""
        return self._known[0] if self._known else None

    def opened(self) -> None:
        """Register a new connection. Raises SuperTokensGeneralError if it leads to a different file than before."""
        with self._counting.own:
            found = self._look()
            # While nothing was open, SQLite may have removed and recreated the log, but not the database.
            if self._known is None or (self._connections == 0 and found[0] == self._known[0]):
                self._known = found
            elif found != self._known:
                raise self._replaced(found)
            self._connections += 1

    def closing(self) -> bool:
        """Return whether a connection may be closed, and register that it is about to be closed or abandoned."""
        with self._counting.own:
            if self._known is not None and self._look() != self._known:
                self._left += 1
                return False
            # In advance, since SQLite removes the log with the last connection, and a concurrent check must not miss
            # it.
            self._connections -= 1
            return True

    def check(self) -> None:
        """Raise SuperTokensGeneralError if the path no longer leads to the open file. Call it before each write."""
        if self._known is None:
            return
        if self._look() != self._known:
            with self._counting.own:  # again, while no connection comes or goes
                self._check_exactly()
        self._said = False
        self._looked_at = self.monotonic()

    def _check_exactly(self) -> None:
        if self._known is None:
            return
        found = self._look()
        if found[0] != self._known[0] or (self._connections and found != self._known):
            raise self._replaced(found)

    def check_now_and_then(self) -> None:
        """Do the same, at most once a second. Call it before each read."""
        if self.monotonic() - self._looked_at >= _READS_LOOK_EVERY_S:
            self.check()

    def forget(self) -> None:
        """Start afresh after the database was closed, unless a thread is still reading."""
        with self._counting.own:
            if self._connections == self._left:
                self._known = None
                self._connections = self._left = 0

    def begin_anew(self) -> None:
        """Forget the connections of the parent process, but not which file it was."""
        self._connections = self._left = 0

    def _look(self) -> tuple[_Identity, ...]:
        try:
            database, log, index = map(os.stat, self._paths)
        except OSError:
            found = [_stat(path) for path in self._paths]
            self.log_bytes = found[1].st_size if found[1] else 0
            return tuple(each and (each.st_dev, each.st_ino) for each in found)
        # As above; inlined, since every write runs this.
        self.log_bytes = log.st_size
        return (database.st_dev, database.st_ino), (log.st_dev, log.st_ino), (index.st_dev, index.st_ino)

    def _replaced(self, found: tuple[_Identity, ...]) -> SuperTokensGeneralError:
        assert self._known is not None
        pairs = zip(_SUFFIXES, self._known, found, strict=True)
        suffix, _, now = next(pair for pair in pairs if pair[1] != pair[2])
        error = SuperTokensGeneralError(
            f"the session database {DatabaseFile(self._file.beside(suffix))} was"
            f" {'removed' if now is None else 'replaced'} while it was in use, so nothing is read or written any more."
            " Stop all processes that use it, put the right file in its place, remove '-wal' and '-shm' files of"
            " any other one, then start them again. To replace a database in use, run 'supertokens restore'."
        )
        if not self._said:
            self._said = True
            _log.error("%s", error)
        return error


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None
