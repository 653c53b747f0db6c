# SPDX-License-Identifier: Apache-2.0
"""Where a navigation without a session is redirected: to the login page, and back again afterwards.

A target is always a path on this site: an attacker who can choose it must not be able to redirect visitors elsewhere
(CWE-601).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from supertokens.errors import (
    SuperTokensError,
    SuperTokensNotFreshError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.transport.locality import host_name
from supertokens.transport.request import Dialect, Request

__all__ = ["is_navigation", "next_path", "own_path", "redirect_for"]

_MAX_CHARACTERS: Final = 2048
_NEXT: Final = "next"
_AGAIN: Final = "supertokens-again"
_IN_PATHS: Final = "/:@!$&'()*+,;=~%-._"


def is_navigation(request: Request) -> bool:
    """Return whether `request` asks for a page to show, rather than for data on behalf of a script."""
    if request.dialect is not Dialect.PLAIN:
        return False
    mode = request.header("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate"
    # Browsers before 2023, and over plain http: they accept HTML explicitly, and scripts by default do not.
    return "text/html" in (request.header("accept") or "") and request.header("x-requested-with") is None


def own_path(text: str | None) -> str | None:
    """Return `text` if it is a path on this site, with or without a query; otherwise None.

    No scheme, no host, no backslash (which browsers treat as a slash), no control byte, no second slash at the start.
    """
    if text is None or len(text) > _MAX_CHARACTERS or not text.startswith("/") or text.startswith("//"):
        return None
    if "\\" in text or not text.isprintable() or any(char.isspace() for char in text):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else text


def next_path(query: str, default: str, form_value: object) -> str:
    """Return the path in `next` of `query`, if it is one on this site; otherwise `default`.

    `form_value`: the form field of that name, which takes precedence; None if there is none.
    """
    text = form_value if isinstance(form_value, str) else dict(parse_qsl(query, keep_blank_values=True)).get(_NEXT)
    return own_path(text) or default


def redirect_for(
    error: SuperTokensError, request: Request, login_url: str | None, *, server_renews: bool
) -> str | None:
    """Return where a navigation that was refused with `error` is redirected (303), or None if it gets the error.

    `login_url`: a path as browsers see it. `server_renews`: without a library an expired access token cannot be
    refreshed, so SuperTokensTryRefreshTokenError then means the same as a missing session. `request` is the navigation.
    """
    if not is_navigation(request):
        return None
    if isinstance(error, SuperTokensUnauthorisedError) and error.this_request_only:
        # Not to the login page, which would end a live session.
        return _itself_once(request) if request.method in ("GET", "HEAD") else None
    ended = isinstance(error, SuperTokensUnauthorisedError | SuperTokensTokenTheftError | SuperTokensNotFreshError)
    if login_url is None or not (ended or (server_renews and isinstance(error, SuperTokensTryRefreshTokenError))):
        return None
    return _location_of_log_in(request, login_url)


def _location_of_log_in(request: Request, login_url: str) -> str | None:
    """Return where the navigation `request` is redirected to log in, with the way back; None for the login page itself.

    `login_url`: a path as browsers see it. The way back is the requested page. A form cannot be resubmitted by a
    redirect, so after a form it is the page with the form, if the browser names one on this site.
    """
    here = _path_of(request)
    if here == urlsplit(login_url).path:
        return None
    back = _with_query(request) if request.method in ("GET", "HEAD") else _path_of_referer(request)
    back = own_path(back)
    if back is None:
        return login_url
    return f"{login_url}{'&' if '?' in login_url else '?'}{urlencode({_NEXT: back})}"


def _itself_once(request: Request) -> str | None:
    """Return the address for repeating `request`, a GET or HEAD, once; None if that has been tried."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    if any(name == _AGAIN for name, _ in pairs):
        return None
    mark = f"{_AGAIN}=1"
    path = _path_of(request)
    return own_path(f"{path}?{request.query}&{mark}" if request.query else f"{path}?{mark}")


def _path_of(request: Request) -> str:
    target = request.target
    return quote(f"{target.mount}{target.path}" or "/", safe=_IN_PATHS.replace("%", ""))


def _with_query(request: Request) -> str:
    query = "&".join(part for part in request.query.split("&") if part and not part.startswith(f"{_AGAIN}="))
    return f"{_path_of(request)}?{query}" if query else _path_of(request)


def _path_of_referer(request: Request) -> str | None:
    try:
        parts = urlsplit(request.header("referer") or "")
    except ValueError:
        return None
    if not parts.netloc or host_name(parts.netloc.rpartition("@")[2]) != host_name(request.host):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
