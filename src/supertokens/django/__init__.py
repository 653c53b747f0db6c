# SPDX-License-Identifier: Apache-2.0
"""Sessions in Django: an application, a middleware, the functions for views, and the decorator that protects them.

`supertokens.django` goes into INSTALLED_APPS, `supertokens.django.SuperTokensMiddleware` into MIDDLEWARE, and settings
into SUPERTOKENS. Functions that may wait have an asynchronous counterpart, whose name begins with `a`.
"""

from __future__ import annotations

try:
    import django as _django  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("supertokens.django needs Django: pip install 'supertokens-sessions[django]'") from error

from supertokens.asgi.threads import SuperTokensBusyError
from supertokens.django.async_verbs import (
    acreate_new_session,
    aget_session,
    arefresh_session,
    asign_out,
    averify_session,
)
from supertokens.django.middleware import SuperTokensMiddleware
from supertokens.django.protection import session_required
from supertokens.django.responses import ANSWERED_ERRORS, answer_for
from supertokens.django.session import ProtectedRequest, Session, SessionRequest, current_session
from supertokens.django.signals import (
    session_created,
    session_refreshed,
    session_refused,
    session_renewed,
    session_revoked,
    token_theft_detected,
)
from supertokens.django.stored_sessions import (
    aexport_sessions,
    aforget_clients,
    aget_all_session_handles_for_user,
    aget_jwt_payload,
    aget_session_data,
    alist_sessions,
    arevoke_all_sessions_for_user,
    arevoke_multiple_sessions,
    arevoke_session,
    aupdate_jwt_payload,
    aupdate_session_data,
    export_sessions,
    forget_clients,
    get_all_session_handles_for_user,
    get_jwt_payload,
    get_session_data,
    list_sessions,
    revoke_all_sessions_for_user,
    revoke_multiple_sessions,
    revoke_session,
    update_jwt_payload,
    update_session_data,
)
from supertokens.django.verbs import (
    check_origin,
    create_new_session,
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
from supertokens.transport import UserSession

__all__ = [
    "ANSWERED_ERRORS", "ProtectedRequest", "Session", "SessionRequest", "SuperTokensBusyError",
    "SuperTokensCrossOriginError", "SuperTokensError", "SuperTokensGeneralError", "SuperTokensMiddleware",
    "SuperTokensNotFreshError", "SuperTokensSessionLimitError", "SuperTokensTokenTheftError",
    "SuperTokensTryRefreshTokenError", "SuperTokensUnauthorisedError", "UserSession", "acreate_new_session",
    "aexport_sessions", "aforget_clients", "aget_all_session_handles_for_user", "aget_jwt_payload", "aget_session",
    "aget_session_data", "alist_sessions", "answer_for", "arefresh_session", "arevoke_all_sessions_for_user",
    "arevoke_multiple_sessions", "arevoke_session", "asign_out", "aupdate_jwt_payload", "aupdate_session_data",
    "averify_session", "check_origin", "create_new_session", "current_session", "export_sessions", "forget_clients",
    "get_all_session_handles_for_user", "get_cors_allowed_headers", "get_jwt_payload", "get_session",
    "get_session_data", "list_sessions", "next_url", "refresh_session", "revoke_all_sessions_for_user",
    "revoke_multiple_sessions", "revoke_session", "session_created", "session_refreshed", "session_refused",
    "session_renewed", "session_required", "session_revoked", "sign_out", "token_theft_detected", "update_jwt_payload",
    "update_session_data", "verify_session",
]  # fmt: skip
