# SPDX-License-Identifier: Apache-2.0
"""Sessions in any WSGI application: `application = SuperTokens(app)`, and the verbs, which take the request.

For Bottle, Falcon, Pyramid and others whose views have the environment; Flask has its own package.
"""

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
from supertokens.transport import ANSWERED_ERRORS, Answer, Session, UserSession
from supertokens.wsgi.extension import SuperTokens
from supertokens.wsgi.requests import Connection
from supertokens.wsgi.verbs import (
    answer_for,
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
    "ANSWERED_ERRORS", "Answer", "Connection", "Session", "SuperTokens", "SuperTokensCrossOriginError",
    "SuperTokensError", "SuperTokensGeneralError", "SuperTokensNotFreshError", "SuperTokensSessionLimitError",
    "SuperTokensTokenTheftError", "SuperTokensTryRefreshTokenError", "SuperTokensUnauthorisedError", "UserSession",
    "answer_for", "check_origin", "create_new_session", "current_session", "get_cors_allowed_headers", "get_session",
    "next_url", "refresh_session", "sign_out", "verify_session",
]  # fmt: skip
