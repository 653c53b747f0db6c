# SPDX-License-Identifier: Apache-2.0
"""The verbs for sessions by handle or by user: they need no token, and no request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from supertokens.core.export import exported_sessions
from supertokens.engine.session import SessionCursor
from supertokens.errors import SuperTokensError
from supertokens.transport import verbs
from supertokens.transport.edge import SessionEdge
from supertokens.transport.request_session import RequestSession
from supertokens.transport.session import NewSessionData
from supertokens.transport.user_sessions import UserSession, user_sessions

__all__ = ["StoredSessions"]


class StoredSessions:
    """The sessions of one application, as they are stored.

    `current`: returns the `RequestSession` of the request that a verb is called in, its `request` set, or None outside
    of requests. Every verb may raise SuperTokensGeneralError.
    """

    def __init__(self, edge: SessionEdge, current: Callable[[], RequestSession | None]) -> None:
        self._edge = edge
        self._current = current

    def revoke_session(self, session_handle: str) -> bool:
        """Revoke one session; return False if it did not exist. If it is the request's own, its cookies are cleared."""
        return bool(self.revoke_multiple_sessions([session_handle]))

    def revoke_multiple_sessions(self, session_handles: Sequence[str]) -> list[str]:
        """Revoke sessions; return the handles of those that existed."""
        with self._raising() as edge:
            removed = edge.core.revoke_sessions(session_handles)
        self._note(session_handles)  # even if another request was faster: a browser that logs out is logged out
        return removed

    def revoke_all_sessions_for_user(self, user_id: str) -> list[str]:
        """Revoke all sessions of a user; return their handles. If the request's own is one, its cookies are cleared."""
        with self._raising() as edge:
            removed = edge.core.revoke_user(user_id)
        self._note(removed)
        return removed

    def get_all_session_handles_for_user(self, user_id: str) -> list[str]:
        """Return the handles of a user's sessions, oldest first."""
        with self._raising() as edge:
            return edge.core.session_handles(user_id)

    def list_sessions(
        self, user_id: str, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[UserSession]:
        """Return a user's sessions for a "my devices" page, oldest first.

        `limit`: return at most that many; `after`: continue after the `cursor` of the last one of the previous page.
        """
        owner = self._current()
        answer = None if owner is None else owner.answer
        with self._raising() as edge:
            return user_sessions(
                edge.core, user_id, None if answer is None else answer.handle, after=after, limit=limit
            )

    def export_sessions(self, user_id: str) -> list[dict[str, Any]]:
        """Return everything that is stored about a user's sessions, in JSON-compatible form, as a copy for the user."""
        with self._raising() as edge:
            return list(exported_sessions(edge.core, user_id))

    def forget_clients(self, user_id: str) -> list[str]:
        """Erase User-Agent and address from a user's sessions; the user stays logged in.

        Return the handles of those that had either. `record_client` decides what later refreshes record.
        """
        with self._raising() as edge:
            return edge.core.forget_clients(user_id)

    def get_session_data(self, session_handle: str) -> dict[str, Any]:
        """Return the data that the application keeps on the server. Raise SuperTokensUnauthorisedError."""
        with self._raising() as edge:
            return edge.core.session_data(session_handle)

    def update_session_data(self, session_handle: str, new_session_data: NewSessionData) -> None:
        """Replace the data, or apply a function to the current data, so that no concurrent change is lost.

        Raise SuperTokensUnauthorisedError, TypeError, ValueError.
        """
        with self._raising() as edge:
            edge.update_session_data(session_handle, new_session_data)

    def get_jwt_payload(self, session_handle: str) -> dict[str, Any]:
        """Return the stored payload. Raise SuperTokensUnauthorisedError."""
        with self._raising() as edge:
            return edge.jwt_payload(session_handle)

    def update_jwt_payload(self, session_handle: str, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload in the store, for access tokens renewed from now on. Raise like `update_session_data`."""
        with self._raising() as edge:
            edge.update_jwt_payload(session_handle, new_jwt_payload)

    @contextmanager
    def _raising(self) -> Iterator[SessionEdge]:
        """Pass the edge to a verb, and raise errors as the framework expects them."""
        try:
            yield self._edge
        except SuperTokensError as error:
            raised = self._edge.as_raised(error)
            raise raised.with_traceback(error.__traceback__) from error.__cause__

    def _note(self, handles: Sequence[str]) -> None:
        owner = self._current()
        if owner is not None:
            verbs.note_revoked(owner, handles)
