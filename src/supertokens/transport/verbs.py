# SPDX-License-Identifier: Apache-2.0
"""The verbs of every integration, for the session of one request; no framework is known here.

Each takes the `RequestSession` of a request whose `request` is set.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from supertokens.engine import anti_csrf
from supertokens.engine.refresh_token import position_inside
from supertokens.errors import (
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.transport.duplicates import handles_in
from supertokens.transport.limits import check_user_id
from supertokens.transport.presented import access_token_of, cookies_named, refresh_token_of
from supertokens.transport.request_session import RequestSession, Standing
from supertokens.transport.session import Session

__all__ = ["create", "is_refresh", "note_revoked", "refresh", "sign_out", "verify"]

_log = logging.getLogger("supertokens")

_UNSETTLED: Final = (Standing.UNASKED, Standing.FOUND, Standing.NONE)
"""Where the tokens that came decide."""
_FOUND: Final = Standing.FOUND
_ENDED: Final = "the session was ended by this request"


def is_refresh(owner: RequestSession) -> bool:
    """Return whether the request is the call of the refresh API."""
    assert owner.request is not None
    return owner.request.method == "POST" and owner.request.is_for(owner.edge.config.refresh_api_path)


def create(owner: RequestSession, user_id: str, jwt_payload: object, session_data: object) -> Session:
    """Begin a session of `user_id`, whose identity the caller has made sure of.

    Raise TypeError or ValueError for what cannot be kept, RuntimeError once the response's headers have left.
    """
    edge, request = owner.edge, owner.request
    assert request is not None
    owner.require_headers()
    owner.header_mode = request.wants_header_mode
    with owner.told_of_failure():
        issued = edge.core.create_session(
            check_user_id(user_id),
            edge.limits.jwt_payload(jwt_payload, user_id),
            edge.limits.session_data(session_data),
            anti_csrf=edge.config.enable_anti_csrf and not owner.header_mode,
        )
    owner.begin(issued, Standing.BEGUN)
    return Session(owner, issued, owner.access_token)


def verify(owner: RequestSession, *, check_anti_csrf: bool) -> Session:
    """Return the session that the request belongs to.

    Raise SuperTokensUnauthorisedError (cookies that came are cleared) or SuperTokensTryRefreshTokenError.
    """
    edge, request = owner.edge, owner.request
    assert request is not None
    try:
        if owner.standing in _UNSETTLED:
            token = owner.access_token or access_token_of(owner)
        else:
            return _of_this_request(owner, check_anti_csrf=check_anti_csrf)
        if check_anti_csrf:
            check_anti_csrf = edge.config.enable_anti_csrf and not owner.header_mode
        verified = (edge.opened_core or edge.core).verify(
            token,
            check_anti_csrf=check_anti_csrf,
            anti_csrf_token=request.anti_csrf_token if check_anti_csrf else None,
            check_database=edge.config.access_token_blacklisting,
            client=request.user_agent,
        )
    except SuperTokensError as error:
        _log_refusal(error)
        raise owner.refused(error) from error.__cause__
    owner.standing, owner.answer, owner.access_token = _FOUND, verified, token
    if verified.new_access_token is not None:
        owner.take_reissued(verified, verified.new_access_token)
        token = owner.access_token
    return Session(owner, verified, token)


def refresh(owner: RequestSession) -> Session:
    """Return the session with its next pair of tokens.

    Raise SuperTokensUnauthorisedError, or SuperTokensTokenTheftError after the session has been revoked; cookies that
    came are cleared. Raise RuntimeError once the response's headers have left.
    """
    edge, request = owner.edge, owner.request
    assert request is not None
    owner.require_headers()
    with owner.told_of_failure():
        if owner.standing in (Standing.BEGUN, Standing.REFRESHED, Standing.ENDED):
            return _of_this_request(owner, check_anti_csrf=False)
        token = refresh_token_of(owner)
        if token is None:
            _say_the_end(owner)
            raise SuperTokensUnauthorisedError(
                "Missing auth tokens in cookies. Is the refresh API served at 'refresh_api_path', and does the frontend"
                " call it there?",
                reason="no_session",
            )
        try:
            issued = edge.core.refresh(
                token,
                anti_csrf=edge.config.enable_anti_csrf and not owner.header_mode,
                anti_csrf_token=request.anti_csrf_token,
                anti_csrf_mode="if_sent",
                client=request.user_agent,
            )
        except SuperTokensTokenTheftError as theft:
            # Before any handler of the application runs: none may leave the session to the thief.
            edge.core.revoke_sessions([theft.session_handle])
            raise
    owner.begin(issued, Standing.REFRESHED)
    return Session(owner, issued, owner.access_token)


def sign_out(owner: RequestSession) -> list[str]:
    """Revoke every session whose tokens came with the request, expired or not, and clear the cookies.

    Return the handles of those that existed. This also ends sessions of different users that came together, which
    `verify` refuses.
    """
    assert owner.request is not None
    with owner.told_of_failure():
        removed = owner.edge.core.revoke_sessions(_handles_that_came(owner))
    owner.warn_if_headers_left()
    owner.end()
    return removed


def note_revoked(owner: RequestSession, handles: Iterable[str]) -> None:
    """Let the request's own session be over if it is among `handles`, which have just been revoked by name."""
    revoked = set(handles)
    if revoked and owner.standing is not Standing.ENDED and revoked.intersection(_own_handles(owner)):
        owner.warn_if_headers_left()
        owner.end()


def _of_this_request(owner: RequestSession, *, check_anti_csrf: bool) -> Session:
    """Return the session that a verb of this request has begun or refreshed; the cookies that came do not count."""
    answer, request = owner.answer, owner.request
    if answer is None or request is None:
        raise SuperTokensUnauthorisedError(_ENDED, reason="ended")
    checks = check_anti_csrf and owner.edge.config.enable_anti_csrf and not owner.header_mode
    if checks and owner.standing is Standing.REFRESHED:
        # The refresh itself does not insist on the value, since older libraries send none with it.
        anti_csrf.check_on_verify(owner.anti_csrf_token, request.anti_csrf_token)
    return Session(owner, answer, owner.access_token)


def _own_handles(owner: RequestSession) -> list[str]:
    """Return the handle of the request's session; where no verb has looked, those that its tokens name."""
    if owner.answer is not None:
        return [owner.answer.handle]
    # By the refresh tokens' own word: it only decides about this browser's own cookies, and the core is not asked.
    positions = (position_inside(text) for text in cookies_named(owner, "sRefreshToken"))
    access = cookies_named(owner, "sAccessToken")
    return [*handles_in(access, (), owner.edge.core), *(each.handle for each in positions if each is not None)]


def _handles_that_came(owner: RequestSession) -> list[str]:
    assert owner.request is not None
    began = [owner.answer.handle] if owner.answer is not None else []
    access, refresh_tokens = cookies_named(owner, "sAccessToken"), cookies_named(owner, "sRefreshToken")
    bearer = owner.request.bearer_text
    if bearer is not None:
        access, refresh_tokens = [*access, bearer], [*refresh_tokens, bearer]
    return list(dict.fromkeys([*began, *handles_in(access, refresh_tokens, owner.edge.core)]))


def _say_the_end(owner: RequestSession) -> None:
    assert owner.request is not None
    if not owner.edge.cookies.came_with(owner.request):
        owner.say_the_end()


def _log_refusal(error: SuperTokensError) -> None:
    if isinstance(error, SuperTokensTryRefreshTokenError) and error.reason == "anti_csrf":
        _log.debug("a request was refused: its anti-CSRF value is missing or does not match the session")
