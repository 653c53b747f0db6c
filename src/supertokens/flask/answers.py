# SPDX-License-Identifier: Apache-2.0
"""The responses to refused requests: the application's handlers, a redirect, or an error as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask

from supertokens.errors import (
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.flask.requests import AppSessions
from supertokens.transport import SEE_OTHER, body_for, location_for, status_for

__all__ = ["Answers"]


class Answers:
    """The handlers of one extension. For a handler that is None, the default response is used."""

    def __init__(self) -> None:
        self.on_unauthorised: Callable[[SuperTokensUnauthorisedError], Any] | None = None
        self.on_try_refresh: Callable[[SuperTokensTryRefreshTokenError], Any] | None = None
        self.on_theft: Callable[[str, str], Any] | None = None

    def of(self, error: SuperTokensError, sessions: AppSessions) -> Any:
        """Return the response to `error`, in any form that a view may return."""
        if isinstance(error, SuperTokensTokenTheftError) and self.on_theft is not None:
            return self.on_theft(error.session_handle, error.user_id)
        if isinstance(error, SuperTokensTryRefreshTokenError) and self.on_try_refresh is not None:
            return self.on_try_refresh(error)
        if isinstance(error, SuperTokensUnauthorisedError) and self.on_unauthorised is not None:
            return self.on_unauthorised(error)
        edge = sessions.edge
        location = location_for(error, sessions.current().request, edge, flask.url_for)
        if location is not None:
            return flask.redirect(location, SEE_OTHER)
        return body_for(error), status_for(error, edge.config)
