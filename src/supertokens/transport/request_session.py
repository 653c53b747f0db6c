# SPDX-License-Identifier: Apache-2.0
"""The session of one request, from its first verb until its headers leave (docs/browsers.md).

What a request has begun, renewed or ended holds for the rest of it, and no check of the request's cookies can overwrite
or clear what a verb has set. One `RequestSession` is kept in the environment of a request, and shared by every copy of
that environment.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from supertokens.engine.renewal import Leaves, is_in_time, payload_may_leave, reissue_may_leave
from supertokens.engine.session import CookieLife, Credential, IssuedSession, VerifiedSession
from supertokens.errors import SuperTokensError, SuperTokensTokenTheftError, SuperTokensUnauthorisedError
from supertokens.transport.cookies import cookie_values
from supertokens.transport.duplicates import CONFLICTING_SESSIONS
from supertokens.transport.edge import SessionEdge
from supertokens.transport.request import NO_REQUEST, Dialect, Request
from supertokens.transport.response_changes import Header, ResponseChanges, with_cache_rules

__all__ = ["RequestSession", "Standing"]

_log = logging.getLogger("supertokens")


class Standing(Enum):
    """The state of a request's session."""

    UNASKED = "no verb has looked"
    NONE = "the request has no valid session"
    FOUND = "the request's tokens are valid"
    BEGUN = "a verb of this request has begun it"
    REFRESHED = "a verb of this request has refreshed it"
    RENEWED = "a check of this request has renewed it"
    ENDED = "this request has ended it"


class _Reissued(NamedTuple):
    """An access token that replaces the presented one. `has_no_lock`: the client does not serialize its requests."""

    token: Credential
    changes: ResponseChanges
    handle: str
    told: bool
    has_no_lock: bool


