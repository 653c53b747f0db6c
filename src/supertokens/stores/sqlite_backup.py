# SPDX-License-Identifier: Apache-2.0
"""Copying a database to a file, and restoring it from one, while it is in use, with SQLite's backup API.

The API takes the same locks as every other program. So a copy is consistent however much is written meanwhile, and a
restore writes into the existing file, which its users keep using.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite_connections import SqliteDatabase
from supertokens.stores.sqlite_feed import BEGIN_ANEW
from supertokens.stores.sqlite_files import DatabaseFile
from supertokens.stores.sqlite_marks import mark_after

__all__ = ["back_up", "restore"]

_PAGES_AT_ONCE: Final = 512
_BETWEEN_TRIES_S: Final = 0.05
_MAX_WAIT_S: Final = 60.0
"""How long others may hold the lock without a break."""


def back_up(database: SqliteDatabase, target: Path, *, overwrite: bool, progress: Callable[[int, int], object]) -> int:
    """Copy `database` into the new file `target`, with mode 0600. Return the number of sessions in the copy.

    `overwrite`: replace an existing file. `progress`: called with the pages done and the total. Raises FileExistsError,
    OSError, and SuperTokensGeneralError.
    """
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(f"{DatabaseFile(target)} exists already")
    file = DatabaseFile(target)
    in_use = any(file.beside(suffix).exists() for suffix in ("-wal", "-shm"))
    if in_use or (target.exists() and target.samefile(database.path)):
        raise SuperTokensGeneralError(f"{file} is a database in use: choose another file, or restore to it")
    with _temporary_beside(target) as copy:
        with database.opened_as_it_is() as source, closing(sqlite3.connect(copy)) as connection:
            _require_tables(database, source)
            _copy(source, connection, progress)
            _check(connection, target)
            connection.execute("PRAGMA journal_mode = delete")  # one file, without a log next to it
            sessions = connection.execute("SELECT count(*) FROM session").fetchone()[0]
        _put(copy, target, overwrite=overwrite)
    return int(sessions)


def restore(database: SqliteDatabase, source: Path, *, progress: Callable[[int, int], object]) -> int:
    """Replace the contents of `database`, which may be in use, with the backup `source`. Return the number of sessions
    in it.

    A backup of an earlier version is upgraded. `progress`: as in `back_up`. Others can read throughout; their writes
    wait while the pages are written. A failure changes nothing. Raises OSError, and SuperTokensGeneralError.
    """
    database.file.make()
    with _temporary_beside(database.path) as copy:
        kept = database.at(source)
        with kept.opened_as_it_is(at_rest=True) as backup, closing(sqlite3.connect(copy)) as connection:
            _require_tables(kept, backup)
            _copy(backup, connection, lambda *_: None)
            _check(connection, source)
        carried_over = database.at(copy)
        carried_over.migrate()
        with database.opened() as connection:
            text = connection.execute("SELECT text FROM mark").fetchone()[0]
            with carried_over.opened() as its:
                its.execute("UPDATE mark SET text = ?", (mark_after(text),))
                its.execute(BEGIN_ANEW)
            sessions = carried_over.read("SELECT count(*) FROM session", ())[0][0]
            carried_over.close()  # which leaves one file, without a log
            with carried_over.opened_as_it_is(at_rest=True) as prepared:
                _copy(prepared, connection, progress)
    return int(sessions)


def _require_tables(database: SqliteDatabase, connection: sqlite3.Connection) -> None:
    if database.schema.version(connection) == 0:
        raise SuperTokensGeneralError(f"the database {database.file} is empty")


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, progress: Callable[[int, int], object]) -> None:
    """Copy `source` to `target`. Raises SuperTokensGeneralError if others hold a lock too long, and sqlite3.Error."""
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # one consistent state, until the end
    last_progress = time.monotonic()

    def goes_on(status: int, remaining: int, total: int) -> None:
        nonlocal last_progress
        if status == sqlite3.SQLITE_OK or status == sqlite3.SQLITE_DONE:
            last_progress = time.monotonic()
            progress(total - remaining, total)
        elif time.monotonic() - last_progress > _MAX_WAIT_S:
            raise SuperTokensGeneralError("the database has been locked by another process for a minute")

    source.backup(target, pages=_PAGES_AT_ONCE, progress=goes_on, sleep=_BETWEEN_TRIES_S)
    source.execute("ROLLBACK")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    [(verdict,), *_] = connection.execute("PRAGMA integrity_check").fetchall()
    if verdict != "ok":
        raise SuperTokensGeneralError(f"{DatabaseFile(path)} is damaged: {verdict}")


@contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    """Create an empty file with mode 0600 in the folder of `path`, and remove it at the end."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".part", dir=path.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.unlink(name + suffix)


def _put(copy: Path, target: Path, *, overwrite: bool) -> None:
    """Move the finished `copy` to `target`, so that after a power cut the file is either complete or absent."""
    if overwrite:
        os.replace(copy, target)
    else:
        os.link(copy, target)  # which fails if somebody has created the file meanwhile
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
