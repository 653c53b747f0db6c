# SPDX-License-Identifier: Apache-2.0
"""The errors of the API.

    SuperTokensError
    ├── SuperTokensGeneralError           our own failure: the store or the core cannot answer
    ├── SuperTokensUnauthorisedError      no such session, or revoked: log in again
    ├── SuperTokensTryRefreshTokenError   the access token is not good: refresh, then try again
    └── SuperTokensTokenTheftError        a replaced refresh token came back

A mistake of the calling program is none of these: it raises ``TypeError``, ``ValueError`` or
:class:`supertokens.config.ConfigError`. No message holds a token, a key or a personal datum.
"""

from __future__ import annotations

__all__ = [
    "SuperTokensError",
    "SuperTokensGeneralError",
    "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError",
    "SuperTokensUnauthorisedError",
]


class SuperTokensError(Exception):
    """Root of the four errors below."""


class SuperTokensGeneralError(SuperTokensError):
    """The store or the core failed; ``__cause__`` is the driver's error. The session is untouched."""


class SuperTokensUnauthorisedError(SuperTokensError):
    """The session does not exist, has expired or was revoked. The user has to log in again."""


class SuperTokensTryRefreshTokenError(SuperTokensError):
    """The access token was refused. The client should call the refresh API and repeat its request."""


class SuperTokensTokenTheftError(SuperTokensError):
    """A refresh token was used although its successor, or its sibling, had been seen in use."""

    def __init__(self, session_handle: str, user_id: str) -> None:
        super().__init__("token theft detected")
        self.session_handle = session_handle
        self.user_id = user_id

    def __reduce__(self) -> tuple[type[SuperTokensTokenTheftError], tuple[str, str]]:
        return (type(self), (self.session_handle, self.user_id))
