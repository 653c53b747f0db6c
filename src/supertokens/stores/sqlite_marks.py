# SPDX-License-Identifier: Apache-2.0
"""Checking that a write-ahead log belongs to the database file next to it.

SQLite replays whatever log it finds into the file. If the file was replaced, for example with a backup, and the
previous file's log was left, the two are mixed and the database is damaged. Nothing in SQLite's formats ties them to
each other, so every database has a *mark*: a unique identity and a number that writers increment about once a second.

A log is reset only after all of it has been copied into the file. So the file that a log belongs to has at least the
number before the first one in the log, and at most the last. Anything else is a different file, or the same file at a
different time. A log without a mark, of less than a second of writing, is trusted. When the whole content is written at
once, on creation and on restoring a backup, the number is a multiple of `_CONTENT`: a log that begins with such a
number has every page, whatever is in the file.
"""

from __future__ import annotations

import re
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final, NamedTuple

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite_files import DatabaseFile

__all__ = ["MARK_TABLE", "RAISE_MARK", "check_log", "mark_after"]

MARK_TABLE: Final = """
CREATE TABLE mark (text TEXT NOT NULL) STRICT;
INSERT INTO mark VALUES ('supertokens-mark:' || lower(hex(randomblob(16))) || printf(':%020d', 0))
"""
RAISE_MARK: Final = (
    "UPDATE mark SET text = substr(text, 1, 50) || printf('%020d', CAST(substr(text, 51) AS INTEGER) + 1)"
)

_TEXT: Final = re.compile(rb"supertokens-mark:([0-9a-f]{32}):(\d{20})")
# "WAL File Format" in SQLite's description of its file format: all numbers are big-endian.
_LOG_HEADER: Final = struct.Struct(">4x4xI4x8s8x")
_FRAME_HEADER: Final = struct.Struct(">8x8s8x")

_CONTENT: Final = 1 << 32
_LOOKS: Final = 5
_BETWEEN_LOOKS_S: Final = 0.02


class _Mark(NamedTuple):
    identity: bytes
    number: int


def mark_after(text: str) -> str:
    """Return the mark for the content that is restored into a database with the mark `text`."""
    return f"{text[:50]}{(int(text[50:]) // _CONTENT + 1) * _CONTENT:020}"


def check_log(file: DatabaseFile) -> None:
    """Raise SuperTokensGeneralError if the log next to `file` belongs to another file.

    Call it before SQLite opens the file. Other processes may be using it. Raises sqlite3.Error if it is not a database.
    """
    for looks_left in reversed(range(_LOOKS)):
        try:
            in_file = _mark_in_file(file)  # read first: it only grows
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT:
                return  # left by a crash while the log was being copied into the file
            raise
        in_log = list(_marks_in_log(file))
        if not in_log or _belongs(in_file, in_log):
            return
        if looks_left:  # the log may have been reset in between
            time.sleep(_BETWEEN_LOOKS_S)
    wal, shm = DatabaseFile(file.beside("-wal")), DatabaseFile(file.beside("-shm"))
    raise SuperTokensGeneralError(
        f"{wal} is not the log of {file}, or is the log of a different state of it: SQLite would mix the two and damage"
        " the database, so it is not opened. Stop all processes that use it. If this is the database that you want,"
        f" remove {wal} and {shm}; otherwise put back the database to which the log belongs. Then start them again."
    )


def _belongs(in_file: _Mark | None, in_log: list[_Mark]) -> bool:
    first, last = in_log[0], max(mark.number for mark in in_log)
    if in_file is not None and in_file.identity != first.identity:
        return False
    if first.number % _CONTENT == 0:
        return True
    return in_file is not None and first.number - 1 <= in_file.number <= last


def _mark_in_file(file: DatabaseFile) -> _Mark | None:
    """Return the mark in the file itself, ignoring the log."""
    # "immutable" reads the file without its log, without locks and without leaving a trace.
    with closing(sqlite3.connect(file.uri(mode="ro", immutable=1), uri=True)) as connection:
        try:
            row = connection.execute("SELECT text FROM mark").fetchone()
        except sqlite3.OperationalError:  # there is no such table
            return None
    found = row and _TEXT.fullmatch(row[0].encode())
    return found and _Mark(found[1], int(found[2]))


def _marks_in_log(file: DatabaseFile) -> Iterator[_Mark]:
    """Yield the marks in the log, oldest first."""
    try:
        log = file.beside("-wal").open("rb")  # SQLite holds no locks on it
    except FileNotFoundError:
        return
    with log:
        header = log.read(_LOG_HEADER.size)
        if len(header) < _LOG_HEADER.size:
            return
        page_size, salt = _LOG_HEADER.unpack(header)
        while len(frame := log.read(_FRAME_HEADER.size + page_size)) == _FRAME_HEADER.size + page_size:
            if _FRAME_HEADER.unpack_from(frame) != (salt,):
                return  # left from before the log was reset
            marks = [_Mark(found[1], int(found[2])) for found in _TEXT.finditer(frame)]
            if marks:
                yield max(marks, key=lambda mark: mark.number)  # a page may still contain overwritten data
