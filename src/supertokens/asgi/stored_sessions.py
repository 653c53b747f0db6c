# SPDX-License-Identifier: Apache-2.0
"""The verbs that name a session by its handle, or a user, as methods of the extension."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar

from supertokens.asgi.wrapper import Sessions
from supertokens.engine.session import SessionCursor
from supertokens.transport import NewSessionData, UserSession

__all__ = ["SessionsByName"]

P = ParamSpec("P")
T = TypeVar("T")


class SessionsByName:
    """What an extension can do with sessions that are named. Every verb may raise SuperTokensGeneralError."""

    _sessions: Sessions

    async def revoke_session(self, session_handle: str) -> bool:
        """Revoke one session; return False if there was none. If it is the request's own, its cookies are cleared."""
        return await self._run(self._sessions.stored.revoke_session, session_handle)

    async def revoke_multiple_sessions(self, session_handles: Sequence[str]) -> list[str]:
        """Revoke sessions; return the handles of those that existed."""
        return await self._run(self._sessions.stored.revoke_multiple_sessions, session_handles)

    async def revoke_all_sessions_for_user(self, user_id: str) -> list[str]:
        """Revoke all sessions of a user; return their handles. If one is the request's, clear its cookies."""
        return await self._run(self._sessions.stored.revoke_all_sessions_for_user, user_id)

    async def get_all_session_handles_for_user(self, user_id: str) -> list[str]:
        """Return the handles of a user's sessions, oldest first."""
        return await self._run(self._sessions.stored.get_all_session_handles_for_user, user_id)

    async def list_sessions(
        self, user_id: str, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[UserSession]:
        """Return a user's sessions as a page of "my devices" shows them, oldest first.

        `limit`: the greatest number of sessions; `after`: the `cursor` of the last session of the previous page.
        """
        return await self._run(self._sessions.stored.list_sessions, user_id, after=after, limit=limit)

    async def export_sessions(self, user_id: str) -> list[dict[str, Any]]:
        """Return everything stored about a user's sessions, as JSON-compatible objects, for a copy for the user."""
        return await self._run(self._sessions.stored.export_sessions, user_id)

    async def forget_clients(self, user_id: str) -> list[str]:
        """Erase User-Agent and address in a user's sessions; the user stays logged in.

        Return the handles of the sessions that had either. `record_client` decides what later refreshes record.
        """
        return await self._run(self._sessions.stored.forget_clients, user_id)

    async def get_session_data(self, session_handle: str) -> dict[str, Any]:
        """Return the data stored with a session on the server. Raise SuperTokensUnauthorisedError."""
        return await self._run(self._sessions.stored.get_session_data, session_handle)

    async def update_session_data(self, session_handle: str, new_session_data: NewSessionData) -> None:
        """Replace the data; with a function of the current data, no change that others make meanwhile is lost.

        The function is called in a thread. Raise SuperTokensUnauthorisedError, TypeError, ValueError.
        """
        await self._run(self._sessions.stored.update_session_data, session_handle, new_session_data)

    async def get_jwt_payload(self, session_handle: str) -> dict[str, Any]:
        """Return the payload as it is stored. Raise SuperTokensUnauthorisedError."""
        return await self._run(self._sessions.stored.get_jwt_payload, session_handle)

    async def update_jwt_payload(self, session_handle: str, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload in the store, for access tokens renewed later. Raise as `update_session_data` does."""
        await self._run(self._sessions.stored.update_jwt_payload, session_handle, new_jwt_payload)

    async def close(self) -> None:
        """Close the store and the threads, as the end of the server's lifespan does. A later call opens them again."""
        await self._sessions.close()

    async def _run(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = partial(verb, *args, **kwargs)
        request = self._sessions.current()
        return await (self._sessions.threads.run(call) if request is None else request.in_thread(call))
