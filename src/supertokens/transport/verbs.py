# SPDX-License-Identifier: Apache-2.0
"""The verbs of every integration, for the session of one request, without a framework.

Each takes the `RequestSession` of a request whose `request` is set.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from supertokens.core.signals import Event
from supertokens.engine import anti_csrf
from supertokens.engine.refresh_token import anti_csrf_inside
from supertokens.engine.session import IssuedSession
from supertokens.errors import (
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.transport.limits import check_user_id
from supertokens.transport.origin import OriginCheck
from supertokens.transport.presented import (
    access_token_of,
    cookies_named,
    handles_of_cookies,
    handles_that_came,
    own_handles,
    refresh_token_of,
    shows_any_bearer,
    shows_bearer,
)
from supertokens.transport.renewing import repeated, verify_or_renew
from supertokens.transport.request_session import RequestSession, Standing
from supertokens.transport.session import Session

__all__ = [
    "check_origin", "create", "find", "is_refresh", "note_revoked", "refresh", "require_sign_out_allowed", "sign_out",
    "verify",
]  # fmt: skip

_log = logging.getLogger("supertokens")

_ACCESS_TOKEN_DECIDES: Final = (Standing.UNASKED, Standing.FOUND)
_REFRESH_TOKEN_DECIDES: Final = (*_ACCESS_TOKEN_DECIDES, Standing.NONE)
_FOUND: Final = Standing.FOUND
_NO_REFUSALS: Final = ("no_session", "theft", "expired", "missing")
"""Reasons for which no ``refused`` is sent: no token came, a refresh fixes it, or another signal reports it."""
_ENDED: Final = "the session was ended by this request"
_NONE: Final = "this request has no session, as an earlier call has reported"


def is_refresh(owner: RequestSession) -> bool:
    """Return whether `owner`'s request calls the refresh API."""
    return owner.request.method == "POST" and owner.request.is_for(owner.edge.refresh_path)


def create(
    owner: RequestSession,
    user_id: str,
    jwt_payload: object,
    session_data: object,
    *,
    remember: bool = True,
    replaces: bool | None = None,
) -> Session:
    """Create a session for `user_id`, whose identity the caller has verified, in `owner`'s request.

    `jwt_payload` is part of the access token, `session_data` stays on the server. `remember`: whether the cookies
    outlive the browser. `replaces`: whether the browser's earlier sessions end; None: only if the server renews,
    since nothing else would end them then. Raise TypeError or ValueError for values that cannot be stored, RuntimeError
    once the response's headers have been sent.
    """
    edge, request = owner.edge, owner.request
    owner.require_headers()
    header_mode = request.wants_header_mode
    with owner.told_of_failure():
        issued = edge.core.create_session(
            check_user_id(user_id),
            edge.limits.jwt_payload(jwt_payload, user_id),
            edge.limits.session_data(session_data),
            anti_csrf=edge.checks_value and not header_mode,
            remember=bool(remember),
            noted=edge.noted(request),
            replaces=handles_of_cookies(owner) if (edge.renews if replaces is None else replaces) else (),
        )
    # Only now: a failed login must not bypass the checks of the request's session.
    owner.header_mode, request.dialect = header_mode, request.declared_dialect
    owner.begin(issued, Standing.BEGUN)
    return Session(owner, issued, owner.access_token)


