# SPDX-License-Identifier: Apache-2.0
"""Creating a session in a SQLite file in place of others: those it replaces, and those beyond a user's limit."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from supertokens.engine.session import SessionRecord
from supertokens.stores.base import MAX_EVICTED, SessionLimit

__all__ = ["create_within"]

_DELETE: Final = "DELETE FROM session WHERE handle = ? AND expires_at > ?"
_COUNT: Final = "SELECT count(*) FROM session WHERE user_id = ? AND expires_at > ?"
_LONGEST_UNSEEN: Final = (
    "SELECT handle FROM session WHERE user_id = ? AND expires_at > ?"
    " ORDER BY coalesce(last_seen_at, created_at), created_at, handle LIMIT ?"
)
_IS_ONE_OF: Final = "SELECT 1 FROM session WHERE handle = ? AND user_id = ? AND expires_at > ?"


def create_within(
    insert: str,
    record: SessionRecord,
    values: Sequence[Any],
    limit: SessionLimit | None,
    replaces: Sequence[str],
    connection: sqlite3.Connection,
) -> list[str] | None:
    """Do what `SessionStore.create` promises, in the transaction of `connection`, which is the only writer."""
    user_id, now = record.user_id, record.created_at
    surplus = 0
    if limit is not None:
        own = sum(1 for each in replaces if connection.execute(_IS_ONE_OF, (each, user_id, now)).fetchone())
        [count] = connection.execute(_COUNT, (user_id, now)).fetchone()
        surplus = max(0, count - own + 1 - limit.most)
        if surplus and not limit.evicts:
            return None
    removed = [each for each in replaces if connection.execute(_DELETE, (each, now)).rowcount]
    for (handle,) in connection.execute(_LONGEST_UNSEEN, (user_id, now, min(surplus, MAX_EVICTED))).fetchall():
        connection.execute(_DELETE, (handle, now))
        removed.append(handle)
    connection.execute(insert, values)
    return removed
