# SPDX-License-Identifier: Apache-2.0
"""What answers a request that was refused: the application's handlers, a redirect, or an error as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import flask

from supertokens.config import Config
from supertokens.errors import (
    SuperTokensCrossOriginError,
    SuperTokensError,
    SuperTokensNotFreshError,
    SuperTokensSessionLimitError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.flask.requests import AppSessions
from supertokens.transport import Request, redirect_for

__all__ = ["Answers", "status_of"]

_SEE_OTHER = 303
_OTHERS: Final[tuple[tuple[type[SuperTokensError], int, str], ...]] = (
    (SuperTokensCrossOriginError, 403, "cross-origin request"),
    (SuperTokensSessionLimitError, 409, "too many sessions"),
    (SuperTokensNotFreshError, 403, "log-in too long ago"),
)
"""Errors that no refresh and no log-in can heal: status and text of their answers."""


class Answers:
    """The answers of one extension. A handler that is None is the application's leave to answer by default."""

    def __init__(self) -> None:
        self.on_unauthorised: Callable[[SuperTokensUnauthorisedError], Any] | None = None
        self.on_try_refresh: Callable[[SuperTokensTryRefreshTokenError], Any] | None = None
        self.on_theft: Callable[[str, str], Any] | None = None

    def of(self, error: SuperTokensError, sessions: AppSessions) -> Any:
        """Return what answers `error`, as a view may return it."""
        if isinstance(error, SuperTokensTokenTheftError) and self.on_theft is not None:
            return self.on_theft(error.session_handle, error.user_id)
        if isinstance(error, SuperTokensTryRefreshTokenError) and self.on_try_refresh is not None:
            return self.on_try_refresh(error)
        if isinstance(error, SuperTokensUnauthorisedError) and self.on_unauthorised is not None:
            return self.on_unauthorised(error)
        edge = sessions.edge
        request = sessions.current().request
        location = redirect_for(error, request, _log_in_page(edge.config, request), server_renews=edge.renews)
        if location is not None:
            return flask.redirect(location, _SEE_OTHER)
        text = _text_of(error)
        # The older browser libraries read `error`, the newer ones `message`.
        return {"error": text, "message": text}, status_of(error, edge.config)


def status_of(error: SuperTokensError, config: Config) -> int:
    """Return the status of an answer in JSON."""
    return next((status for kind, status, _ in _OTHERS if isinstance(error, kind)), config.session_expired_status_code)


def _text_of(error: SuperTokensError) -> str:
    if isinstance(error, SuperTokensTokenTheftError):
        return "token theft detected"
    if isinstance(error, SuperTokensTryRefreshTokenError):
        return "try refresh token"
    return next((text for kind, _, text in _OTHERS if isinstance(error, kind)), "unauthorised")


def _log_in_page(config: Config, request: Request) -> str | None:
    """Return `login_url` as browsers see it: an endpoint's path, or the path below the app's mount point."""
    url = config.login_url
    if url is None:
        return None
    if not url.startswith("/"):
        return flask.url_for(url)
    mount = request.target.mount
    return url if f"{url}/".startswith(f"{mount}/") else f"{mount}{url}"