def verify(
    owner: RequestSession, *, check_anti_csrf: bool | None, check_database: bool | None = None, may_wait: bool = True
) -> Session:
    """Return the session that `owner`'s request belongs to, renewed in place if the server does that.

    `check_anti_csrf`: whether the request is checked against other sites. None, for a protected view that does not say,
    means every method but GET. A WebSocket begins with a GET that any page may send with the visitor's cookies, so with
    `anti_csrf: origin` it is checked too. No handshake can carry an anti-CSRF value. `check_database`: whether the
    session's record is read, so that a revocation takes effect at once; None: as configured. `may_wait`: False only for
    `find_at_once`. Raise SuperTokensUnauthorisedError (the request's cookies are cleared),
    SuperTokensTryRefreshTokenError or, with the check, SuperTokensCrossOriginError.
    """
    edge, request = owner.edge, owner.request
    try:
        if check_anti_csrf is None:
            check_anti_csrf = request.method != "GET" or (edge.checks_handshakes and request.is_websocket)
        if owner.standing not in _ACCESS_TOKEN_DECIDES:
            return _of_this_request(owner, check_anti_csrf=check_anti_csrf)
        if edge.asks_more_than_tokens:
            session = _beyond_its_token(owner, check_anti_csrf=check_anti_csrf, check_database=check_database)
            if session is not None:
                return session
        token = owner.access_token or access_token_of(owner)
        anti_csrf_token = None
        if check_anti_csrf:
            check_anti_csrf = edge.checks_value and not owner.header_mode
            if check_anti_csrf:
                anti_csrf_token = request.anti_csrf_token
        core = edge.opened_core or edge.core
        if may_wait:
            verified = core.verify(
                token,
                check_anti_csrf=check_anti_csrf,
                anti_csrf_token=anti_csrf_token,
                check_database=edge.checks_database if check_database is None else check_database,
                client=request.user_agent,
            )
        else:
            verified = core.verify_at_once(token, check_anti_csrf=check_anti_csrf, anti_csrf_token=anti_csrf_token)
    except SuperTokensError as error:
        _note_refusal(owner, error)
        raise owner.refused(error) from error.__cause__
    owner.standing = _FOUND
    owner.answer = verified
    owner.access_token = token
    if verified.new_access_token is not None:
        owner.take_reissued(verified, verified.new_access_token, told=False)
        token = owner.access_token
    return Session(owner, verified, token)


def _beyond_its_token(owner: RequestSession, *, check_anti_csrf: bool, check_database: bool | None) -> Session | None:
    """Check the origin of `owner`'s request, and return its session if the server renews it for pages, or None."""
    edge, request = owner.edge, owner.request
    if edge.renews:
        owner.count_as_pages()
    if check_anti_csrf and edge.origin_check is not None:
        _check_origin(owner)
    if not owner.is_of_pages or (request.has_authorization and shows_bearer(owner)):
        return None
    if owner.refusal is not None:
        raise owner.refusal
    return verify_or_renew(owner, check_anti_csrf=check_anti_csrf, check_database=check_database)


def find(
    owner: RequestSession,
    *,
    check_anti_csrf: bool | None,
    required: bool,
    check_database: bool | None = None,
    may_wait: bool = True,
) -> Session | None:
    """Return the session of `owner`'s request as `verify` does, or None if there is none and it is not `required`.

    `check_anti_csrf`, `check_database`, `may_wait`: see `verify`. SuperTokensTryRefreshTokenError is raised in either
    case, so that a library in the browser refreshes; but if the server renews, no library would do that, and the result
    is None.
    """
    try:
        return verify(owner, check_anti_csrf=check_anti_csrf, check_database=check_database, may_wait=may_wait)
    except SuperTokensUnauthorisedError:
        if required:
            raise
    except SuperTokensTryRefreshTokenError:
        if required or not owner.is_of_pages:
            raise
    return None


def refresh(owner: RequestSession) -> Session:
    """Return the session of `owner`'s request with its next pair of tokens.

    Raise SuperTokensUnauthorisedError, or SuperTokensTokenTheftError after the session has been revoked; for both, the
    request's cookies are cleared. Raise RuntimeError once the response's headers have been sent.
    """
    edge = owner.edge
    owner.require_headers()
    with owner.told_of_failure():
        if owner.standing not in _REFRESH_TOKEN_DECIDES:
            return _of_this_request(owner, check_anti_csrf=False)
        if edge.renews:
            owner.count_as_pages()
        if edge.origin_check is not None:
            _check_origin(owner, refreshes=True)
        mode_before, token = owner.header_mode, refresh_token_of(owner)
        if token is None:
            _say_the_end(owner)
            raise SuperTokensUnauthorisedError(
                "Missing auth tokens in cookies. Is the refresh API served at 'refresh_api_path', and does the frontend"
                " call it there?",
                reason="no_session",
            )
        if edge.renews and not owner.header_mode and (issued := repeated(owner)) is not None:
            owner.repeat(issued)
            return Session(owner, issued, owner.access_token)
        try:
            issued = _refreshed(owner, token)
        except SuperTokensGeneralError:
            owner.header_mode = mode_before  # the session that was found is still the request's
            raise
    owner.begin(issued, Standing.REFRESHED)
    return Session(owner, issued, owner.access_token)


