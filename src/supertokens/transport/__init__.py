# SPDX-License-Identifier: Apache-2.0
"""From a request to tokens, and from a result to cookies and headers: the browser's protocol, without a framework."""

from supertokens.transport import verbs
from supertokens.transport.at_once import find_at_once, is_verified_at_once
from supertokens.transport.edge import SessionEdge
from supertokens.transport.navigation import is_navigation, next_path, own_path, redirect_for
from supertokens.transport.refusals import (
    ANSWERED_ERRORS,
    SEE_OTHER,
    Answer,
    answer_to,
    body_for,
    json_answer,
    location_for,
    redirect_answer,
    require_log_in_path,
    status_for,
)
from supertokens.transport.request import NO_REQUEST, Request, from_asgi, from_wsgi
from supertokens.transport.request_session import RequestSession, Standing
from supertokens.transport.response_changes import Header, ResponseChanges, listed, may_concern_caches, with_cache_rules
from supertokens.transport.response_writer import CORS_HEADERS
from supertokens.transport.routes import ReadyRoute, answer_of_route, may_be_ready_route, ready_route_for, ready_routes
from supertokens.transport.session import NewSessionData, Session, known_session
from supertokens.transport.stored_sessions import StoredSessions
from supertokens.transport.user_sessions import UserSession

__all__ = [
    "ANSWERED_ERRORS", "CORS_HEADERS", "NO_REQUEST", "SEE_OTHER", "Answer", "Header", "NewSessionData", "ReadyRoute",
    "Request", "RequestSession", "ResponseChanges", "Session", "SessionEdge", "Standing", "StoredSessions",
    "UserSession", "answer_of_route", "answer_to", "body_for", "find_at_once", "from_asgi", "from_wsgi",
    "is_navigation", "is_verified_at_once", "json_answer", "known_session", "listed", "location_for",
    "may_be_ready_route", "may_concern_caches", "next_path", "own_path", "ready_route_for", "ready_routes",
    "redirect_answer", "redirect_for", "require_log_in_path", "status_for", "verbs",
    "with_cache_rules",
]  # fmt: skip
