# SPDX-License-Identifier: Apache-2.0
"""The response to a refused request: a redirect for a navigation, otherwise a status and a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from supertokens.config import Config, ConfigError
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
from supertokens.transport.request_session import RequestSession

__all__ = [
    "ANSWERED_ERRORS", "SEE_OTHER", "Answer", "answer_to", "body_for", "json_answer", "location_for",
    "redirect_answer", "require_log_in_path", "status_for",
]  # fmt: skip

ANSWERED_ERRORS: Final[tuple[type[SuperTokensError], ...]] = (
    SuperTokensUnauthorisedError,
    SuperTokensTryRefreshTokenError,
    SuperTokensTokenTheftError,
    SuperTokensCrossOriginError,
    SuperTokensSessionLimitError,
    SuperTokensNotFreshError,
)
"""The error classes that an integration turns into responses; SuperTokensGeneralError is a failure like any other."""

SEE_OTHER: Final = 303
"""The status of a redirect (RFC 9110, 15.4.4): a form is not resubmitted."""

_IN_LOCATIONS: Final = ":/%#?=@[]!$&'()*+,;~"
"""The characters of a location besides letters, digits and "_.-" (RFC 3986, 2.2 and 2.3)."""

_OTHERS: Final[tuple[tuple[type[SuperTokensError], int, str], ...]] = (
    (SuperTokensCrossOriginError, 403, "cross-origin request"),
    (SuperTokensSessionLimitError, 409, "too many sessions"),
    (SuperTokensNotFreshError, 403, "login too long ago"),
)
"""Errors that neither a refresh nor a login can fix: status and text of their responses."""


class Answer(NamedTuple):
    """A response that belongs to no framework. The session's changes are made when its headers are sent."""

    status: int
    headers: dict[str, str]
    body: bytes


def json_answer(status: int, content: Mapping[str, object], headers: dict[str, str] | None = None) -> Answer:
    """Return a response with `status` whose body is `content` as JSON. `headers`: additional headers."""
    body = json.dumps(content).encode()
    return Answer(
        status, {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}, body
    )


def redirect_answer(location: str) -> Answer:
    """Return a response that redirects the browser to `location`, a path, with bytes beyond ASCII quoted."""
    return Answer(SEE_OTHER, {"location": quote(location, safe=_IN_LOCATIONS), "content-length": "0"}, b"")


def answer_to(error: SuperTokensError, owner: RequestSession, path_of: Callable[[str], str] | None = None) -> Answer:
    """Return the default response to `error`, and have the cookies cleared if necessary.

    `owner`: the session of the refused request. `path_of`: see `location_for`.
    """
    if isinstance(error, SuperTokensUnauthorisedError | SuperTokensTokenTheftError):
        owner.forget(error)
    location = location_for(error, owner.request, owner.edge, path_of)
    if location is not None:
        return redirect_answer(location)
    return json_answer(status_for(error, owner.edge.config), body_for(error))


def require_log_in_path(config: Config) -> None:
    """Raise ConfigError if `login_url` of `config` is not a path, for frameworks without names for paths."""
    if config.login_url is not None and not config.login_url.startswith("/"):
        raise ConfigError("'login_url' must be a path here, starting with a slash", "login_url")


def status_for(error: SuperTokensError, config: Config) -> int:
    """Return the status of a JSON response."""
    return next((status for kind, status, _ in _OTHERS if isinstance(error, kind)), config.session_expired_status_code)


def body_for(error: SuperTokensError) -> dict[str, str]:
    """Return the body of a JSON response. The older browser libraries read `error`, the newer ones `message`."""
    text = _text_for(error)
    return {"error": text, "message": text}


def location_for(
    error: SuperTokensError, request: Request, edge: SessionEdge, path_of: Callable[[str], str] | None = None
) -> str | None:
    """Return where a navigation is redirected (SEE_OTHER); None if the response is an error.

    `path_of`: returns the path, as browsers see it, for a `login_url` that is not a path but a name in the framework.
    """
    return redirect_for(error, request, _log_in_page(edge.config, request, path_of), server_renews=edge.renews)


def _text_for(error: SuperTokensError) -> str:
    if isinstance(error, SuperTokensTokenTheftError):
        return "token theft detected"
    if isinstance(error, SuperTokensTryRefreshTokenError):
        return "try refresh token"
    return next((text for kind, _, text in _OTHERS if isinstance(error, kind)), "unauthorised")


def _log_in_page(config: Config, request: Request, path_of: Callable[[str], str] | None) -> str | None:
    """Return `login_url` as browsers see it: the path for a name, or the path under the app's mount point."""
    url = config.login_url
    if url is None:
        return None
    if not url.startswith("/") and path_of is not None:
        return path_of(url)
    mount = request.target.mount
    return url if f"{url}/".startswith(f"{mount}/") else f"{mount}{url}"
