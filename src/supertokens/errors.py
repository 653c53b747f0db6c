# SPDX-License-Identifier: Apache-2.0
"""The errors of the API.

    SuperTokensError
    ├── SuperTokensGeneralError           our own failure: the store or the core service cannot answer
    ├── SuperTokensUnauthorisedError      there is no such session, or it was revoked: log in again
    ├── SuperTokensTryRefreshTokenError   the access token is not accepted: refresh, then retry
    ├── SuperTokensTokenTheftError        a replaced refresh token was used again
    ├── SuperTokensNotFreshError          the login was too long ago for this action: confirm it
    ├── SuperTokensSessionLimitError      the user already has as many sessions as allowed
    └── SuperTokensCrossOriginError       a page of another origin sent the request: refreshing does not help

A mistake of the calling program is none of these: it raises ``TypeError``, ``ValueError`` or
:class:`supertokens.config.ConfigError`. No message holds a token, a key or a personal datum.
"""

from __future__ import annotations

__all__ = [
    "SuperTokensCrossOriginError",
    "SuperTokensError",
    "SuperTokensGeneralError",
    "SuperTokensNotFreshError",
    "SuperTokensSessionLimitError",
    "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError",
    "SuperTokensUnauthorisedError",
]


class SuperTokensError(Exception):
    """Root of the errors below.

    `reason`: why, as one word for programs and logs; empty where there is nothing to tell apart.
    """

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        Exception.__init__(self, message)  # also where a framework's exception is a base class beside this one
        self.reason = reason


class SuperTokensGeneralError(SuperTokensError):
    """The store or the core failed; ``__cause__`` is the driver's error. The session is untouched."""


class SuperTokensUnauthorisedError(SuperTokensError):
    """The session does not exist, has expired or was revoked. The user has to log in again.

    `reason`: ``no_session`` (the request brought none), ``ended``, ``invalid`` (a token that is not authentic),
    ``anti_csrf`` (on refresh), ``conflicting_sessions`` (live sessions of different users in one request: the cookies
    stay) or ``replaced`` (this request came too late: its session was renewed meanwhile, in place or by `renew()`).

    `this_request_only`: the session itself may be fine, and nothing is deleted: the client may simply ask again.
    """

    def __init__(self, message: str = "", *, reason: str = "", this_request_only: bool = False) -> None:
        super().__init__(message, reason=reason)
        self.this_request_only = this_request_only


class SuperTokensTryRefreshTokenError(SuperTokensError):
    """The access token was refused. The client should call the refresh API and repeat its request.

    `reason`: ``expired``, ``anti_csrf`` (the value is missing or wrong), ``missing`` or ``invalid``.
    """


class SuperTokensTokenTheftError(SuperTokensError):
    """A refresh token was used although its successor, or its sibling, had been seen in use."""

    def __init__(self, session_handle: str, user_id: str) -> None:
        super().__init__("token theft detected", reason="theft")
        self.session_handle = session_handle
        self.user_id = user_id

    def __reduce__(self) -> tuple[type[SuperTokensTokenTheftError], tuple[str, str]]:
        return (type(self), (self.session_handle, self.user_id))


class SuperTokensNotFreshError(SuperTokensError):
    """The user confirmed their identity too long ago for this action. The session itself is fine."""

    def __init__(self, message: str = "the login was too long ago for this action") -> None:
        super().__init__(message, reason="not_fresh")


class SuperTokensSessionLimitError(SuperTokensError):
    """The user has as many sessions as `max_sessions_per_user` allows, and `session_limit_action` is `refuse`."""

    def __init__(self, message: str = "the user has too many sessions") -> None:
        super().__init__(message, reason="session_limit")


class SuperTokensCrossOriginError(SuperTokensError):
    """A browser sent the request for a page of another origin, which `anti_csrf: origin` refuses."""

    def __init__(self, message: str = "cross-origin request") -> None:
        super().__init__(message, reason="cross_origin")
