# SPDX-License-Identifier: Apache-2.0
"""Sessions that stand in a store without anybody having logged in, and refresh tokens of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from benchmarks.apps import PAYLOAD, USER_ID
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine import refresh_token as refresh_tokens
from supertokens.engine.noted_client import NOTHING_NOTED
from supertokens.engine.rotation import NEW_SESSION
from supertokens.engine.session import SessionRecord, new_handle
from supertokens.stores.sqlite_rows import ROW, row_of

__all__ = ["INSERT", "add_sessions", "new_record", "refresh_token_of", "row"]

INSERT: Final = f"INSERT INTO {ROW[0]} VALUES ({', '.join('?' * ROW[1])})"  # noqa: S608 - the store's own names
"""Puts one `row` into a file that has the store's tables."""

_LIFE_MS: Final = 3_600_000
_PAYLOAD: Final = json.dumps(PAYLOAD)


def new_record(user_id: str = USER_ID, **changes: Any) -> SessionRecord:
    """Return a session that began just now, with a handle of its own."""
    now = system_clock()
    record = SessionRecord(
        handle=new_handle(os.urandom(16)),
        user_id=user_id,
        jwt_payload=_PAYLOAD,
        created_at=now,
        expires_at=now + _LIFE_MS,
        uses_static_key=False,
        anti_csrf=False,
        remember=True,
        last_seen_at=now,
        auth_time=now,
        client=NOTHING_NOTED,
        lineage=NEW_SESSION,
    )
    return replace(record, **changes) if changes else record


def row(record: SessionRecord) -> tuple[Any, ...]:
    """Return the values of INSERT."""
    return row_of(record, "{}")


def refresh_token_of(core: EmbeddedCore, record: SessionRecord) -> str:
    """Return the refresh token that the session's client holds."""
    key = core.keys.ring_for_signing(system_clock()).newest_refresh
    lineage = record.lineage
    return refresh_tokens.derive(key, record.handle, lineage.current, lineage.parent, None)


def add_sessions(path: Path, records: Iterator[SessionRecord] | Sequence[SessionRecord]) -> None:
    """Put sessions into the file of a store, which may be open, in one transaction without a wait for the disk."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = off")
        connection.execute("PRAGMA cache_size = -500000")  # KiB; enough for the indexes of a million
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, map(row, records))
        connection.execute("COMMIT")
