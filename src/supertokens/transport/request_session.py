# SPDX-License-Identifier: Apache-2.0
"""The session of one request, from its first verb until its headers leave (docs/browsers.md).

What a request began, renewed or ended counts for the rest of it, and no check of the cookies that came can overwrite or
clear what a verb has put there. One `RequestSession` stands in the environment of a request, where every copy of that
environment shares it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import msgspec

from supertokens.engine.session import Credential, IssuedSession, VerifiedSession
from supertokens.errors import SuperTokensError, SuperTokensTokenTheftError, SuperTokensUnauthorisedError
from supertokens.transport.duplicates import CONFLICTING_SESSIONS
from supertokens.transport.edge import SessionEdge
from supertokens.transport.request import Dialect, Request
from supertokens.transport.response_changes import Header, ResponseChanges, with_cache_rules

__all__ = ["RequestSession", "Standing"]

_log = logging.getLogger("supertokens")


class Standing(Enum):
    """What is known of a request's session."""

    UNASKED = "no verb has looked"
    NONE = "the request brought none that is good"
    FOUND = "the tokens that came are good"
    BEGUN = "a verb of this request has begun it"
    REFRESHED = "a verb of this request has refreshed it"
    ENDED = "this request has ended it"


class RequestSession(msgspec.Struct, eq=False):
    """What one request knows of its session, and what its response is to say of it.

    `request` is set by an integration before each verb, and given up when the headers leave. `answer` and
    `access_token` belong to the session that counts now.
    """

    edge: SessionEdge
    request: Request | None = None
    is_asked: bool = False
    """Whether a verb has been called: then the response depends on who asks."""
    standing: Standing = Standing.UNASKED
    answer: VerifiedSession | IssuedSession | None = None
    access_token: str = ""
    anti_csrf_token: str | None = None
    """The value of a session that this request has begun or refreshed."""
    header_mode: bool = False
    headers_left: bool = False
    """Whether the response's headers have been handed to the server: then nothing can be put on them any more."""
    _changes: ResponseChanges | None = None
    _reissued: tuple[Credential, ResponseChanges] | None = None
    _has_no_lock: bool = False
    _responses: list[Any] | None = None

    def __repr__(self) -> str:
        return f"RequestSession({self.standing.name})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("standing", self.standing.name)]

    # What verbs put on the response

    def put_on(self, response: Any) -> None:
        """Make all changes of this request on `response` too, which a verb was given by the application."""
        if self._responses is None:
            self._responses = []
        if not any(response is known for known in self._responses):
            self._responses.append(response)

    def begin(self, issued: IssuedSession, standing: Standing) -> None:
        """Take up a session that begins, or goes on, with the credentials `issued`."""
        assert self.request is not None
        self.standing, self.answer, self.access_token = standing, issued, issued.access_token.text
        self.anti_csrf_token = issued.anti_csrf_token
        changes = self.edge.writer.issued(issued, self.request, header_mode=self.header_mode)
        self.edge.warn_of_size(changes)
        self._put(changes)

    def take_reissued(self, verified: VerifiedSession, token: Credential) -> None:
        """Take up an access token that replaces the one that was shown, for the rest of its life."""
        assert self.request is not None
        self.answer, self.access_token = verified, token.text
        changes = self.edge.writer.renewed(
            verified.user_id, verified.jwt_payload, token, self.request, header_mode=self.header_mode
        )
        if not self.headers_left:
            self._reissued = token, changes
            self._has_no_lock = self.request.dialect is Dialect.PLAIN and not self.header_mode
            if self._responses and self._may_leave(token):
                self._rewrite(changes)

    def end(self) -> None:
        """Let the session be over for the rest of the request, and the browser forget it."""
        assert self.request is not None
        self._put(
            self.edge.writer.ended(
                self.request, header_mode=self.header_mode, clear_cookies=self._has_cookies_to_clear()
            )
        )
        self.standing, self.answer, self.access_token = Standing.ENDED, None, ""

    def put(self, changes: ResponseChanges) -> None:
        """Make `changes` that leave the session as it is."""
        self._put(changes)

    @contextmanager
    def told_of_failure(self) -> Iterator[None]:
        """Clear the cookies where a verb finds that the session has ended, and raise what the framework answers."""
        try:
            yield
        except SuperTokensError as error:
            raise self.refused(error) from error.__cause__

    def refused(self, error: SuperTokensError) -> SuperTokensError:
        """Return what to raise in place of `error`, after the browser has been told what follows from it."""
        if isinstance(error, SuperTokensUnauthorisedError | SuperTokensTokenTheftError):
            self.forget(error)
        raised = self.edge.as_raised(error)
        return raised if raised is error else raised.with_traceback(error.__traceback__)

    def forget(self, error: SuperTokensUnauthorisedError | SuperTokensTokenTheftError) -> None:
        """Clear the cookies that came, or that this request has put, because of `error`, no matter who raised it."""
        if error.reason == CONFLICTING_SESSIONS or self.standing is Standing.ENDED:
            return
        self.standing, self.answer, self.access_token = Standing.NONE, None, ""
        has_cookies = self._has_cookies_to_clear()
        if self.request is not None and (has_cookies or self.header_mode):
            self._put(self.edge.writer.ended(self.request, header_mode=self.header_mode, clear_cookies=has_cookies))

    def say_the_end(self) -> None:
        """Tell a browser library by headers that there is no session, where no cookie came that could be deleted."""
        assert self.request is not None
        self._put(self.edge.writer.ended(self.request, header_mode=self.header_mode, clear_cookies=False))

    def require_headers(self) -> None:
        """Raise RuntimeError if the response's headers have left: new tokens could not reach the browser."""
        if self.headers_left:
            raise RuntimeError(
                "the response's headers have been sent, so that a new session or payload cannot reach the browser any"
                " more: call this before the response is returned, not while its body is streamed"
            )

    def warn_if_headers_left(self) -> None:
        """Log that cookies could not be cleared, where the response's headers have left."""
        if self.headers_left:
            _log.warning(
                "a session was ended after the response's headers had been sent: it is revoked, but the browser still"
                " has its cookies"
            )

    # What leaves

    def sent_headers(self, headers: list[Header]) -> list[Header]:
        """Return the headers of the response as they leave now."""
        self.headers_left = True
        if not self.is_asked:
            return headers
        # The environment holds this object, so that a request which held the environment would be a reference cycle.
        self.request = None
        if self._changes is not None or self._reissued is not None:
            headers = self._changed(headers)
        return with_cache_rules(headers, is_private=self.answer is not None)

    def _changed(self, headers: list[Header]) -> list[Header]:
        changes = self._leaving()
        if self._reissued is not None and self._responses:
            headers = self._reissued[1].taken_from(headers)
        return changes.applied_to(headers) if changes else headers

    def _leaving(self) -> ResponseChanges | None:
        if self._reissued is None or not self._may_leave(self._reissued[0]):
            return self._changes
        leaving = ResponseChanges()
        if self._changes is not None:
            leaving.update(self._changes)
        leaving.update(self._reissued[1])
        return leaving

    def _may_leave(self, token: Credential) -> bool:
        """Return whether a re-issued access token may go to this client with what is left of its life.

        A client without a lock between its requests may take an old answer after a new one: a late one would then lay
        a dying token over a living one (docs/how-it-works.md).
        """
        return not self._has_no_lock or token.expires_at - self.edge.clock() > self.edge.margin_ms

    def _put(self, changes: ResponseChanges) -> None:
        if self.headers_left or not changes:
            return
        if self._changes is None:
            self._changes = ResponseChanges()
        self._changes.update(changes)
        if changes.whole:
            self._reissued = None
        if self._responses:
            self._rewrite(changes)

    def _rewrite(self, changes: ResponseChanges) -> None:
        for response in self._responses or ():
            self.edge.rewrite(response, changes.applied_to)

    def _has_cookies_to_clear(self) -> bool:
        """Return whether the browser has cookies of ours, or is about to get some.

        To a request that brought none, nothing is deleted: SameSite keeps cookies out of cross-site requests, so that
        otherwise any site could log any visitor out.
        """
        if self.request is None:
            return False
        return self.edge.cookies.came_with(self.request) or (self._changes is not None and self._changes.has_cookies)
