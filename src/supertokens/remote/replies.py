# SPDX-License-Identifier: Apache-2.0
"""The possible replies of a core, as types; anything else is not a reply (docs/protocol/cdi5.md#endpoints)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Generic, TypeVar, Union

import msgspec
from msgspec import Meta, Struct

from supertokens.engine import user_data
from supertokens.engine.access_token import body_of
from supertokens.engine.value import Value
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.remote.connections import Answer

__all__ = [
    "CREATED", "DATA", "FOUND", "LISTED", "REFRESHED", "REGENERATED", "RENEWAL_TERMS", "RENEWED", "REVOKED",
    "SERVED", "SESSIONS_OF_USER", "STANDS", "SWAPPED", "UPDATED", "VERIFIED", "VERSIONS", "Changed", "FoundSession",
    "Issued", "NotServed", "ReplyToken", "Served", "Verified", "refused",
]  # fmt: skip

T = TypeVar("T")
Milliseconds = Annotated[int, Meta(ge=0, le=2**47)]
"""Up to the year 6429: what lies beyond 9999 is no date for a cookie."""

HeaderText = Annotated[str, Meta(pattern=r"\A[!-~]+\Z")]
"""Becomes a cookie or a header, of which it could otherwise begin another."""

JwtText = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/=_-]+(\.[A-Za-z0-9+/=_-]+){2}\Z")]
"""Three segments, of base64url (V5) or base64 (V2)."""

Payload = dict[str, Any]


class ReplySession(Value, frozen=True, rename="camel"):
    """A session, as replies about tokens describe it."""

    unshown = frozenset(("user_data_in_jwt",))

    handle: str
    user_id: str
    user_data_in_jwt: Payload = msgspec.field(name="userDataInJWT")


class ReplyToken(Value, frozen=True, rename="camel"):
    """A token for the client."""

    unshown = frozenset(("token",))

    token: HeaderText
    expiry: Milliseconds
    created_time: Milliseconds


class ReplyAccessToken(ReplyToken, frozen=True, rename="camel"):
    """An access token whose claims are reported to the client, too (V5)."""

    token: JwtText

    def __post_init__(self) -> None:
        try:
            claims = body_of(self.token)
            if claims is not None:
                user_data.decode_object(claims)
        except ValueError:
            raise ValueError("not an access token") from None


class Issued(Value, frozen=True, tag_field="status", tag="OK", rename="camel"):
    """create, refresh."""

    unshown = frozenset(("anti_csrf_token",))

    session: ReplySession
    access_token: ReplyAccessToken
    refresh_token: ReplyToken
    anti_csrf_token: HeaderText | None = None
    remember: bool | None = None
    """None from a core that does not know of it."""
    session_handles_revoked: list[str] | None = None
    """Those that it replaced, or that went for it; None from such a core."""


class Verified(Struct, tag_field="status", tag="OK", rename="camel"):
    """verify, regenerate."""

    session: ReplySession
    access_token: ReplyAccessToken | None = None
    cookies_until: Milliseconds | None = None
    remember: bool = True


class FoundSession(Value, frozen=True, tag_field="status", tag="OK", rename="camel"):
    """What is kept about a session."""

    unshown = frozenset(("user_data_in_database", "user_data_in_jwt"))

    session_handle: str
    user_id: str
    user_data_in_database: Payload
    user_data_in_jwt: Payload = msgspec.field(name="userDataInJWT")
    expiry: Milliseconds
    time_created: Milliseconds
    remember: bool = True
    auth_time: Milliseconds | None = None


class Data(Value, frozen=True, tag_field="status", tag="OK", rename="camel"):
    """The session data. `version`: None from a core that has none."""

    unshown = frozenset(("user_data_in_database",))

    user_data_in_database: Payload
    version: str | None = None


class Changed(Struct, tag_field="status", tag="CHANGED"):
    """The value to be replaced has been changed by another request."""


class Revoked(Struct, tag_field="status", tag="OK", rename="camel"):
    session_handles_revoked: list[str]


class SessionsOfUser(Struct, tag_field="status", tag="OK", rename="camel"):
    session_handles: list[str]


class ReplyListed(Struct, rename="camel"):
    handle: str
    time_created: Milliseconds
    time_refreshed: Milliseconds | None
    expiry: Milliseconds
    time_seen: Milliseconds | None = None
    remember: bool = True
    user_agent: str | None = None
    address: str | None = None


class Listed(Struct, tag_field="status", tag="OK"):
    """A page of the sessions of a user."""

    sessions: list[ReplyListed]


class Stands(Struct, tag_field="status", tag="OK"):
    """The position of an authentic refresh token in its session's rotation."""

    handle: str
    serial: Annotated[int, Meta(ge=0)]