class RequestSession(msgspec.Struct, eq=False):
    """The session of one request, and the changes to make to its response.

    An integration sets `request` and `is_asked` before each verb; the request is dropped when the headers are sent.
    `answer` and `access_token` belong to the current session.
    """

    edge: SessionEdge
    came_in: float = 0.0
    """When the request arrived, in seconds of the edge's monotonic clock; set if the server renews."""
    request: Request = NO_REQUEST
    is_asked: bool = False
    """Whether a verb has been called: the response then depends on the user."""
    standing: Standing = Standing.UNASKED
    none_because: str = ""
    """The reason of the error raised because there is no session, if the standing is NONE."""
    answer: VerifiedSession | IssuedSession | None = None
    access_token: str = ""
    anti_csrf_token: str | None = None
    """The anti-CSRF value of the session, if this request has begun, refreshed or renewed it."""
    refusal: SuperTokensError | None = None
    """The error of the first verb in a request that cannot renew: later verbs raise it too."""
    is_contested: bool = False
    """Whether access tokens of several users came. One may be planted, so none is written as the visitor's own."""
    header_mode: bool = False
    headers_left: bool = False
    """Whether the response's headers have been passed to the server: then they can no longer change."""
    changes_headers: bool = False
    """Whether the response may need more changes than its cache headers."""
    _told: ResponseChanges | None = None
    _found: ResponseChanges | None = None
    _reissued: _Reissued | None = None
    _is_in_time_only: bool = False
    _responses: list[Any] | None = None

    def __repr__(self) -> str:
        return f"RequestSession({self.standing.name})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("standing", self.standing.name)]

    @property
    def is_of_pages(self) -> bool:
        """Return whether the server renews sessions for this request's browser."""
        return self.edge.renews and self.request.dialect is Dialect.PLAIN

    def count_as_pages(self) -> None:
        """Treat the request as one from a page if an older library that has no part in the session sent it.

        A page has begun that session, and the library does not know of it.
        """
        request = self.request
        if request.dialect is Dialect.LEGACY and not cookie_values(
            request.cookies, self.edge.cookies.starts["sIdRefreshToken"]
        ):
            request.dialect = Dialect.PLAIN

    def waited(self) -> int:
        """Return how long ago the request arrived (ms)."""
        return round((self.edge.monotonic() - self.came_in) * 1000)

    # What verbs put on the response. Changes from the application are always sent; changes from a check only in time,
    # if the browser does not serialize its requests.

    def put_on(self, response: Any) -> None:
        """Apply the changes of this request from now on also to `response`, which the application passed to a verb."""
        if self._responses is None:
            self._responses = []
        if not any(response is known for known in self._responses):
            self._responses.append(response)

    def begin(self, issued: IssuedSession, standing: Standing) -> None:
        """Adopt a session that begins, or continues, with the credentials `issued`. `standing`: its new state."""
        self.standing, self.answer, self.access_token = standing, issued, issued.access_token.text
        self.anti_csrf_token, self.refusal, self.is_contested = issued.anti_csrf_token, None, False
        begins = standing is Standing.BEGUN
        changes = self.edge.writer.issued(issued, self.request, header_mode=self.header_mode, begins=begins)
        self.edge.warn_of_size(changes)
        self._put(changes, told=begins)

    def take_reissued(self, verified: VerifiedSession, token: Credential, *, told: bool) -> None:
        """Adopt `token`, which replaces the presented access token for the rest of its lifetime.

        `verified`: the session. `told`: the application has asked for it, with a new payload.
        """
        self.answer, self.access_token = verified, token.text
        if self.headers_left or self.is_contested:
            return
        life = verified.cookie_life or CookieLife(
            token.created_at + self.edge.config.refresh_token_validity_ms, remember=True
        )
        changes = self.edge.writer.renewed(
            verified.user_id, verified.jwt_payload, token, life, self.request, header_mode=self.header_mode
        )
        self.edge.warn_of_size(changes)
        # A library's lock does not stop the pages next to it, whose renewals go into the same cookie jar.
        beside_pages = self.edge.renews and not self.header_mode
        has_no_lock = beside_pages or self.request.dialect is Dialect.PLAIN
        self._reissued = _Reissued(token, changes, verified.handle, told, has_no_lock)
        self.changes_headers = True
        if self._responses and self._reissued_may_leave(self._reissued):
            self._rewrite(changes)

    def repeat(self, issued: IssuedSession) -> None:
        """Adopt the session `issued`, which the browser already has.

        A library is told about it again; no cookie changes.
        """
        self.standing, self.answer, self.access_token = Standing.FOUND, issued, issued.access_token.text
        self.anti_csrf_token = issued.anti_csrf_token
        self._put(self.edge.writer.repeated(issued, self.request), told=True)

    def end(self) -> None:
        """End the session for the rest of the request, and clear the cookies."""
        self._put(self._ended(clear_cookies=self._has_cookies_to_clear()), told=True)
        self.standing, self.answer, self.access_token = Standing.ENDED, None, ""

    def settle(self, changes: ResponseChanges) -> None:
        """Make `changes` that do not affect the session, because of duplicates among the request's cookies."""
        self._put(changes, told=False)

    @contextmanager
    def told_of_failure(self, *, counts: bool = True) -> Iterator[None]:
        """Inside the block, clear the cookies if a verb finds that the session has ended, and raise the framework's
        error.

        `counts`: whether it is the request's session, and not one that another has replaced.
        """
        try:
            yield
        except SuperTokensError as error:
            raise self.refused(error, counts=counts) from error.__cause__

    def refused(self, error: SuperTokensError, *, counts: bool = True) -> SuperTokensError:
        """Return the exception to raise in place of `error`, after the changes to cookies that follow from it.

        `counts`: see `told_of_failure`.
        """
        if counts and isinstance(error, SuperTokensUnauthorisedError | SuperTokensTokenTheftError):
            self.forget(error)
        raised = self.edge.as_raised(error)
        return raised if raised is error else raised.with_traceback(error.__traceback__)

    def forget(self, error: SuperTokensUnauthorisedError | SuperTokensTokenTheftError) -> None:
        """Clear the cookies that came with the request or were set by it, because of `error`, whatever raised it."""
        keeps = error.reason == CONFLICTING_SESSIONS or getattr(error, "this_request_only", False)
        if keeps or self.standing is Standing.ENDED:
            return
        self.standing, self.answer, self.access_token = Standing.NONE, None, ""
        self.none_because = error.reason
        has_cookies = self._has_cookies_to_clear()
        if has_cookies or self.header_mode:
            self._put(self._ended(clear_cookies=has_cookies), told=self._told is not None)

    def say_the_end(self) -> None:
        """Tell a browser library in headers that there is no session, if the request has no cookie to delete."""
        self._put(self._ended(clear_cookies=False), told=True)

    def require_headers(self) -> None:
        """Raise RuntimeError if the response's headers have been sent: new tokens could not reach the browser."""
        if self.headers_left:
            raise RuntimeError(
                "the response's headers have been sent, so a new session or payload can no longer reach the browser:"
                " call this before the response is returned, not while its body is streamed"
            )

    def warn_if_headers_left(self) -> None:
        """Log that cookies could not be cleared, if the response's headers have been sent."""
        if self.headers_left:
            _log.warning(
                "a session was ended after the response's headers had been sent: it is revoked, but the browser still"
                " has its cookies"
            )

    # What is sent

    @property
    def may_wait_at_headers(self) -> bool:
        """Return whether `sent_headers` may have to ask the store whether a session still exists."""
        return self._reissued is not None and self._reissued.told and self.edge.renews

    def sent_headers(self, headers: list[Header]) -> list[Header]:
        """Return `headers`, those of the response that is about to be sent, with all changes made."""
        self.headers_left = True
        if not self.is_asked:
            return headers
        # The environment holds this object, so a request that kept the environment would form a reference cycle.
        self.request = NO_REQUEST
        if self.changes_headers:
            headers = self._changed(headers)
        return with_cache_rules(headers, is_private=self.answer is not None)

    def sent_for_caches(self) -> bool:
        """Return whether a session was found, for a response that needs the rules of `with_cache_rules` only.

        To be called in place of `sent_headers`, if `is_asked` and not `changes_headers`.
        """
        self.headers_left = True
        self.request = NO_REQUEST
        return self.answer is not None

    def _changed(self, headers: list[Header]) -> list[Header]:
        leaving = []
        for changes, leaves in self._parts():
            if leaves:
                leaving.append(changes)
            elif self._responses:
                headers = changes.taken_from(headers)  # they may have been applied to one that a verb was given
        if not leaving:
            return headers
        return (leaving[0] if len(leaving) == 1 else _all_of(leaving)).applied_to(headers)

    def _parts(self) -> Iterator[tuple[ResponseChanges, bool]]:
        """Yield the changes, those that take precedence last, each with whether it may still be sent."""
        if self._found is not None:
            yield self._found, not self._is_in_time_only or self._is_in_time()
        if self._told is not None:
            yield self._told, True
        if self._reissued is not None:
            yield self._reissued.changes, self._reissued_may_leave(self._reissued)

    def _is_in_time(self) -> bool:
        return is_in_time(self.waited(), self.edge.times)

    def _reissued_may_leave(self, reissued: _Reissued) -> bool:
        """Return whether the access token in `reissued` may still be sent to this client.

        A client that does not serialize its requests may process an old response after a new one: a late one would then
        overwrite a valid token with an expiring one (docs/how-it-works.md).
        """
        if not reissued.has_no_lock or self.standing is Standing.BEGUN:
            return True
        life_left = reissued.token.expires_at - self.edge.clock()
        if not self.edge.renews or self.header_mode:
            return life_left > self.edge.times.margin
        if self.standing in (Standing.RENEWED, Standing.REFRESHED):
            return not self._is_in_time_only or self._is_in_time()  # only together with its refresh token
        if not reissued.told:
            return reissue_may_leave(waited=self.waited(), life_left=life_left, times=self.edge.times)
        leaves = payload_may_leave(waited=self.waited(), life_left=life_left, renewed=False, times=self.edge.times)
        return leaves is Leaves.YES or (leaves is Leaves.IF_RECORD_EXISTS and self._exists(reissued.handle))

    def _exists(self, handle: str) -> bool:
        try:
            self.edge.core.session(handle)
        except SuperTokensError:
            return False
        return True

    def _put(self, changes: ResponseChanges, *, told: bool) -> None:
        if self.headers_left or not changes:
            return
        self.changes_headers = True
        if changes.whole:
            self._reissued = None
        if told:
            self._told = _merged(self._told, changes)
        else:
            self._is_in_time_only = self.is_of_pages and not self.header_mode
            self._found = _merged(self._found, changes)
        if self._responses:
            self._rewrite(changes)

    def _rewrite(self, changes: ResponseChanges) -> None:
        for response in self._responses or ():
            self.edge.rewrite(response, changes.applied_to)

    def _ended(self, *, clear_cookies: bool) -> ResponseChanges:
        return self.edge.writer.ended(self.request, header_mode=self.header_mode, clear_cookies=clear_cookies)

    def _has_cookies_to_clear(self) -> bool:
        """Return whether the browser has session cookies, or is about to get some.

        Nothing is deleted for a request that had none. SameSite keeps cookies out of cross-site requests, so otherwise
        any site could log any visitor out.
        """
        put = any(changes is not None and changes.has_cookies for changes in (self._told, self._found))
        return put or self.edge.cookies.came_with(self.request)


def _all_of(several: list[ResponseChanges]) -> ResponseChanges:
    merged = ResponseChanges()
    for changes in several:
        merged.update(changes)
    return merged


def _merged(earlier: ResponseChanges | None, later: ResponseChanges) -> ResponseChanges:
    """Return both changes as one; `later` is used up."""
    if earlier is None:
        return later
    earlier.update(later)
    return earlier