def _refreshed(owner: RequestSession, token: str) -> IssuedSession:
    edge, request = owner.edge, owner.request
    try:
        return edge.core.refresh(
            token,
            anti_csrf=edge.checks_value and not owner.header_mode,
            anti_csrf_token=request.anti_csrf_token,
            anti_csrf_mode="if_sent",
            client=request.user_agent,
            in_place=owner.is_of_pages and not owner.header_mode,
            noted=edge.noted(request),
        )
    except SuperTokensTokenTheftError as theft:
        # Before any handler of the application runs, so that none can leave the session to the thief.
        edge.core.revoke_sessions([theft.session_handle])
        raise


def check_origin(owner: RequestSession) -> None:
    """Raise SuperTokensCrossOriginError if `owner`'s request is cross-site, regardless of `anti_csrf`.

    For forms that need no session, such as a login form.
    """
    with owner.told_of_failure():
        (owner.edge.origin_check or OriginCheck(owner.edge.config.trusted_origins or ())).require_same_origin(
            owner.request
        )


def require_sign_out_allowed(owner: RequestSession) -> None:
    """Raise an error if a page on another site may have sent the request: for a ready-made sign-out route.

    If an anti-CSRF value is checked, presenting it is enough, wherever the page is.
    """
    edge = owner.edge
    if edge.config.anti_csrf_mode == "none" or shows_bearer(owner):
        return
    given = owner.request.anti_csrf_token
    if edge.checks_value and given is not None:
        issued = (anti_csrf_inside(text) for text in cookies_named(owner, "sRefreshToken"))
        access = (edge.core.authentic_access_token(text) for text in cookies_named(owner, "sAccessToken"))
        if given in {*issued, *(token.anti_csrf_token for token in access if token is not None)}:
            return
    check_origin(owner)


def sign_out(owner: RequestSession) -> list[str]:
    """Revoke every session whose tokens are in the request, expired or not, and clear the cookies.

    Return the handles of those that existed. This also ends sessions of different users in one request, which
    `verify` refuses.
    """
    with owner.told_of_failure():
        if owner.answer is None:
            shows_any_bearer(owner)
        removed = owner.edge.core.revoke_sessions(handles_that_came(owner))
    owner.warn_if_headers_left()
    owner.end()
    return removed


def note_revoked(owner: RequestSession, handles: Iterable[str]) -> None:
    """End the request's own session if it is among `handles`, which have just been revoked by handle."""
    revoked = set(handles)
    if revoked and owner.standing is not Standing.ENDED and revoked.intersection(own_handles(owner)):
        owner.warn_if_headers_left()
        owner.end()


def _of_this_request(owner: RequestSession, *, check_anti_csrf: bool) -> Session:
    """Return the session that a verb of this request has created or refreshed; the request's cookies are ignored."""
    answer, request = owner.answer, owner.request
    if answer is None and owner.standing is Standing.NONE:
        raise SuperTokensUnauthorisedError(_NONE, reason=owner.none_because)
    if answer is None:
        raise SuperTokensUnauthorisedError(_ENDED, reason="ended")
    checks = check_anti_csrf and owner.edge.checks_value and not owner.header_mode
    if checks and owner.standing in (Standing.REFRESHED, Standing.RENEWED):
        # The refresh itself does not insist on the value, since older libraries send none with it.
        anti_csrf.check_on_verify(owner.anti_csrf_token, request.anti_csrf_token)
    return Session(owner, answer, owner.access_token)


def _say_the_end(owner: RequestSession) -> None:
    if not owner.edge.cookies.came_with(owner.request):
        owner.say_the_end()


def _check_origin(owner: RequestSession, *, refreshes: bool = False) -> None:
    """Raise SuperTokensCrossOriginError for a cross-site request, unless a bearer token counts: no browser adds one."""
    assert owner.edge.origin_check is not None
    if not shows_bearer(owner, refreshes=refreshes):
        owner.edge.origin_check.require_same_origin(owner.request)


def _note_refusal(owner: RequestSession, error: SuperTokensError) -> None:
    if owner.edge.renews and owner.is_of_pages:
        owner.refusal = error
    if isinstance(error, SuperTokensTryRefreshTokenError) and error.reason == "anti_csrf":
        _log.debug("a request was refused: its anti-CSRF value is missing or does not match the session")
    # A core service gives no reason for a session that has ended.
    tells = error.reason or isinstance(error, SuperTokensUnauthorisedError)
    if tells and error.reason not in _NO_REFUSALS and owner.edge.opened_core is not None:
        owner.edge.core.signals.send(Event(kind="refused", reason=error.reason))
