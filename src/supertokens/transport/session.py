# SPDX-License-Identifier: Apache-2.0
"""The session object that a view works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from supertokens.core.everybody import revoke_others
from supertokens.engine.session import IssuedSession, VerifiedSession
from supertokens.engine.user_data import JsonObject, copied
from supertokens.errors import SuperTokensNotFreshError
from supertokens.transport.request_session import RequestSession, Standing

__all__ = ["NewSessionData", "Session", "known_session"]

_CLOCKS_DIFFER_MS: Final = 60_000

NewSessionData = dict[str, Any] | Callable[[JsonObject], dict[str, Any] | None] | None
"""Session data, or a function that makes it from the stored data."""


class Session(msgspec.Struct, eq=False, weakref=True):
    """A verified session in the course of one request.

    Changes that the browser must see go to the response that the session was obtained with, if any, and to the response
    to the request. Methods that use the core may raise SuperTokensGeneralError, and SuperTokensUnauthorisedError if the
    session has ended meanwhile; the latter clears the cookies.
    """

    _request_session: RequestSession
    _shown: VerifiedSession | IssuedSession  # other objects may share it, so it is never changed
    _shown_token: str
    _own_payload: JsonObject | None = None
    _own_payload_of: VerifiedSession | IssuedSession | None = None

    def __repr__(self) -> str:
        return f"Session({self._shown.handle!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("handle", self._shown.handle)]

    def get_user_id(self) -> str:
        """Return the user's id. No I/O."""
        return self._shown.user_id

    def get_handle(self) -> str:
        """Return the session's id, which is not secret. No I/O."""
        return self._shown.handle

    get_session_handle = get_handle

    def get_access_token(self) -> str:
        """Return the newest access token of this request. No I/O."""
        self._look_again()
        return self._shown_token

    def get_jwt_payload(self) -> JsonObject:
        """Return the application's payload in the access token. No I/O.

        It is a copy of this object's own: changing it has no effect until `update_jwt_payload`.
        """
        self._look_again()
        if self._own_payload is None or self._own_payload_of is not self._shown:
            self._own_payload, self._own_payload_of = copied(self._shown.jwt_payload), self._shown
        return self._own_payload

    def update_jwt_payload(self, new_jwt_payload: dict[str, Any] | None) -> None:
        """Replace the payload with `new_jwt_payload`, in the store and in the browser's access token.

        A browser without a library gets no access token in the last moments of its lifetime (three grace periods, 30 s
        by default): it then sees the new payload after its next refresh. Raise TypeError or ValueError for what JSON
        cannot express or a cookie cannot carry, and RuntimeError, with nothing changed, once the response's headers
        have been sent.
        """
        owner = self._request_session
        owner.require_headers()
        payload = owner.edge.limits.jwt_payload(new_jwt_payload, self._shown.user_id)
        token_text, verified = self.get_access_token(), None
        with owner.told_of_failure(counts=self._counts()):
            if token_text:
                verified = owner.edge.core.regenerate(token_text, payload)
            else:  # the record alone serves this request, and the browser sees the payload when it renews
                owner.edge.core.update_jwt_payload(self._shown.handle, payload)
        token = None if verified is None else verified.new_access_token
        if verified is None or token is None:
            self._replace_payload(payload)
            return
        if self._counts():
            owner.take_reissued(verified, token, told=True)
        self._shown, self._shown_token = verified, token.text

    def _replace_payload(self, payload: JsonObject) -> None:
        verified = VerifiedSession(handle=self._shown.handle, user_id=self._shown.user_id, jwt_payload=payload)
        if self._counts():
            self._request_session.answer = verified
        self._shown = verified

    def get_session_data(self) -> JsonObject:
        """Return the data that the application keeps with this session on the server."""
        with self._request_session.told_of_failure(counts=self._counts()):
            return self._request_session.edge.core.session_data(self._shown.handle)

    def update_session_data(self, new_session_data: NewSessionData) -> None:
        """Replace the data with `new_session_data`, or apply a function to it, so that no concurrent change is lost.

        The function gets the current data, and may be called more than once. It returns the new data, or changes its
        argument in place. Raise TypeError or ValueError for what JSON cannot express or exceeds the limit, and
        SuperTokensGeneralError for a function if the core does not support that.
        """
        with self._request_session.told_of_failure(counts=self._counts()):
            self._request_session.edge.update_session_data(self._shown.handle, new_session_data)

    def revoke_session(self) -> None:
        """Revoke the session, and clear this browser's cookies.

        They are cleared even if another request has ended the session before.
        """
        owner = self._request_session
        with owner.told_of_failure(counts=self._counts()):
            owner.edge.core.revoke_sessions([self._shown.handle])
        if self._counts():
            owner.warn_if_headers_left()
            owner.end()

    def renew(self) -> None:
        """Give the session a new handle and new tokens, as after a change of privilege; payload and data stay.

        The old refresh tokens are void; old access tokens remain valid until they expire, unless
        `access_token_blacklisting` is on. Raise RuntimeError, with nothing changed, for a session that is not the
        request's, and once the response's headers have been sent.
        """
        owner = self._request_session
        owner.require_headers()
        if not self._counts():
            raise RuntimeError("only the session of the request can be renewed: the response carries its tokens")
        edge = owner.edge
        with owner.told_of_failure():
            issued = edge.core.renew_session(
                self._shown.handle,
                anti_csrf=edge.checks_value and not owner.header_mode,
                noted=edge.noted(owner.request),
            )
        owner.begin(issued, Standing.BEGUN)
        self._shown, self._shown_token = issued, issued.access_token.text

    def confirm(self) -> None:
        """Record, for `require_fresh`, that the user has just confirmed their identity by password or second factor."""
        with self._request_session.told_of_failure(counts=self._counts()):
            self._request_session.edge.core.confirm_session(self._shown.handle)

    def require_fresh(self, seconds: float) -> None:
        """Raise SuperTokensNotFreshError unless the user has confirmed their identity in the last `seconds`.

        The login and `confirm` count.
        """
        owner = self._request_session
        with owner.told_of_failure(counts=self._counts()):
            known = owner.edge.core.session(self._shown.handle)
            age = owner.edge.clock() - (known.created_at if known.auth_time is None else known.auth_time)
            # Hosts' clocks may differ; a time that is further ahead is meaningless.
            if not -_CLOCKS_DIFFER_MS <= age < seconds * 1000:
                raise SuperTokensNotFreshError

    def revoke_other_sessions(self) -> list[str]:
        """Revoke all sessions of the user but this one, as after a change of password; return their handles.

        Sessions that begin in the meantime are not revoked. Access tokens of the revoked ones remain valid until they
        expire, unless `access_token_blacklisting` is on.
        """
        owner = self._request_session
        with owner.told_of_failure(counts=self._counts()):
            return revoke_others(owner.edge.core, self._shown.user_id, self._shown.handle)

    def _counts(self) -> bool:
        """Return whether this is still the session of the request, and not one that another has replaced."""
        answer = self._request_session.answer
        return answer is not None and answer.handle == self._shown.handle

    def _look_again(self) -> None:
        """Adopt what another object for the same session in this request has changed meanwhile."""
        answer = self._request_session.answer
        if answer is not None and answer is not self._shown and answer.handle == self._shown.handle:
            self._shown, self._shown_token = answer, self._request_session.access_token


def known_session(owner: RequestSession) -> Session | None:
    """Return the session that the request of `owner` has verified or created, or None."""
    if owner.answer is None or owner.standing is Standing.UNASKED:
        return None
    return Session(owner, owner.answer, owner.access_token)
