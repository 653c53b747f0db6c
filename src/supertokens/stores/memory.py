# SPDX-License-Identifier: Apache-2.0
"""Sessions in the memory of one process: for tests, and as the shortest implementation of the contract."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from supertokens.engine.rotation import LONG_AGO
from supertokens.engine.session import ListedSession, SessionCursor, SessionRecord
from supertokens.engine.signing_keys import KeyPurpose, StoredKey, StoredKeys
from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock
from supertokens.stores.base import EVERYBODY, MAX_EVICTED, Everybody, FeedReader, SessionLimit, TimestampedRecord
from supertokens.stores.memory_feed import MemoryFeed

__all__ = ["MemoryStore"]


class MemoryStore:
    """A `Store` that lasts as long as its process. A forked child continues with a copy of its own."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[SessionRecord, str]] = {}
        self._keys: dict[str, StoredKey] = {}
        self._sealed_with: str | None = None
        self._has_v2 = False
        self._feed = MemoryFeed()
        self._lock = ProcessLock()

    def create(
        self,
        record: SessionRecord,
        session_data: str,
        *,
        limit: SessionLimit | None = None,
        replaces: Sequence[str] = (),
    ) -> list[str] | None:
        with self._lock.own:
            if record.handle in self._sessions:
                raise SuperTokensGeneralError("a session with this handle exists already")
            removed = [handle for handle in dict.fromkeys(replaces) if self._living(handle, record.created_at)]
            others = [
                kept
                for kept, _ in self._sessions.values()
                if kept.user_id == record.user_id and kept.expires_at > record.created_at and kept.handle not in removed
            ]
            surplus = 0 if limit is None else max(0, len(others) + 1 - limit.most)
            if limit is not None and surplus and not limit.evicts:
                return None
            others.sort(key=lambda kept: kept.created_at if kept.last_seen_at is None else kept.last_seen_at)
            removed += [kept.handle for kept in others[: min(surplus, MAX_EVICTED)]]
            self._delete(removed, record.created_at)
            self._sessions[record.handle] = (record, session_data)
            return removed

    def get(self, handle: str, now: int) -> TimestampedRecord | None:
        kept = self._living(handle, now)
        return None if kept is None else TimestampedRecord(kept[0], now)

    def get_session_data(self, handle: str, now: int) -> str | None:
        kept = self._living(handle, now)
        return None if kept is None else kept[1]

    def rotate(self, seen: SessionRecord, becomes: SessionRecord, *, durable: bool) -> bool:
        with self._lock.own:
            record, data = self._sessions.get(seen.handle, (None, ""))
            if record is None or _position(record) != _position(seen):
                return False
            # Keep what may have been updated since `seen` was read.
            kept = replace(becomes, jwt_payload=record.jwt_payload, auth_time=record.auth_time)
            if becomes.handle != seen.handle:
                self._delete([seen.handle], becomes.last_seen_at or becomes.created_at)
            self._sessions[becomes.handle] = (kept, data)
            return True

    def update(
        self,
        handle: str,
        now: int,
        *,
        jwt_payload: str | None = None,
        session_data: str | None = None,
        if_session_data: str | None = None,
        auth_time: int | None = None,
    ) -> bool:
        with self._lock.own:
            kept = self._living(handle, now)
            if kept is None or if_session_data not in (None, kept[1]):
                return False
            record, data = kept
            if jwt_payload not in (None, record.jwt_payload):
                self._feed.announce([handle], "payload", now)
            if jwt_payload is not None:
                record = replace(record, jwt_payload=jwt_payload)
            if auth_time is not None:
                record = replace(record, auth_time=auth_time)
            self._sessions[handle] = (record, data if session_data is None else session_data)
            return True

    def remove(self, handles: Sequence[str], now: int) -> list[str]:
        with self._lock.own:
            removed = [handle for handle in dict.fromkeys(handles) if self._living(handle, now)]
            self._delete(removed, now)
            return removed

    def remove_user(self, user_id: str, now: int) -> list[str]:
        return self.remove([each.handle for each in self.sessions(user_id, now)], now)

    def sessions(
        self, user_id: str | Everybody, now: int, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        def place(cursor: SessionCursor) -> tuple[int, str]:
            return (0, cursor.handle) if user_id is EVERYBODY else cursor

        with self._lock.own:
            records = [record for record, _ in self._sessions.values()]
        found = [
            _listed(record)
            for record in records
            if record.expires_at > now and (user_id is EVERYBODY or record.user_id == user_id)
        ]
        found.sort(key=lambda each: place(each.cursor))
        return [each for each in found if after is None or place(each.cursor) > place(after)][:limit]

    def count_sessions(self, user_id: str | Everybody, now: int) -> int:
        return len(self.sessions(user_id, now))

    def sweep(self, now: int, *, limit: int) -> int:
        with self._lock.own:
            expired = [handle for handle in self._sessions if self._living(handle, now) is None][:limit]
            self._delete(expired, now)
            return len(expired)

    def feed_reader(self, max_lag_s: float) -> FeedReader:
        return self._feed.reader(self._lock, max_lag_s)

    def sweep_feed(self, now: int, *, kept_for: int, limit: int) -> int:
        with self._lock.own:
            return self._feed.sweep(now, kept_for, limit)

    def read_keys(self, now: int) -> StoredKeys:
        with self._lock.own:
            return StoredKeys(list(self._keys.values()), now, self._sealed_with, self._has_v2)

    def add_key(self, key: StoredKey, after: str | None, sealed_with: str | None) -> bool:
        with self._lock.own:
            if not self._keys:
                self._sealed_with = sealed_with
            last = next((known.id for known in reversed(self._keys.values()) if known.purpose == key.purpose), None)
            if key.id in self._keys or (after, sealed_with) != (last, self._sealed_with):
                return False
            self._keys[key.id] = key
            return True

    def reseal_keys(self, seen: Sequence[StoredKey], becomes: Sequence[StoredKey], sealed_with: str) -> bool:
        with self._lock.own:
            if list(self._keys.values()) != list(seen):
                return False
            self._keys, self._sealed_with = {key.id: key for key in becomes}, sealed_with
            return True

    def remove_keys(self, purpose: KeyPurpose, ids: Sequence[str]) -> None:
        with self._lock.own:
            for key_id in ids:
                if key_id in self._keys and self._keys[key_id].purpose == purpose:
                    del self._keys[key_id]

    def remove_all_keys(self) -> None:
        with self._lock.own:
            self._keys, self._sealed_with = {}, None

    def note_v2(self) -> None:
        self._has_v2 = True

    def close(self) -> None:
        """Do nothing: there is no connection to close."""

    def _delete(self, handles: Sequence[str], now: int) -> None:
        for handle in handles:
            del self._sessions[handle]
        self._feed.announce(handles, "ended", now)

    def _living(self, handle: str, now: int) -> tuple[SessionRecord, str] | None:
        kept = self._sessions.get(handle)
        return kept if kept is not None and kept[0].expires_at > now else None


def _listed(record: SessionRecord) -> ListedSession:
    handed_out_at = record.lineage.handed_out_at
    return ListedSession(
        handle=record.handle,
        user_id=record.user_id,
        created_at=record.created_at,
        refreshed_at=None if handed_out_at == LONG_AGO else handed_out_at,
        expires_at=record.expires_at,
        last_seen_at=record.last_seen_at,
        remember=record.remember,
        client=record.client,
    )


def _position(record: SessionRecord) -> tuple[int, int, int]:
    return record.lineage.current, record.lineage.newest, record.lineage.handed_out_at
