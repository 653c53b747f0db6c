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
    """A verified session during one request.

    Methods without I/O are ordinary ones. Methods that may use the store, or the core, are awaited, and run in a
    thread; they may raise SuperTokensGeneralError, and SuperTokensUnauthorisedError if the session has ended meanwhile,
    which clears the cookies. Changes for the browser are added to the response to the request.
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
        """Return the session's handle, which is not secret."""
        return self._session.get_handle()

    get_session_handle = get_handle

    def get_access_token(self) -> str:
        """Return the newest access token of this request."""
        return self._session.get_access_token()

    def get_jwt_payload(self) -> JsonObject:
        """Return the application's payload in the access token.

        It is a copy: changing it has no effect until it is passed to `update_jwt_payload`.
        """
        return self._session.get_jwt_payload()

    async def update_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload, in the store and in the browser's access token.

        A browser without a library does not get a new access token shortly before the old one expires (three grace
        periods, 30 s by default): it then gets the new payload with its next refresh.

        Raise TypeError or ValueError for a payload that JSON cannot express or a cookie cannot carry, and RuntimeError,
        with nothing changed, once the response's headers have been sent.
        """
        await self._run(self._session.update_jwt_payload, new_jwt_payload)

    async def get_session_data(self) -> JsonObject:
        """Return the data that the application stores with this session on the server."""
        return await self._run(self._session.get_session_data)

    async def update_session_data(self, new_session_data: NewSessionData) -> None:
        """Replace the data; with a function of the current data, no change that others make meanwhile is lost.

        The function is called in a thread, and may be called more than once; it returns the new data, or changes the
        object that it gets. Raise TypeError or ValueError for data that JSON cannot express or that exceeds the limit,
        and SuperTokensGeneralError for a function if the core does not support that.
        """
        await self._run(self._session.update_session_data, new_session_data)

    async def revoke_session(self) -> None:
        """Revoke the session, and clear this browser's cookies.

        The cookies are cleared even if another request has ended the session before.
        """
        await self._run(self._session.revoke_session)

    async def renew(self) -> None:
        """Give the session a new handle and new tokens, as after a change of privilege; payload and data stay.

        The old refresh tokens are no longer accepted; old access tokens remain valid until they expire, unless
        `access_token_blacklisting` is on. Raise RuntimeError, with nothing changed, for a session that does not belong
        to the request, and once the response's headers have been sent.
        """
        await self._run(self._session.renew)

    async def confirm(self) -> None:
        """Record, for `require_fresh`, that the user has just entered a password or a second factor."""
        await self._run(self._session.confirm)

    async def require_fresh(self, seconds: float) -> None:
        """Raise SuperTokensNotFreshError unless the user has proved who they are in the last `seconds`.

        The login counts, and so does `confirm`.
        """
        await self._run(self._session.require_fresh, seconds)

    async def revoke_other_sessions(self) -> list[str]:
        """Revoke all other sessions of the user, as after a change of password; return their handles.

        Sessions created meanwhile stay. Access tokens of the revoked ones remain valid until they expire, unless
        `access_token_blacklisting` is on.
        """
        return await self._run(self._session.revoke_other_sessions)

    async def _run(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self._request.asked()
        return await self._request.in_thread(partial(method, *args, **kwargs))
