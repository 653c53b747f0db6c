# SPDX-License-Identifier: Apache-2.0
"""Sessions of a core service, by handle or by user: everything that can be done with them without a token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from supertokens.core.protocol import StoredData
from supertokens.core.signals import Event, Signals
from supertokens.engine.session import ListedSession, SessionCursor, SessionInformation, can_be_user_id, is_handle
from supertokens.engine.user_data import JsonObject
from supertokens.errors import SuperTokensGeneralError
from supertokens.remote import replies
from supertokens.remote.client import CoreClient
from supertokens.remote.listing import asked_about_each, page_by_page
from supertokens.remote.payloads import encoded, encoded_payload
from supertokens.remote.replies import FoundSession
from supertokens.remote.sessions import another_session, no_such_session

__all__ = ["RemoteSessions"]


class RemoteSessions:
    """The verbs of a `Core` that take no token, as calls of a service."""

    signals: Signals
    _client: CoreClient
    _clock: Callable[[], int]

    def revoke_sessions(self, handles: Sequence[str]) -> list[str]:
        """Revoke the sessions `handles`; return the ones that existed.

        If the first answer was lost, the second says that there was nothing left to revoke.
        """
        if isinstance(handles, str):
            raise TypeError("handles must be a list of session handles, not one string")
        possible = [handle for handle in handles if is_handle(handle)]
        return self._remove({"sessionHandles": possible}) if possible else []

    def revoke_user(self, user_id: str) -> list[str]:
        return self._remove({"userId": user_id}) if can_be_user_id(user_id) else []

    def session_handles(self, user_id: str) -> list[str]:
        if not can_be_user_id(user_id):
            return []
        return replies.SESSIONS_OF_USER.of(
            self._client.get("/recipe/session/user", {"userId": user_id})
        ).session_handles

    def sessions(
        self, user_id: str, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        if not can_be_user_id(user_id):
            return []
        listed = page_by_page(self._client, user_id, after, limit)
        return asked_about_each(self.session_handles(user_id), self.session, after, limit) if listed is None else listed

    def forget_clients(self, user_id: str) -> list[str]:
        if not can_be_user_id(user_id):
            return []
        answer = self._client.send("POST", "/recipe/session/clients/forget", {"userId": user_id}, again=True)
        if answer.status == 404:
            raise SuperTokensGeneralError(
                "the core cannot forget the clients of sessions: it is the original core, or an older service"
            )
        return replies.SESSIONS_OF_USER.of(answer).session_handles

    def session(self, handle: str) -> SessionInformation:
        found = self._found(handle)
        return SessionInformation(
            handle=found.session_handle,
            user_id=found.user_id,
            jwt_payload=found.user_data_in_jwt,
            created_at=found.time_created,
            expires_at=found.expiry,
            remember=found.remember,
            auth_time=found.time_created if found.auth_time is None else found.auth_time,
        )

    def session_data(self, handle: str) -> JsonObject:
        return self._found(handle).user_data_in_database

    def update_session_data(self, handle: str, session_data: JsonObject) -> None:
        self._put("/recipe/session/data", handle, {"userDataInDatabase": encoded(session_data, "session_data")})

    def stored_session_data(self, handle: str) -> StoredData:
        if not is_handle(handle):
            raise no_such_session()
        answer = self._client.get("/recipe/session/data", {"sessionHandle": handle, "tellsMore": "true"})
        found = replies.DATA.of(answer)
        if found.version is None:
            raise SuperTokensGeneralError(
                "the core cannot change session data by a function: it is the original core, or an older service"
            )
        return StoredData(found.user_data_in_database, found.version)

    def swap_session_data(self, handle: str, version: str, session_data: JsonObject) -> bool:
        if not is_handle(handle):
            raise no_such_session()
        question = {
            "sessionHandle": handle,
            "userDataInDatabase": encoded(session_data, "session_data"),
            "ifVersion": version,
            "tellsMore": True,
        }
        # Not again where the answer was lost: the change would be made twice.
        answer = self._client.send("PUT", "/recipe/session/data", question, again=False)
        return not isinstance(replies.SWAPPED.of(answer), replies.Changed)

    def confirm_session(self, handle: str) -> None:
        if not is_handle(handle):
            raise no_such_session()
        answer = self._client.send(
            "POST", "/recipe/session/confirm", {"sessionHandle": handle, "tellsMore": True}, again=True
        )
        if answer.status == 404:
            raise SuperTokensGeneralError(
                "the core cannot record that a session was confirmed: it is the original core, or an older service"
            )
        replies.UPDATED.of(answer)

    def update_jwt_payload(self, handle: str, jwt_payload: JsonObject) -> None:
        self._put("/recipe/jwt/data", handle, {"userDataInJWT": encoded_payload(jwt_payload)})

    def _remove(self, whom: dict[str, object]) -> list[str]:
        answer = self._client.send("POST", "/recipe/session/remove", whom, again=True)
        removed = replies.REVOKED.of(answer).session_handles_revoked
        user_id = whom.get("userId")
        return self._told_of_revoked(removed, user_id if isinstance(user_id, str) else None)

    def _told_of_revoked(self, handles: list[str], user_id: str | None) -> list[str]:
        for handle in handles:
            self.signals.send(Event(kind="revoked", handle=handle, user_id=user_id))
        return handles

    def _found(self, handle: str) -> FoundSession:
        if not is_handle(handle):
            raise no_such_session()
        found = replies.FOUND.of(self._client.get("/recipe/session", {"sessionHandle": handle, "tellsMore": "true"}))
        if found.session_handle != handle:
            raise another_session()
        return found

    def _put(self, path: str, handle: str, fields: dict[str, object]) -> None:
        if not is_handle(handle):
            raise no_such_session()
        answer = self._client.send("PUT", path, {"sessionHandle": handle, "tellsMore": True, **fields}, again=True)
        replies.UPDATED.of(answer)
