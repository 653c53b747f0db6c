# SPDX-License-Identifier: Apache-2.0
"""Sessions by handle or by user: everything that can be done with them without a token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from supertokens.core.protocol import StoredData
from supertokens.core.rotator import MAX_LOST_RACES
from supertokens.core.signals import Event, Signals
from supertokens.core.successors import Successors
from supertokens.engine import user_data
from supertokens.engine.lifetimes import Lifetimes
from supertokens.engine.noted_client import NOTHING_NOTED
from supertokens.engine.session import (
    ListedSession,
    SessionCursor,
    SessionInformation,
    SessionRecord,
    can_be_user_id,
    is_handle,
)
from supertokens.engine.user_data import JsonObject
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import Store, TimestampedRecord

__all__ = ["EmbeddedSessions"]


class EmbeddedSessions:
    """The verbs of a `Core` that take no token, on a store that other processes may share.

    `clock` gives ms since the epoch.
    """

    def __init__(self, store: Store, clock: Callable[[], int], lifetimes: Lifetimes, successors: Successors) -> None:
        self.store = store
        self.signals = Signals()
        self._clock = clock
        self._lifetimes = lifetimes
        self._successors = successors

    @property
    def clock(self) -> Callable[[], int]:
        return self._clock

    def revoke_sessions(self, handles: Sequence[str]) -> list[str]:
        if isinstance(handles, str):
            raise TypeError("handles must be a list of session handles, not one string")
        possible = [handle for handle in handles if is_handle(handle)]
        return self._told_of_revoked(self.store.remove(possible, self._clock()), None)

    def revoke_user(self, user_id: str) -> list[str]:
        removed = self.store.remove_user(user_id, self._clock()) if can_be_user_id(user_id) else []
        return self._told_of_revoked(removed, user_id)

    def session_handles(self, user_id: str) -> list[str]:
        return [each.handle for each in self.sessions(user_id)]

    def sessions(
        self, user_id: str, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        living: list[ListedSession] = []
        if not can_be_user_id(user_id):
            return living
        now = self._clock()
        while limit is None or len(living) < limit:
            missing = None if limit is None else limit - len(living)
            page = self.store.sessions(user_id, now, after=after, limit=missing)
            ends = ((each, self._lifetimes.end_of(each)) for each in page)
            living += [replace(each, expires_at=end) for each, end in ends if end > now]
            if missing is None or len(page) < missing:
                break
            after = page[-1].cursor
        return living

    def forget_clients(self, user_id: str) -> list[str]:
        if not can_be_user_id(user_id):
            return []
        # All that are stored, also those that the configuration of now has ended.
        stored = self.store.sessions(user_id, self._clock())
        return [each.handle for each in stored if each.client != NOTHING_NOTED and self._forget_client(each.handle)]

    def _forget_client(self, handle: str) -> bool:
        for _ in range(MAX_LOST_RACES):
            found = self.store.get(handle, self._clock())
            if found is None:
                return False
            record = found.record
            # The lineage stays as it is, so that nobody is taken for a thief or loses a repeated answer by this.
            if self.store.rotate(record, replace(record, client=NOTHING_NOTED), durable=True):
                return record.client != NOTHING_NOTED
        raise SuperTokensGeneralError(f"forgetting a client lost {MAX_LOST_RACES} races for its session in a row")

    def session(self, handle: str) -> SessionInformation:
        record = self._record(handle)
        return SessionInformation(
            handle=record.handle,
            user_id=record.user_id,
            jwt_payload=user_data.decode_object(record.jwt_payload),
            created_at=record.created_at,
            expires_at=self._lifetimes.end_of(record),
            remember=record.remember,
            auth_time=record.created_at if record.auth_time is None else record.auth_time,
        )

    def session_data(self, handle: str) -> JsonObject:
        return self.stored_session_data(handle).data

    def stored_session_data(self, handle: str) -> StoredData:
        now = self._clock()
        text = self.store.get_session_data(handle, now) if is_handle(handle) else None
        if text is None or self._living(handle, now) is None:
            raise self._successors.gone(handle)
        return StoredData(user_data.decode_object(text), text)

    def swap_session_data(self, handle: str, version: str, session_data: JsonObject) -> bool:
        text = user_data.encode_object(session_data, "session_data")
        self._record(handle)
        return self.store.update(handle, self._clock(), session_data=text, if_session_data=version)

    def update_session_data(self, handle: str, session_data: JsonObject) -> None:
        self._update(handle, session_data=user_data.encode_object(session_data, "session_data"))

    def update_jwt_payload(self, handle: str, jwt_payload: JsonObject) -> None:
        self._update(handle, jwt_payload=user_data.encode_object(jwt_payload, "jwt_payload"))

    def confirm_session(self, handle: str) -> None:
        self._update(handle, auth_time=self._clock())

    def _living(self, handle: str, now: int) -> TimestampedRecord | None:
        """Return the record of the session `handle` if it has not ended at `now`, by the configuration too."""
        found = self.store.get(handle, now)
        return None if found is None or self._lifetimes.has_ended(found.record, found.now) else found

    def _record(self, handle: str) -> SessionRecord:
        found = self._living(handle, self._clock()) if is_handle(handle) else None
        if found is None:
            raise self._successors.gone(handle)
        return found.record

    def _update(
        self,
        handle: str,
        *,
        jwt_payload: str | None = None,
        session_data: str | None = None,
        auth_time: int | None = None,
    ) -> None:
        self._record(handle)
        now = self._clock()
        if not self.store.update(handle, now, jwt_payload=jwt_payload, session_data=session_data, auth_time=auth_time):
            raise self._successors.gone(handle)

    def _told_of_revoked(self, handles: list[str], user_id: str | None) -> list[str]:
        for handle in handles:
            self.signals.send(Event(kind="revoked", handle=handle, user_id=user_id))
        return handles
