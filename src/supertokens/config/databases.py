# SPDX-License-Identifier: Apache-2.0
"""Parsing the setting `database`: a URL, or the path of a SQLite file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from supertokens.config.postgres_urls import PostgresUrl, parse_postgres_url

__all__ = ["Database", "database", "parse_database"]

_SCHEME: Final = re.compile("([A-Za-z][A-Za-z0-9+.-]+):")  # a single letter is a drive
_POSTGRES: Final = ("postgresql", "postgres")
_AVAILABLE: Final = ("sqlite", "postgresql")
_HOW: Final = "write 'sqlite:///relative/file' or 'sqlite:////absolute/file'"


class Database(NamedTuple):
    """`scheme`: which kind of store. `path`: its file, if it is one; otherwise `server` says where it is."""

    scheme: str
    path: Path | None = None
    server: PostgresUrl | None = None

    @property
    def name(self) -> str:
        """Return the name to show to people: without a secret."""
        return str(self.path) if self.server is None else self.server.name


def database(value: object) -> str:
    """Return `value` of the setting `database` as text. Raise ValueError if it names none."""
    text = os.fspath(value) if isinstance(value, Path) else value
    if not isinstance(text, str):
        raise ValueError("must be a URL such as 'sqlite:///sessions.sqlite3', or the path of a file")
    parse_database(text)
    return text


def parse_database(text: str) -> Database:
    """Take `text`, a URL or a path, apart.

    Raise ValueError, which names the part that is wrong. It shows nothing of a URL but its scheme and the names of its
    parameters, since the rest may hold a password.
    """
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() in _POSTGRES:
        return Database("postgresql", server=parse_postgres_url(scheme[1].lower(), text[scheme.end() :]))
    if scheme is None and "://" in text:
        raise ValueError("must begin with a scheme, with no space before it; for a path, leave out '://'")
    path = text if scheme is None else _path_in_url(scheme[1], text[scheme.end() :])
    if path in ("", ":memory:"):
        raise ValueError("must name a file, since threads and processes share it (app.testing creates a temporary one)")
    if path.endswith(("/", os.sep)) or not path.isprintable():
        raise ValueError("must name a file, not a folder, in printable characters")
    return Database("sqlite", Path(path))


def _path_in_url(scheme: str, rest: str) -> str:
    if scheme.lower() not in _AVAILABLE:
        available = ", ".join(_AVAILABLE)
        raise ValueError(f"names {scheme!r}, which is not available in this version; available: {available}")
    if not rest.startswith("//"):
        raise ValueError(f"must have '//' after '{scheme}:': {_HOW}")
    host, slash, path = rest[2:].partition("/")
    for mark, part in (("?", "query"), ("#", "fragment")):
        if mark in rest:
            escape = f"%{ord(mark):02X}"
            raise ValueError(f"must not have a {part}; in a file name, write {mark!r} as {escape!r}")
    if host:
        raise ValueError(f"must not name a host after '//', since the file is on this machine: {_HOW}")
    if re.search("%(?![0-9A-Fa-f]{2})", path):
        raise ValueError("must have two hexadecimal digits after each '%'; write '%' itself as %25")
    return unquote(path) if slash else ""
