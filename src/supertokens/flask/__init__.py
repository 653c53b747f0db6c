# SPDX-License-Identifier: Apache-2.0
"""Sessions in Flask: `SuperTokens(app)`, the functions for views, and the decorator that protects them."""

from __future__ import annotations

try:
    import flask as _flask  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("supertokens.flask needs Flask: pip install 'supertokens-sessions[flask]'") from error

from supertokens import errors as exceptions  # their name in the 1.x series
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
from supertokens.flask.extension import SuperTokens, Supertokens
from supertokens.flask.protection import supertokens_middleware
from supertokens.flask.signals import (
    session_created,
    session_refreshed,
    session_refused,
    session_renewed,
    session_revoked,
    token_theft_detected,
)
from supertokens.flask.verbs import (
    check_origin,
    create_new_session,
    current_session,
    export_sessions,
    forget_clients,
    get_all_session_handles_for_user,
    get_cors_allowed_headers,
    get_jwt_payload,
    get_session,
    get_session_data,
    list_sessions,
    next_url,
    refresh_session,
    require_fresh,
    revoke_all_sessions_for_user,
    revoke_multiple_sessions,
    revoke_session,
    set_relevant_headers_for_options_api,
    sign_out,
    update_jwt_payload,
    update_session_data,
)
from supertokens.transport import Session, UserSession

__all__ = [
    "Session", "SuperTokens", "SuperTokensCrossOriginError", "SuperTokensError", "SuperTokensGeneralError",
    "SuperTokensNotFreshError", "SuperTokensSessionLimitError", "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError", "SuperTokensUnauthorisedError", "Supertokens", "UserSession", "check_origin",
    "create_new_session", "current_session", "exceptions", "export_sessions", "forget_clients",
    "get_all_session_handles_for_user", "get_cors_allowed_headers", "get_jwt_payload", "get_session",
    "get_session_data", "list_sessions", "next_url", "refresh_session", "require_fresh", "revoke_all_sessions_for_user",
    "revoke_multiple_sessions", "revoke_session", "session_created", "session_refreshed", "session_refused",
    "session_renewed", "session_revoked", "set_relevant_headers_for_options_api", "sign_out", "supertokens_middleware",
    "token_theft_detected", "update_jwt_payload", "update_session_data",
]  # fmt: skip
