# SPDX-License-Identifier: Apache-2.0
"""Choose the token of a request to use: a cookie's or the Authorization header's (docs/browsers.md).

One response never mixes the two. A bearer token is used if it has the form of a token from a core of this project; any
other is left to the application. Also find the sessions that the tokens of a request name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from supertokens.engine.access_token import has_form_of_access_token
from supertokens.engine.refresh_token import position_inside
from supertokens.errors import SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError
from supertokens.transport.cookies import CookieKind, cookie_values, sole_cookie_value
from supertokens.transport.duplicates import (
    handles_of_access_tokens,
    handles_of_refresh_tokens,
    pick_access_token,
    pick_refresh_token,
)
from supertokens.transport.request import Dialect
from supertokens.transport.request_session import RequestSession

__all__ = [
    "access_cookie_of",
    "access_token_of",
    "cookies_named",
    "handles_of_cookies",
    "handles_that_came",
    "own_handles",
    "refresh_cookie_of",
    "refresh_token_of",
    "shows_any_bearer",
    "shows_bearer",
]

# Every check uses one, and each access to a member of an enumeration takes two lookups.
_LEGACY: Final = Dialect.LEGACY
_MODERN: Final = Dialect.MODERN

_MAX_REPLACED: Final = 8
"""How many access tokens are examined when a session replaces others: an attacker may plant many cookies."""


def access_token_of(owner: RequestSession) -> str:
    """Return the access token to verify, and note in `owner` whether it came in a header.

    Raise SuperTokensUnauthorisedError if there is none; SuperTokensTryRefreshTokenError if only a cookie that lives as
    long as the refresh token says that there was one.
    """
    request = owner.request
    if request.has_authorization and shows_bearer(owner):
        return request.bearer_text or ""
    owner.header_mode = False
    token = sole_cookie_value(request.cookies, owner.edge.access_cookie_start)
    if token is not None and request.dialect is not _LEGACY:
        return token
    dialect = request.dialect
    credentials = cookies_named(owner, "sAccessToken")
    if credentials and (dialect is not _LEGACY or cookies_named(owner, "sIdRefreshToken")):
        return credentials[0] if len(credentials) == 1 else _newest_access_token(owner, credentials)
    if dialect is not _MODERN and cookies_named(owner, "sIdRefreshToken"):
        raise SuperTokensTryRefreshTokenError("access token missing in cookies", reason="missing")
    raise SuperTokensUnauthorisedError("no session in the request", reason="no_session")


def access_cookie_of(owner: RequestSession) -> str | None:
    """Return the access token to use from a cookie of `owner`'s request, or None."""
    credentials = cookies_named(owner, "sAccessToken")
    if not credentials:
        return None
    return credentials[0] if len(credentials) == 1 else _newest_access_token(owner, credentials)


def refresh_cookie_of(owner: RequestSession, *, is_replaced: bool = False) -> str | None:
    """Return the refresh token to use from a cookie of `owner`'s request, or None.

    `is_replaced`: whether it is about to be exchanged.
    """
    credentials = cookies_named(owner, "sRefreshToken")
    if not credentials:
        return None
    return credentials[0] if len(credentials) == 1 else _newest_refresh_token(owner, credentials, is_replaced)


def shows_bearer(owner: RequestSession, *, refreshes: bool = False) -> bool:
    """Return whether the token to use came in the Authorization header, and note that in `owner`.

    `refreshes`: whether a refresh token is wanted.
    """
    request = owner.request
    token = request.bearer_text
    if token is None:
        return False
    core = owner.edge.core
    if refreshes:
        credentials, has_form = cookies_named(owner, "sRefreshToken"), position_inside(token) is not None
        return has_form and _bearer_counts(owner, credentials, lambda: core.authentic_refresh_token(token) is not None)
    credentials, has_form = cookies_named(owner, "sAccessToken"), has_form_of_access_token(token)
    return has_form and _bearer_counts(owner, credentials, lambda: core.authentic_access_token(token) is not None)


def refresh_token_of(owner: RequestSession) -> str | None:
    """Return the refresh token to present, or None, and note in `owner` whether it came in a header."""
    request = owner.request
    if request.bearer_text is not None and shows_bearer(owner, refreshes=True):
        return request.bearer_text
    owner.header_mode = False
    return refresh_cookie_of(owner, is_replaced=True)


