# SPDX-License-Identifier: Apache-2.0
"""Sessions in Flask: `SuperTokens(app)`, the functions for views, and the decorator that protects them."""

from __future__ import annotations

try:
    import flask as _flask  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("supertokens.flask needs Flask: pip install 'supertokens-sessions[flask]'") from error

from supertokens import errors as exceptions  # the name that the 1.x series has for them
from supertokens.errors import (
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.flask.extension import SuperTokens, Supertokens
from supertokens.flask.protection import supertokens_middleware
from supertokens.flask.verbs import (
    create_new_session,
    current_session,
    get_all_session_handles_for_user,
    get_cors_allowed_headers,
    get_jwt_payload,
    get_session,
    get_session_data,
    refresh_session,
    revoke_all_sessions_for_user,
    revoke_multiple_sessions,
    revoke_session,
    set_relevant_headers_for_options_api,
    sign_out,
    update_jwt_payload,
    update_session_data,
)
from supertokens.transport import Session

__all__ = [
    "Session", "SuperTokens", "SuperTokensError", "SuperTokensGeneralError", "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError", "SuperTokensUnauthorisedError", "Supertokens", "create_new_session",
    "current_session", "exceptions", "get_all_session_handles_for_user", "get_cors_allowed_headers", "get_jwt_payload",
    "get_session", "get_session_data", "refresh_session", "revoke_all_sessions_for_user", "revoke_multiple_sessions",
    "revoke_session", "set_relevant_headers_for_options_api", "sign_out", "supertokens_middleware",
    "update_jwt_payload", "update_session_data",
]  # fmt: skip
