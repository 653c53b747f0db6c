# SPDX-License-Identifier: Apache-2.0
"""Sessions as rows of a SQLite table, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import astuple

from supertokens.engine.noted_client import NotedClient
from supertokens.engine.rotation import LONG_AGO, Lineage
from supertokens.engine.session import ListedSession, SessionRecord

__all__ = ["COLUMNS", "LISTED", "ROW", "listed_of", "record_of", "row_of"]

COLUMNS: Final = (
    "handle, user_id, jwt_payload, created_at, expires_at, uses_static_key, anti_csrf,"
    " remember, last_seen_at, auth_time, user_agent, address, current, parent, newest, handed_out_at, fingerprint"
)
ROW: Final = (f"session ({COLUMNS}, session_data)", COLUMNS.count(",") + 2)
"""Table and columns of a session, and how many they are."""
LISTED: Final = "handle, user_id, created_at, handed_out_at, expires_at, last_seen_at, remember, user_agent, address"


def row_of(record: SessionRecord, session_data: str) -> tuple[Any, ...]:
    """Return the values of ROW for `record` and its data."""
    *columns, client, lineage = astuple(record)
    return (*columns, client.user_agent, client.address, *lineage, session_data)


def record_of(row: Sequence[Any]) -> SessionRecord:
    """Return the session whose COLUMNS are `row`."""
    (
        handle, user_id, jwt_payload, created_at, expires_at, static, anti_csrf, remember, seen, auth_time,
        agent, address, current, parent, newest, handed_out_at, fingerprint,
    ) = row  # fmt: skip
    return SessionRecord(
        handle=handle,
        user_id=user_id,
        jwt_payload=jwt_payload,
        created_at=created_at,
        expires_at=expires_at,
        uses_static_key=static != 0,
        anti_csrf=anti_csrf != 0,
        remember=remember != 0,
        last_seen_at=seen,
        auth_time=auth_time,
        client=NotedClient(agent, address),
        lineage=Lineage(current, parent, newest, handed_out_at, fingerprint),
    )


def listed_of(row: Sequence[Any]) -> ListedSession:
    """Return the session whose LISTED columns are `row`."""
    handle, user_id, created_at, handed_out_at, expires_at, last_seen_at, remember, *client = row
    return ListedSession(
        handle=handle,
        user_id=user_id,
        created_at=created_at,
        refreshed_at=None if handed_out_at == LONG_AGO else handed_out_at,
        expires_at=expires_at,
        last_seen_at=last_seen_at,
        remember=bool(remember),
        client=NotedClient(*client),
    )
