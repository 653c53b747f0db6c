# SPDX-License-Identifier: Apache-2.0
"""The session object of views, `request.supertokens`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.http import HttpRequest
from django.utils.asyncio import async_unsafe

from supertokens import transport
from supertokens.django.requests import AnyRequest, DjangoRequest
from supertokens.engine.user_data import JsonObject
from supertokens.transport import NewSessionData, Standing

__all__ = ["ProtectedRequest", "Session", "SessionRequest", "current_session", "on_the_loop"]

P = ParamSpec("P")
T = TypeVar("T")

_ON_THE_LOOP = "This would wait on the event loop: await the twin of this function whose name begins with an 'a'."

on_the_loop = async_unsafe(_ON_THE_LOOP)
"""Raise SynchronousOnlyOperation, as Django does, where a function that may wait is called on an event loop."""


class Session:
    """A verified session in the course of one request.

    What may ask the store, or the core, has a twin for asynchronous views, whose name begins with an `a`; it may raise
    SuperTokensGeneralError, and SuperTokensUnauthorisedError where the session has ended meanwhile, which clears the
    cookies. Changes that the browser has to see go onto the response of the request.
    """

    __slots__ = ("__weakref__", "_request", "_session")

    def __init__(self, request: DjangoRequest, session: transport.Session) -> None:
        self._request = request
        self._session = session

    def __repr__(self) -> str:
        return repr(self._session)

    def get_user_id(self) -> str:
        """Return the user's id."""
        return self._session.get_user_id()

    def get_handle(self) -> str:
        """Return the session's name, which is not secret."""
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

    @on_the_loop
    def update_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload by `new_jwt_payload`, in the store and in the browser's access token.

        A browser without a library is not sent an access token in the last moments of its life (three grace periods,
        30 s by default): it then sees the new payload after its next refresh. Raise TypeError or ValueError for what
        JSON cannot express or a cookie cannot carry, and RuntimeError, with nothing changed, once the response's
        headers have been sent.
        """
        self._session.update_jwt_payload(new_jwt_payload)

    @on_the_loop
    def get_session_data(self) -> JsonObject:
        """Return what the application keeps of this session on the server."""
        return self._session.get_session_data()

    @on_the_loop
    def update_session_data(self, new_session_data: NewSessionData) -> None:
        """Replace the data by `new_session_data`; with a function, no change that others make meanwhile is lost.

        The function gets the current data, and may be called more than once. It returns the new data, or changes the
        object that it is given. Raise TypeError or ValueError for what JSON cannot express or exceeds the limit.
        """
        self._session.update_session_data(new_session_data)

    @on_the_loop
    def revoke_session(self) -> None:
        """Revoke the session, and clear this browser's cookies, also if another request has ended it before."""
        self._session.revoke_session()

    @on_the_loop
    def renew(self) -> None:
        """Give the session a new handle and new tokens, as after a change of privilege; payload and data stay."""
        self._session.renew()

    @on_the_loop
    def confirm(self) -> None:
        """Note that the user has just proved who they are, by a password or a second factor, for `require_fresh`."""
        self._session.confirm()

    @on_the_loop
    def require_fresh(self, seconds: float) -> None:
        """Raise SuperTokensNotFreshError unless the user has proved who they are in the last `seconds`."""
        self._session.require_fresh(seconds)

    @on_the_loop
    def revoke_other_sessions(self) -> list[str]:
        """Revoke all sessions of the user but this one, as after a change of password; return their handles."""
        return self._session.revoke_other_sessions()

    async def aupdate_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload by `new_jwt_payload`: see `update_jwt_payload`."""
        await self._run(self._session.update_jwt_payload, new_jwt_payload)

    async def aget_session_data(self) -> JsonObject:
        """Return what the application keeps of this session on the server."""
        return await self._run(self._session.get_session_data)

    async def aupdate_session_data(self, new_session_data: NewSessionData) -> None:
        """Replace the data by `new_session_data`, which, if it is a function, is called in a thread."""
        await self._run(self._session.update_session_data, new_session_data)

    async def arevoke_session(self) -> None:
        """Revoke the session, and clear this browser's cookies."""
        await self._run(self._session.revoke_session)

    async def arenew(self) -> None:
        """Give the session a new handle and new tokens; payload and data stay."""
        await self._run(self._session.renew)

    async def aconfirm(self) -> None:
        """Note that the user has just proved who they are."""
        await self._run(self._session.confirm)

    async def arequire_fresh(self, seconds: float) -> None:
        """Raise SuperTokensNotFreshError unless the user has proved who they are in the last `seconds`."""
        await self._run(self._session.require_fresh, seconds)

    async def arevoke_other_sessions(self) -> list[str]:
        """Revoke all sessions of the user but this one; return their handles."""
        return await self._run(self._session.revoke_other_sessions)

    async def _run(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._request.in_thread(partial(method, *args, **kwargs))


def current_session(request: AnyRequest) -> Session | None:
    """Return the session that `request` has been found to have, or has begun; None before that, and after its end.

    It looks nothing up: that is done by `session_required` and `get_session`. It is also `request.supertokens`.
    """
    found: DjangoRequest | None = getattr(request, "_supertokens", None)
    if found is None:
        return None
    owner = found.owner
    known: Session | None = found.session
    answer = owner.answer
    if answer is None or owner.standing is Standing.UNASKED:
        return None
    if known is None or known.get_handle() != answer.handle:
        known = found.session = Session(found, transport.Session(owner, answer, owner.access_token))
    return known


class SessionRequest(HttpRequest):
    """A request as annotation: `def page(request: SessionRequest)`. No request is made of this class."""

    supertokens: Session | None


class ProtectedRequest(SessionRequest):
    """A request as annotation of a view that `session_required` protects, where there is a session."""

    supertokens: Session


# A property, so that what a later verb has begun or ended is seen at once; every request is of this class.
HttpRequest.supertokens = property(current_session)  # type: ignore[attr-defined]
