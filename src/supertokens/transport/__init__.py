# SPDX-License-Identifier: Apache-2.0
"""From a request to tokens, from an outcome to cookies and headers: the browser's protocol, free of frameworks."""

from supertokens.transport import verbs
from supertokens.transport.edge import SessionEdge
from supertokens.transport.navigation import is_navigation, own_path, redirect_for
from supertokens.transport.request import NO_REQUEST, Request, from_asgi, from_wsgi
from supertokens.transport.request_session import RequestSession, Standing
from supertokens.transport.response_changes import Header, ResponseChanges, listed
from supertokens.transport.response_writer import CORS_HEADERS
from supertokens.transport.session import NewSessionData, Session
from supertokens.transport.user_sessions import UserSession, user_sessions

__all__ = [
    "CORS_HEADERS", "NO_REQUEST", "Header", "NewSessionData", "Request", "RequestSession", "ResponseChanges",
    "Session", "SessionEdge", "Standing", "UserSession", "from_asgi", "from_wsgi", "is_navigation", "listed",
    "own_path", "redirect_for", "user_sessions", "verbs",
]  # fmt: skip
