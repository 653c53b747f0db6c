# SPDX-License-Identifier: Apache-2.0
"""Renew a session in place, for browsers without a library (`renewal: server`).

The rules are in `engine/renewal.py`; here they are applied to a request. Any of a browser's parallel requests may find
its access token expired, so cookie changes from a check are sent only if they are in time.
"""

from __future__ import annotations

import logging
from typing import Final

from supertokens.engine.access_token import AccessToken
from supertokens.engine.anti_csrf import check_on_verify
from supertokens.engine.refresh_token import anti_csrf_inside, id_refresh_value, lineage_hash
from supertokens.engine.renewal import AccessCookie, Course, course_of, is_large_body, rotates_nothing, spares_upload
from supertokens.engine.session import Credential, IssuedSession
from supertokens.engine.value import Value
from supertokens.errors import (
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.transport.presented import access_cookie_of, refresh_cookie_of
from supertokens.transport.request_session import RequestSession, Standing
from supertokens.transport.session import Session

__all__ = ["REPLACED", "repeated", "verify_or_renew"]

REPLACED: Final = "replaced"
"""The reason of a refusal that concerns only this request."""

_log = logging.getLogger("supertokens")


class _Shown(Value, frozen=True):
    """The cookies of a request: their texts, and which of them are authentic."""

    unshown = frozenset(("access_text", "refresh_text"))

    access_text: str | None
    access: AccessToken | None
    refresh_text: str | None
    refresh_handle: str | None

    @property
    def anti_csrf_token(self) -> str | None:
        """The anti-CSRF value that the session was issued with."""
        if self.refresh_handle is not None:
            return anti_csrf_inside(self.refresh_text or "")
        return None if self.access is None else self.access.anti_csrf_token

    def cookie(self, now: int) -> AccessCookie | None:
        # Refused from the moment of its expiry (RFC 7519, 4.1.4: "on or after").
        return None if self.access is None else AccessCookie(self.access.handle, self.access.expires_at - 1 - now)


def verify_or_renew(owner: RequestSession, *, check_anti_csrf: bool, check_database: bool | None = None) -> Session:
    """Return the session that the request belongs to, renewed if necessary.

    The first verb decides for the rest of the request, whatever the clock says later. `check_database`: whether the
    record must exist now; None: as configured, for the first verb.
    """
    if owner.answer is None:
        _decide(owner, check_anti_csrf=check_anti_csrf, check_database=check_database)
    else:
        if check_anti_csrf and owner.edge.checks_value:
            check_on_verify(owner.anti_csrf_token, owner.request.anti_csrf_token)
        if check_database:
            owner.edge.core.session(owner.answer.handle)
    assert owner.answer is not None
    return Session(owner, owner.answer, owner.access_token)


def repeated(owner: RequestSession) -> IssuedSession | None:
    """Return the browser's current tokens if the refresh API is called while the access token is valid; otherwise None.

    A library on the same pages does not see what pages have renewed, and would overwrite a child in flight. Raise
    SuperTokensUnauthorisedError if the session's record does not exist.
    """
    shown, now = _shown(owner), owner.edge.clock()
    access = shown.access
    if access is None or shown.refresh_text is None or not rotates_nothing(shown.refresh_handle, shown.cookie(now)):
        return None
    stored = owner.edge.core.session(access.handle)
    return IssuedSession(
        handle=stored.handle,
        user_id=stored.user_id,
        jwt_payload=stored.jwt_payload,
        access_token=Credential(shown.access_text or "", access.created_at, access.expires_at),
        refresh_token=Credential(shown.refresh_text, now, stored.expires_at),
        id_refresh_token=Credential(id_refresh_value(shown.refresh_text), now, stored.expires_at),
        anti_csrf_token=anti_csrf_inside(shown.refresh_text),
    )


def _decide(owner: RequestSession, *, check_anti_csrf: bool, check_database: bool | None) -> None:
    request, edge = owner.request, owner.edge
    asks_store = edge.checks_database if check_database is None else check_database
    shown, now = _shown(owner), edge.clock()
    access, waited = shown.cookie(now), owner.waited()
    large = request.has_body and is_large_body(request.content_length, has_body=True)
    course = course_of(shown.refresh_handle, access, waited=waited, large=large, times=edge.times)
    if check_anti_csrf and edge.checks_value and course is not Course.TRY_REFRESH:
        check_on_verify(shown.anti_csrf_token, request.anti_csrf_token)
    if course in (Course.VERIFY, Course.VERIFY_WITH_RECORD):
        _verify(owner, shown, check_database=asks_store or course is Course.VERIFY_WITH_RECORD)
    elif course is Course.RENEW:
        _renew(owner, shown)
    elif course is Course.SERVE_BY_RECORD:
        spares = large and spares_upload(shown.refresh_handle or "", access, edge.times)
        _serve(owner, shown, waited, spares=spares)
    else:
        raise _nothing_renews(shown)


def _verify(owner: RequestSession, shown: _Shown, *, check_database: bool) -> None:
    edge, request = owner.edge, owner.request
    assert shown.access is not None
    assert shown.access_text is not None
    verified = edge.core.verify(
        shown.access_text,
        check_anti_csrf=False,
        check_database=check_database,
        client=request.user_agent,
    )
    owner.standing, owner.answer, owner.access_token = Standing.FOUND, verified, shown.access_text
    owner.anti_csrf_token = shown.access.anti_csrf_token
    if verified.new_access_token is not None:
        owner.take_reissued(verified, verified.new_access_token, told=False)


def _renew(owner: RequestSession, shown: _Shown) -> None:
    edge, request = owner.edge, owner.request
    assert shown.refresh_text is not None
    try:
        issued = edge.core.refresh(
            shown.refresh_text,
            anti_csrf=edge.checks_value,
            # The verb has already compared the value in the request, if it had to.
            anti_csrf_token=anti_csrf_inside(shown.refresh_text) if edge.checks_value else None,
            client=request.user_agent,
            in_place=True,
            noted=edge.noted(request),
        )
    except SuperTokensTokenTheftError as theft:
        # Before any handler of the application runs, so that none can leave the session to the thief.
        edge.core.revoke_sessions([theft.session_handle])
        raise
    owner.begin(issued, Standing.RENEWED)


def _serve(owner: RequestSession, shown: _Shown, waited: int, *, spares: bool) -> None:
    assert shown.refresh_text is not None
    served = owner.edge.core.served_by_record(shown.refresh_text, waited=waited, spares=spares)
    if served is None:
        raise SuperTokensUnauthorisedError(
            "the session was renewed by another request while this one was waiting", reason=REPLACED,
            this_request_only=True,
        )  # fmt: skip
    _log.debug("a request that came too late to be renewed was served by the record of session %s", served.handle)
    owner.standing, owner.answer = Standing.FOUND, served
    owner.access_token = shown.access_text if shown.access is not None and shown.access_text is not None else ""
    owner.anti_csrf_token = anti_csrf_inside(shown.refresh_text)


def _nothing_renews(shown: _Shown) -> SuperTokensTryRefreshTokenError | SuperTokensUnauthorisedError:
    if shown.access is not None:
        return SuperTokensTryRefreshTokenError("Access token expired", reason="expired")
    if shown.access_text is not None or shown.refresh_text is not None:
        return SuperTokensTryRefreshTokenError("Invalid JWT", reason="invalid")
    return SuperTokensUnauthorisedError("no session in the request", reason="no_session")


def _shown(owner: RequestSession) -> _Shown:
    core = owner.edge.core
    token, secret = access_cookie_of(owner), refresh_cookie_of(owner)
    access = None if token is None else core.authentic_access_token(token)
    if secret is None:
        return _Shown(token, access, None, None)
    if access is not None and lineage_hash(access.serial, secret) == access.refresh_token_hash:
        # The access token, signed with a key of the core, vouches for the refresh token: the core need not be asked.
        return _Shown(token, access, secret, access.handle)
    position = core.authentic_refresh_token(secret)
    return _Shown(token, access, secret, None if position is None else position.handle)
