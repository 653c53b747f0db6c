# SPDX-License-Identifier: Apache-2.0
"""The app's own SQLite file: users and notes. Sessions are in a file of their own, which is the library's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from flask import Flask, current_app, g

__all__ = ["connection", "init_app"]

TABLES = """
PRAGMA journal_mode = wal;
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
    password_hash TEXT NOT NULL,
    version INTEGER NOT NULL,
    joined_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    written_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notes_of_user ON notes (user_id, id);
"""


def connection() -> sqlite3.Connection:
    """Return the connection of this request, or of this command. `with connection():` commits."""
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"])
        g.database.row_factory = sqlite3.Row
        g.database.execute("PRAGMA foreign_keys = on")
    opened: sqlite3.Connection = g.database
    return opened


def init_app(app: Flask) -> None:
    """Make the tables, and close each request's connection at its end."""
    file: Path = app.config["DATABASE"]
    file.touch(mode=0o600)  # it holds password hashes; its -wal file gets the same mode
    with closing(sqlite3.connect(file)) as made:
        made.executescript(TABLES)

    @app.teardown_appcontext
    def close(_: BaseException | None) -> None:
        opened = g.pop("database", None)
        if opened is not None:
            opened.close()
