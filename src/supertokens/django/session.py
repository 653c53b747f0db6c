# SPDX-License-Identifier: Apache-2.0
"""The session object of views, `request.supertokens`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

import msgspec
from django.http import HttpRequest
from django.utils.asyncio import async_unsafe

from supertokens.django.requests import AnyRequest, DjangoRequest
from supertokens.engine.user_data import JsonObject
from supertokens.transport import NewSessionData
from supertokens.transport import Session as TransportSession

__all__ = ["ProtectedRequest", "Session", "SessionRequest", "current_session", "on_the_loop"]

P = ParamSpec("P")
T = TypeVar("T")

_ON_THE_LOOP = "This would block the event loop: await the function of the same name with the prefix 'a'."

on_the_loop = async_unsafe(_ON_THE_LOOP)
"""Raise SynchronousOnlyOperation, as Django does, if a function that may block is called on an event loop."""


class Session(msgspec.Struct, eq=False, weakref=True):
    """A verified session during one request.

    Methods that may use the store, or the core, have an asynchronous counterpart, whose name begins with `a`; they may
    raise SuperTokensGeneralError, and SuperTokensUnauthorisedError if the session has ended meanwhile, which clears the
    cookies. Changes for the browser are added to the response to the request.
    """

    _request: DjangoRequest
    _session: TransportSession

    def __repr__(self) -> str:
        return repr(self._session)

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return self._session.__rich_repr__()

    def get_user_id(self) -> str:
        """Return the user's id."""
        return self._session._shown.user_id  # not by its method: views ask often

    def get_handle(self) -> str:
        """Return the session's handle, which is not secret."""
        return self._session._shown.handle

    get_session_handle = get_handle

    def get_access_token(self) -> str:
        """Return the newest access token of this request."""
        return self._session.get_access_token()

    def get_jwt_payload(self) -> JsonObject:
        """Return the application's payload in the access token.

        It is a copy: changing it has no effect until it is passed to `update_jwt_payload`.
        """
        return self._session.get_jwt_payload()

    @on_the_loop
    def update_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload with `new_jwt_payload`, in the store and in the browser's access token.

        A browser without a library does not get a new access token shortly before the old one expires (three grace
        periods, 30 s by default): it then gets the new payload with its next refresh. Raise TypeError or ValueError for
        a payload that JSON cannot express or a cookie cannot carry, and RuntimeError, with nothing changed, once the
        response's headers have been sent.
        """
        self._session.update_jwt_payload(new_jwt_payload)

    @on_the_loop
    def get_session_data(self) -> JsonObject:
        """Return the data that the application stores with this session on the server."""
        return self._session.get_session_data()

    @on_the_loop
    def update_session_data(self, new_session_data: NewSessionData) -> None:
        """Replace the data with `new_session_data`; with a function, no change that others make meanwhile is lost.

        The function gets the current data, and may be called more than once. It returns the new data, or changes the
        object that it gets. Raise TypeError or ValueError for data that JSON cannot express or that exceeds the limit.
        """
        self._session.update_session_data(new_session_data)

    @on_the_loop
    def revoke_session(self) -> None:
        """Revoke the session, and clear this browser's cookies, even if another request has ended it before."""
        self._session.revoke_session()

    @on_the_loop
    def renew(self) -> None:
        """Give the session a new handle and new tokens, as after a change of privilege; payload and data stay."""
        self._session.renew()

    @on_the_loop
    def confirm(self) -> None:
        """Record, for `require_fresh`, that the user has just entered a password or a second factor."""
        self._session.confirm()

    @on_the_loop
    def require_fresh(self, seconds: float) -> None:
        """Raise SuperTokensNotFreshError unless the user has proved who they are in the last `seconds`."""
        self._session.require_fresh(seconds)

    @on_the_loop
    def revoke_other_sessions(self) -> list[str]:
        """Revoke all other sessions of the user, as after a change of password; return their handles."""
        return self._session.revoke_other_sessions()

    async def aupdate_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload with `new_jwt_payload`: see `update_jwt_payload`."""
        await self._run(self._session.update_jwt_payload, new_jwt_payload)

    async def aget_session_data(self) -> JsonObject:
        """Return the data that the application stores with this session on the server."""
        return await self._run(self._session.get_session_data)

    async def aupdate_session_data(self, new_session_data: NewSessionData) -> None:
        """Replace the data with `new_session_data`, which, if it is a function, is called in a thread."""
        await self._run(self._session.update_session_data, new_session_data)

    async def arevoke_session(self) -> None:
        """Revoke the session, and clear this browser's cookies."""
        await self._run(self._session.revoke_session)

    async def arenew(self) -> None:
        """Give the session a new handle and new tokens; payload and data stay."""
        await self._run(self._session.renew)

    async def aconfirm(self) -> None:
        """Record that the user has just proved who they are."""
        await self._run(self._session.confirm)

    async def arequire_fresh(self, seconds: float) -> None:
        """Raise SuperTokensNotFreshError unless the user has proved who they are in the last `seconds`."""
        await self._run(self._session.require_fresh, seconds)

    async def arevoke_other_sessions(self) -> list[str]:
        """Revoke all other sessions of the user; return their handles."""
        return await self._run(self._session.revoke_other_sessions)

    async def _run(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._request.in_thread(partial(method, *args, **kwargs))


def current_session(request: AnyRequest) -> Session | None:
    """Return the session that was verified or created in `request`; None before that, and after its end.

    Nothing is looked up: `session_required` and `get_session` do that. It is also `request.supertokens`.
    """
    try:
        found: DjangoRequest = request._supertokens  # type: ignore[union-attr]
    except AttributeError:
        return None
    owner = found.owner
    answer = owner.answer
    if answer is None:
        return None
    known: Session | None = found.session
    if known is None or known.get_handle() != answer.handle:
        known = found.session = Session(found, TransportSession(owner, answer, owner.access_token))
    return known


class SessionRequest(HttpRequest):
    """A request type for annotations: `def page(request: SessionRequest)`. It is never instantiated."""

    supertokens: Session | None


class ProtectedRequest(SessionRequest):
    """A request type for annotations of views that `session_required` protects, which always have a session."""

    supertokens: Session


# A property, so that it shows at once which session a later verb created or ended; all requests are of this class.
HttpRequest.supertokens = property(current_session)  # type: ignore[attr-defined]
