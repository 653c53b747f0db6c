# SPDX-License-Identifier: Apache-2.0
"""Converting a core's replies about sessions to the values that every core returns."""

from __future__ import annotations

from supertokens.engine.access_token import AccessToken
from supertokens.engine.refresh_token import id_refresh_value
from supertokens.engine.session import CookieLife, Credential, IssuedSession, VerifiedSession
from supertokens.errors import SuperTokensGeneralError, SuperTokensUnauthorisedError
from supertokens.remote.replies import Issued, ReplyToken, Verified

__all__ = ["another_session", "issued_session", "no_such_session", "verified_session"]


def _credential(token: ReplyToken) -> Credential:
    return Credential(token.token, token.created_time, token.expiry)


def issued_session(reply: Issued) -> IssuedSession:
    """Return the credentials in `reply`."""
    refresh_token = _credential(reply.refresh_token)
    id_refresh = id_refresh_value(refresh_token.text)
    return IssuedSession(
        handle=reply.session.handle,
        user_id=reply.session.user_id,
        jwt_payload=reply.session.user_data_in_jwt,
        access_token=_credential(reply.access_token),
        refresh_token=refresh_token,
        id_refresh_token=Credential(id_refresh, refresh_token.created_at, refresh_token.expires_at),
        anti_csrf_token=reply.anti_csrf_token,
        remember=reply.remember is not False,
        revoked=tuple(reply.session_handles_revoked or ()),
    )


def verified_session(reply: Verified, shown: AccessToken) -> VerifiedSession:
    """Return the session in `reply` about the token `shown`. Raise SuperTokensGeneralError if it is another's."""
    if reply.session.handle != shown.handle:
        raise another_session()
    new = None if reply.access_token is None else _credential(reply.access_token)
    return VerifiedSession(
        handle=reply.session.handle,
        user_id=reply.session.user_id,
        jwt_payload=reply.session.user_data_in_jwt,
        new_access_token=new,
        cookie_life=None if reply.cookies_until is None else CookieLife(reply.cookies_until, reply.remember),
    )


def another_session() -> SuperTokensGeneralError:
    """Return the error for a reply about another session than the one that was asked about."""
    return SuperTokensGeneralError("the core's response is invalid: it is about another session")


def no_such_session() -> SuperTokensUnauthorisedError:
    """Return the error for a session that does not exist."""
    return SuperTokensUnauthorisedError("Session does not exist.", reason="ended")
