# SPDX-License-Identifier: Apache-2.0
"""Sessions in Starlette: `SuperTokens(app)`, and the verbs, which are awaited and take the request or the WebSocket."""

from __future__ import annotations

try:
    import starlette as _starlette  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "supertokens.starlette needs Starlette: pip install 'supertokens-sessions[starlette]'"
    ) from error

from supertokens.asgi import (
    Session,
    SuperTokensBusyError,
    check_origin,
    create_new_session,
    current_session,
    get_cors_allowed_headers,
    get_session,
    next_url,
    refresh_session,
    sign_out,
    verify_session,
)
from supertokens.errors import (
    SuperTokensCrossOriginError,
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensNotFreshError,
    SuperTokensSessionLimitError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.starlette.extension import SuperTokens
from supertokens.transport import UserSession

__all__ = [
    "Session", "SuperTokens", "SuperTokensBusyError", "SuperTokensCrossOriginError", "SuperTokensError",
    "SuperTokensGeneralError", "SuperTokensNotFreshError", "SuperTokensSessionLimitError", "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError", "SuperTokensUnauthorisedError", "UserSession", "check_origin",
    "create_new_session", "current_session", "get_cors_allowed_headers", "get_session", "next_url", "refresh_session",
    "sign_out", "verify_session",
]  # fmt: skip