class Served(Struct, tag_field="status", tag="OK", rename="camel"):
    """The session of a request that its record serves."""

    session: ReplySession


class NotServed(Struct, tag_field="status", tag="NOT_SERVED"):
    """The record does not serve it."""


class Terms(Struct, tag_field="status", tag="OK", rename="camel"):
    """The parameters of renewal by the server, in ms."""

    grace_ms: Milliseconds
    access_token_validity_ms: Milliseconds


class Done(Struct, tag_field="status", tag="OK"):
    """A change was made."""


class Unauthorised(Struct, tag_field="status", tag="UNAUTHORISED"):
    message: str = "the core says that there is no such session"
    replaced: bool = False
    """Whether the session continues under another handle, which it got a moment ago."""


class TryRefresh(Struct, tag_field="status", tag="TRY_REFRESH_TOKEN"):
    message: str = "the core refused the access token"


class SessionOfTheft(Struct, rename="camel"):
    handle: str
    user_id: str


class Theft(Struct, tag_field="status", tag="TOKEN_THEFT_DETECTED"):
    """A replaced refresh token came back."""

    session: SessionOfTheft


class Versions(Struct):
    """/apiversion."""

    versions: list[str]


class ExpectedReply(Generic[T]):
    """The reply to one question: `good`, or one of the `errors` that it may have."""

    def __init__(self, good: type[T], *errors: type[Struct]) -> None:
        self._decode = msgspec.json.Decoder(Union[(good, *errors)]).decode

    def of(self, answer: Answer) -> T:
        """Return the good reply in `answer`. Raise the error that the core names, or SuperTokensGeneralError."""
        if answer.status != 200:
            raise refused(answer.status)
        try:
            reply = self._decode(answer.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            # The decoder names fields and positions, never what a token or a payload holds.
            raise SuperTokensGeneralError(f"the core's response is invalid: {error}") from error
        if isinstance(reply, Unauthorised):
            reason = "replaced" if reply.replaced else ""
            raise SuperTokensUnauthorisedError(reply.message, reason=reason, this_request_only=reply.replaced)
        if isinstance(reply, TryRefresh):
            raise SuperTokensTryRefreshTokenError(reply.message)
        if isinstance(reply, Theft):
            raise SuperTokensTokenTheftError(reply.session.handle, reply.session.user_id)
        good: T = reply
        return good


CREATED: Final = ExpectedReply(Issued)
RENEWED: Final = ExpectedReply(Issued, Unauthorised)
VERIFIED: Final = ExpectedReply(Verified, Unauthorised, TryRefresh)
REFRESHED: Final = ExpectedReply(Issued, Unauthorised, Theft)
REGENERATED: Final = ExpectedReply(Verified, Unauthorised)
REVOKED: Final = ExpectedReply(Revoked)
LISTED: Final = ExpectedReply(Listed)
SESSIONS_OF_USER: Final = ExpectedReply(SessionsOfUser)
FOUND: Final = ExpectedReply(FoundSession, Unauthorised)
STANDS: Final = ExpectedReply(Stands, Unauthorised)
SERVED: Final = ExpectedReply(Served, NotServed, Unauthorised)
RENEWAL_TERMS: Final = ExpectedReply(Terms)
UPDATED: Final = ExpectedReply(Done, Unauthorised)
DATA: Final = ExpectedReply(Data, Unauthorised)
SWAPPED: Final = ExpectedReply(Done, Changed, Unauthorised)
VERSIONS: Final = ExpectedReply(Versions)


def refused(status: int) -> SuperTokensGeneralError:
    """Return the error for a reply of another `status` than 200.

    Its body is ignored: it may quote what the core was sent.
    """
    if status == 401:
        return SuperTokensGeneralError("the core refused the API key (HTTP 401): check 'api_key'")
    if status == 429:
        return SuperTokensGeneralError("the core is too busy (HTTP 429)")
    return SuperTokensGeneralError(f"the core responded with HTTP status {status}; its log may say why")
