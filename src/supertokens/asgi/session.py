# SPDX-License-Identifier: Apache-2.0
"""The session object of asynchronous views."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from supertokens import transport
from supertokens.asgi.requests import AsgiRequest
from supertokens.engine.user_data import JsonObject
from supertokens.transport import NewSessionData

__all__ = ["Session"]

P = ParamSpec("P")
T = TypeVar("T")


class Session:
    """A verified session in the course of one request.

    What is known at once is a plain method. What may ask the store, or the core, is awaited, and done in a thread; it
    may raise SuperTokensGeneralError, and SuperTokensUnauthorisedError where the session has ended meanwhile, which
    clears the cookies. Changes that the browser has to see go onto the response of the request.
    """

    __slots__ = ("_request", "_session")

    def __init__(self, request: AsgiRequest, session: transport.Session) -> None:
        self._request = request
        self._session = session

    def __repr__(self) -> str:
        return repr(self._session)

    def get_user_id(self) -> str:
        """Return the user's id."""
        return self._session.get_user_id()

    def get_handle(self) -> str:
        """Return the session's name, which is no secret."""
        return self._session.get_handle()

    get_session_handle = get_handle

    def get_access_token(self) -> str:
        """Return the newest access token of this request."""
        return self._session.get_access_token()

    def get_jwt_payload(self) -> JsonObject:
        """Return what the access token carries for the application.

        It is a copy of this object's own: changing it changes nothing until `update_jwt_payload`.
        """
        return self._session.get_jwt_payload()

    async def update_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload, in the store and in the browser's access token.

        A browser without a library is not sent an access token in the last moments of its life (three grace periods,
        30 s by default): it then sees the new payload after its next refresh.

        Raise TypeError or ValueError for what JSON cannot express or a cookie cannot carry, and RuntimeError, with
        nothing changed, once the response's headers have been sent.
        """
        await self._run(self._session.update_jwt_payload, new_jwt_payload)

    async def get_session_data(self) -> JsonObject:
        """Return what the application keeps of this session on the server."""
        return await self._run(self._session.get_session_data)

    async def update_session_data(self, new_session_data: NewSessionData) -> None:
        """Replace it; by a function, which takes the data of now, so that nothing that others write is lost.

        The function is called in a thread, and may be called more than once; it returns the new data, or changes the
        object that it is given. Raise TypeError or ValueError for what JSON cannot express or exceeds the limit, and
        SuperTokensGeneralError for a function where the core cannot do that.
        """
        await self._run(self._session.update_session_data, new_session_data)

    async def revoke_session(self) -> None:
        """End the session, everywhere, and clear this browser's cookies.

        A browser that logs out is logged out, also where another request has ended the session before.
        """
        await self._run(self._session.revoke_session)

    async def renew(self) -> None:
        """Give the session a new handle and new tokens, as after a change of privilege; payload and data stay.

        The old refresh tokens are good for nothing any more; old access tokens live out their minutes, unless
        `access_token_blacklisting` is on. Raise RuntimeError, with nothing changed, for a session that is not the
        request's, and once the response's headers have been sent.
        """
        await self._run(self._session.renew)

    async def confirm(self) -> None:
        """Note that the user has just shown who they are, by a password or a second factor, for `require_fresh`."""
        await self._run(self._session.confirm)

    async def require_fresh(self, seconds: float) -> None:
        """Raise SuperTokensNotFreshError unless the user has shown who they are in the last `seconds`.

        That is the log-in, or `confirm`.
        """
        await self._run(self._session.require_fresh, seconds)

    async def revoke_other_sessions(self) -> list[str]:
        """End all sessions of the user but this one, as after a change of password; return their handles.

        Those that begin meanwhile stay. Access tokens of the ended ones live out their minutes, unless
        `access_token_blacklisting` is on.
        """
        return await self._run(self._session.revoke_other_sessions)

    async def _run(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._request.asked()
        return await self._request.in_thread(partial(method, *args, **kwargs))
