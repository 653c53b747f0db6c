# SPDX-License-Identifier: Apache-2.0
"""Sessions in any ASGI application: `application = SuperTokens(app)`, and the verbs, which are awaited.

Frameworks whose views get the scope need nothing else; `supertokens.starlette` and `supertokens.fastapi` are built on
it.
"""

from supertokens.asgi.answers import ANSWERED_ERRORS, answer_for
from supertokens.asgi.extension import SuperTokens
from supertokens.asgi.requests import Connection
from supertokens.asgi.session import Session
from supertokens.asgi.threads import SuperTokensBusyError
from supertokens.asgi.verbs import (
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
from supertokens.transport import Answer, UserSession

__all__ = [
    "ANSWERED_ERRORS", "Answer", "Connection", "Session", "SuperTokens", "SuperTokensBusyError",
    "SuperTokensCrossOriginError", "SuperTokensError", "SuperTokensGeneralError", "SuperTokensNotFreshError",
    "SuperTokensSessionLimitError", "SuperTokensTokenTheftError", "SuperTokensTryRefreshTokenError",
    "SuperTokensUnauthorisedError", "UserSession", "answer_for", "check_origin", "create_new_session",
    "current_session", "get_cors_allowed_headers", "get_session", "next_url", "refresh_session", "sign_out",
    "verify_session",
]  # fmt: skip
