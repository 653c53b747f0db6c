# SPDX-License-Identifier: Apache-2.0
"""Sessions as rows of a PostgreSQL table, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from supertokens.engine.noted_client import NotedClient
from supertokens.engine.rotation import LONG_AGO, Lineage
from supertokens.engine.session import ListedSession, SessionRecord

__all__ = ["COLUMNS", "LISTED", "VALUES", "listed_of", "record_of", "stored_user_id", "values_of"]

COLUMNS: Final = (
    "handle, user_id, jwt_payload, created_at, expires_at, uses_static_key, anti_csrf, remember, last_seen_at,"
    " auth_time, user_agent, address, current, parent, newest, handed_out_at, fingerprint"
)
VALUES: Final = ", ".join(f"%({name})s" for name in f"{COLUMNS}, session_data".split(", "))
"""Placeholders for `values_of`."""
LISTED: Final = (
    "handle::text, user_id, created_at, handed_out_at, expires_at, last_seen_at, remember, user_agent, address"
)
_NUL, _ESCAPE = "\0", "\1"
_ESCAPED: Final = re.compile("\1([\1\2])")


def stored_user_id(user_id: str) -> str:
    """Return `user_id` as it is stored: PostgreSQL's text has no U+0000. Different ids are stored differently."""
    if _NUL in user_id or _ESCAPE in user_id:
        return user_id.replace(_ESCAPE, "\1\1").replace(_NUL, "\1\2")
    return user_id


def _user_id(stored: str) -> str:
    if _ESCAPE not in stored:
        return stored
    return _ESCAPED.sub(lambda found: _ESCAPE if found[1] == _ESCAPE else _NUL, stored)


def values_of(record: SessionRecord) -> dict[str, Any]:
    """Return the values of a session's columns, by name, except its data."""
    client, lineage = record.client, record.lineage
    return {
        "handle": record.handle,
        "user_id": stored_user_id(record.user_id),
        "jwt_payload": record.jwt_payload,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "uses_static_key": record.uses_static_key,
        "anti_csrf": record.anti_csrf,
        "remember": record.remember,
        "last_seen_at": record.last_seen_at,
        "auth_time": record.auth_time,
        "user_agent": client.user_agent,
        "address": client.address,
        "current": lineage.current,
        "parent": lineage.parent,
        "newest": lineage.newest,
        "handed_out_at": lineage.handed_out_at,
        "fingerprint": lineage.fingerprint,
    }


def record_of(handle: str, row: Sequence[Any]) -> SessionRecord:
    """Return the session `handle` whose other columns are `row`."""
    (
        user_id, jwt_payload, created_at, expires_at, static, anti_csrf, remember, seen, auth_time,
        agent, address, current, parent, newest, handed_out_at, fingerprint,
    ) = row  # fmt: skip
    return SessionRecord(
        handle=handle,
        user_id=_user_id(user_id),
        jwt_payload=jwt_payload,
        created_at=created_at,
        expires_at=expires_at,
        uses_static_key=static,
        anti_csrf=anti_csrf,
        remember=remember,
        last_seen_at=seen,
        auth_time=auth_time,
        client=NotedClient(agent, address),
        lineage=Lineage(current, parent, newest, handed_out_at, fingerprint),
    )


def listed_of(row: Sequence[Any]) -> ListedSession:
    """Return the session whose columns `LISTED` are `row`."""
    handle, user_id, created_at, handed_out_at, expires_at, last_seen_at, remember, *client = row
    return ListedSession(
        handle=handle,
        user_id=_user_id(user_id),
        created_at=created_at,
        refreshed_at=None if handed_out_at == LONG_AGO else handed_out_at,
        expires_at=expires_at,
        last_seen_at=last_seen_at,
        remember=remember,
        client=NotedClient(*client),
    )