def cookies_named(owner: RequestSession, kind: CookieKind) -> list[str]:
    """Return all values of the cookie `kind` in `owner`'s request, in the order sent."""
    return cookie_values(owner.request.cookies, owner.edge.cookies.starts[kind])


def own_handles(owner: RequestSession) -> list[str]:
    """Return the handle of the request's session or, if no verb has found one, the handles that its tokens name."""
    if owner.answer is not None:
        return [owner.answer.handle]
    bearer, core = shows_any_bearer(owner), owner.edge.core
    # Unverified refresh tokens suffice: they affect only the client's own tokens, and need no call to the core.
    positions = map(position_inside, _that_count(owner, "sRefreshToken", bearer=bearer))
    handles = handles_of_access_tokens(_that_count(owner, "sAccessToken", bearer=bearer), core)
    return [*handles, *(each.handle for each in positions if each is not None)]


def _that_count(owner: RequestSession, kind: CookieKind, *, bearer: bool) -> list[str]:
    return [owner.request.bearer_text or ""] if bearer else cookies_named(owner, kind)


def shows_any_bearer(owner: RequestSession) -> bool:
    """Return whether the token to use, of either kind, came in the Authorization header; note that in `owner`."""
    return shows_bearer(owner) or shows_bearer(owner, refreshes=True)


def handles_that_came(owner: RequestSession) -> list[str]:
    """Return the handles of all sessions that `owner`'s request has begun, or whose tokens came with it."""
    began = [owner.answer.handle] if owner.answer is not None else []
    core = owner.edge.core
    access = handles_of_access_tokens(_that_came(owner, "sAccessToken"), core)
    return list(dict.fromkeys([*began, *access, *handles_of_refresh_tokens(_that_came(owner, "sRefreshToken"), core)]))


def handles_of_cookies(owner: RequestSession) -> list[str]:
    """Return the handles of the sessions that the browser's cookies give access to; a bearer token is ignored.

    An expired access token gives access to nothing; a refresh token is as good as its session's record.
    """
    core, now = owner.edge.core, owner.edge.clock()
    said = [core.authentic_access_token(token) for token in cookies_named(owner, "sAccessToken")[:_MAX_REPLACED]]
    living = [each.handle for each in said if each is not None and each.expires_at > now]
    refresh = handles_of_refresh_tokens(cookies_named(owner, "sRefreshToken"), core)
    return list(dict.fromkeys([*living, *refresh]))


def _that_came(owner: RequestSession, kind: CookieKind) -> list[str]:
    """Return the tokens of the request: those in its cookies, and the one in the Authorization header."""
    token = owner.request.bearer_text
    return [*cookies_named(owner, kind), *([] if token is None else [token])]


def _bearer_counts(owner: RequestSession, credentials: list[str], is_authentic: Callable[[], bool]) -> bool:
    """Return whether the bearer token of `owner`'s request is used.

    If the request also has cookies, `credentials`, it must be authentic. `is_authentic`: returns whether it is, expired
    or not.
    """
    owner.header_mode = not credentials or (not owner.request.prefers_cookies and is_authentic())
    return owner.header_mode


def _newest_access_token(owner: RequestSession, credentials: list[str]) -> str:
    now = owner.edge.clock()
    picked = pick_access_token(credentials, owner.edge.core, now)
    owner.is_contested = not picked.may_settle
    if picked.may_settle:
        says = owner.edge.core.authentic_access_token(picked.text)
        _settle(owner, "sAccessToken", picked.text, None if says is None else says.handle, now)
    return picked.text


def _newest_refresh_token(owner: RequestSession, credentials: list[str], is_replaced: bool) -> str:
    picked = pick_refresh_token(credentials, owner.edge.core)
    if picked.may_settle:
        # The refresh decides how long the cookie lasts; if it fails, the cookie is kept until the browser is closed.
        position = None if is_replaced else position_inside(picked.text)
        handle = None if position is None else position.handle
        _settle(owner, "sRefreshToken", picked.text, handle, owner.edge.clock())
    return picked.text


def _settle(owner: RequestSession, kind: CookieKind, token: str, handle: str | None, now: int) -> None:
    # Where each duplicate came from is unknown, so set the chosen one again.
    owner.settle(owner.edge.writer.only_at(kind, token, now, owner.edge.cookie_life(handle, now), owner.request))
