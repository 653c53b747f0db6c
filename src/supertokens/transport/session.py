# SPDX-License-Identifier: Apache-2.0
"""The session object that a view works with (protocol-1, E.3)."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from supertokens.engine.session import IssuedSession, VerifiedSession
from supertokens.engine.user_data import JsonObject, copied

__all__ = ["Session", "SessionVerbs"]


class SessionVerbs(Protocol):
    """What a session needs of the request that it belongs to."""

    def regenerate(self, access_token: str, user_id: str, jwt_payload: object) -> VerifiedSession: ...

    def session_data(self, handle: str) -> JsonObject: ...

    def update_session_data(self, handle: str, session_data: object) -> None: ...

    def revoke(self, handle: str) -> None: ...


class Session(msgspec.Struct, eq=False, weakref=True):
    """A verified session in the course of one request.

    Changes that the browser has to see go onto the response that the session was got with or, where that was None,
    onto the response of the request. Methods that reach the core may raise SuperTokensGeneralError, and
    SuperTokensUnauthorisedError where the session has ended meanwhile; the latter clears the cookies.
    """

    _exchange: SessionVerbs
    _answer: VerifiedSession | IssuedSession  # others may have been given the same, so that it is never changed
    _access_token: str
    _own_payload: JsonObject | None = None

    def __repr__(self) -> str:
        return f"Session({self._answer.handle!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("handle", self._answer.handle)]

    def get_user_id(self) -> str:
        """No I/O."""
        return self._answer.user_id

    def get_handle(self) -> str:
        """The session's name: not a secret. No I/O."""
        return self._answer.handle

    get_session_handle = get_handle

    def get_access_token(self) -> str:
        """The newest access token of this request. No I/O."""
        return self._access_token

    def get_jwt_payload(self) -> JsonObject:
        """What the access token carries for the application. No I/O.

        A copy of this session's own: changing it changes nothing until `update_jwt_payload`.
        """
        if self._own_payload is None:
            self._own_payload = copied(self._answer.jwt_payload)
        return self._own_payload

    def update_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload, in the store and in the browser's access token.

        Raises TypeError or ValueError for what JSON cannot express or a cookie cannot carry.
        """
        verified = self._exchange.regenerate(self._access_token, self._answer.user_id, new_jwt_payload)
        self._answer = verified
        self._own_payload = None
        if verified.new_access_token is not None:
            self._access_token = verified.new_access_token.text

    def get_session_data(self) -> JsonObject:
        """What the application keeps of this session on the server."""
        return self._exchange.session_data(self._answer.handle)

    def update_session_data(self, new_session_data: dict[str, Any] | None) -> None:
        """Replace it. Raises TypeError or ValueError for what JSON cannot express or exceeds the limit."""
        self._exchange.update_session_data(self._answer.handle, new_session_data)

    def revoke_session(self) -> None:
        """End the session, everywhere, and clear this browser's cookies."""
        self._exchange.revoke(self._answer.handle)
