# SPDX-License-Identifier: Apache-2.0
"""From a request to tokens, from an outcome to cookies and headers: the browser's protocol, free of frameworks."""

from supertokens.transport import verbs
from supertokens.transport.at_once import is_verified_at_once
from supertokens.transport.edge import SessionEdge
from supertokens.transport.navigation import is_navigation, own_path, redirect_for
from supertokens.transport.refusals import ANSWERED_ERRORS, SEE_OTHER, body_for, location_for, status_for
from supertokens.transport.request import NO_REQUEST, Request, from_asgi, from_wsgi
from supertokens.transport.request_session import RequestSession, Standing
from supertokens.transport.response_changes import Header, ResponseChanges, listed
from supertokens.transport.response_writer import CORS_HEADERS
from supertokens.transport.routes import ReadyRoute, ready_routes
from supertokens.transport.session import NewSessionData, Session
from supertokens.transport.stored_sessions import StoredSessions
from supertokens.transport.user_sessions import UserSession

__all__ = [
    "ANSWERED_ERRORS", "CORS_HEADERS", "NO_REQUEST", "SEE_OTHER", "Header", "NewSessionData", "ReadyRoute", "Request",
    "RequestSession", "ResponseChanges", "Session", "SessionEdge", "Standing", "StoredSessions", "UserSession",
    "body_for", "from_asgi", "from_wsgi", "is_navigation", "is_verified_at_once", "listed", "location_for", "own_path",
    "ready_routes", "redirect_for", "status_for", "verbs",
]  # fmt: skip
