# SPDX-License-Identifier: Apache-2.0
"""Sessions in FastAPI: `SuperTokens(app)`, the verbs, which are awaited, and the dependency that protects a route."""

from __future__ import annotations

try:
    import fastapi as _fastapi  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "supertokens.fastapi needs FastAPI: pip install 'supertokens-sessions[fastapi]'"
    ) from error

from supertokens.fastapi.dependencies import require_session
from supertokens.starlette import (
    Session,
    SuperTokens,
    SuperTokensBusyError,
    SuperTokensCrossOriginError,
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensNotFreshError,
    SuperTokensSessionLimitError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
    UserSession,
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

__all__ = [
    "Session", "SuperTokens", "SuperTokensBusyError", "SuperTokensCrossOriginError", "SuperTokensError",
    "SuperTokensGeneralError", "SuperTokensNotFreshError", "SuperTokensSessionLimitError", "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError", "SuperTokensUnauthorisedError", "UserSession", "check_origin",
    "create_new_session", "current_session", "get_cors_allowed_headers", "get_session", "next_url", "refresh_session",
    "require_session", "sign_out", "verify_session",
]  # fmt: skip
