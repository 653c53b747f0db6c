# SPDX-License-Identifier: Apache-2.0
"""Records of sessions for tests of stores."""

from __future__ import annotations

from msgspec.structs import replace

from supertokens.engine.noted_client import NOTHING_NOTED
from supertokens.engine.rotation import NEW_SESSION
from supertokens.engine.session import SessionRecord, new_handle
from supertokens.stores.base import Everybody, Store

__all__ = ["a_record", "handles_of"]

_NOW = 1_700_000_000_000
_LIFE = 60_000


def a_record(number: int = 1, **changes: object) -> SessionRecord:
    """Return the record of a session that is valid for a minute, a different one for each `number`, with `changes`."""
    record = SessionRecord(
        handle=new_handle(number.to_bytes(16, "big")),
        user_id="user",
        jwt_payload='{"role":"admin","n":1.0,"nothing":null}',
        created_at=_NOW + number,
        expires_at=_NOW + _LIFE,
        uses_static_key=False,
        anti_csrf=True,
        remember=True,
        last_seen_at=_NOW + number,
        auth_time=_NOW + number,
        client=NOTHING_NOTED,
        lineage=NEW_SESSION,
    )
    return replace(record, **changes)


def handles_of(store: Store, user_id: str | Everybody, now: int) -> list[str]:
    """Return the handles of the sessions of `user_id` that `store` lists at `now`."""
    return [each.handle for each in store.sessions(user_id, now)]
