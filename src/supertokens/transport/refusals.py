# SPDX-License-Identifier: Apache-2.0
"""What answers a request that was refused: a redirect for a navigation, otherwise a status and a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
from supertokens.transport.edge import SessionEdge
from supertokens.transport.navigation import redirect_for
from supertokens.transport.request import Request

__all__ = ["ANSWERED_ERRORS", "SEE_OTHER", "body_for", "location_for", "status_for"]

ANSWERED_ERRORS: Final[tuple[type[SuperTokensError], ...]] = (
    SuperTokensUnauthorisedError,
    SuperTokensTryRefreshTokenError,
    SuperTokensTokenTheftError,
    SuperTokensCrossOriginError,
    SuperTokensSessionLimitError,
    SuperTokensNotFreshError,
)
"""The classes of errors that an integration answers; SuperTokensGeneralError is a failure like any other."""

SEE_OTHER: Final = 303
"""The status of a redirect (RFC 9110, 15.4.4): a form is not sent again."""

_OTHERS: Final[tuple[tuple[type[SuperTokensError], int, str], ...]] = (
    (SuperTokensCrossOriginError, 403, "cross-origin request"),
    (SuperTokensSessionLimitError, 409, "too many sessions"),
    (SuperTokensNotFreshError, 403, "log-in too long ago"),
)
"""Errors that no refresh and no log-in can heal: status and text of their answers."""


def status_for(error: SuperTokensError, config: Config) -> int:
    """Return the status of an answer in JSON."""
    return next((status for kind, status, _ in _OTHERS if isinstance(error, kind)), config.session_expired_status_code)


def body_for(error: SuperTokensError) -> dict[str, str]:
    """Return the JSON of an answer. The older browser libraries read `error`, the newer ones `message`."""
    text = _text_for(error)
    return {"error": text, "message": text}


def location_for(
    error: SuperTokensError, request: Request, edge: SessionEdge, path_of: Callable[[str], str] | None = None
) -> str | None:
    """Return where a navigation is sent, by SEE_OTHER; None if the request is answered with an error.

    `path_of`: returns the path, as browsers see it, of a `login_url` that is no path but a name of the framework's.
    """
    return redirect_for(error, request, _log_in_page(edge.config, request, path_of), server_renews=edge.renews)


def _text_for(error: SuperTokensError) -> str:
    if isinstance(error, SuperTokensTokenTheftError):
        return "token theft detected"
    if isinstance(error, SuperTokensTryRefreshTokenError):
        return "try refresh token"
    return next((text for kind, _, text in _OTHERS if isinstance(error, kind)), "unauthorised")


def _log_in_page(config: Config, request: Request, path_of: Callable[[str], str] | None) -> str | None:
    """Return `login_url` as browsers see it: a name's path, or the path below the app's mount point."""
    url = config.login_url
    if url is None:
        return None
    if not url.startswith("/") and path_of is not None:
        return path_of(url)
    mount = request.target.mount
    return url if f"{url}/".startswith(f"{mount}/") else f"{mount}{url}"
