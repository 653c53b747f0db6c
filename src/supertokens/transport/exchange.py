# SPDX-License-Identifier: Apache-2.0
"""One request and what its response has to say of the session: the verbs of every integration, free of frameworks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec

from supertokens.config import Config
from supertokens.core import Core, system_clock
from supertokens.engine.session import Credential, IssuedSession, VerifiedSession
from supertokens.engine.user_data import JsonObject
from supertokens.errors import (
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.forks import call_in_forked_children
from supertokens.transport.artefacts import Artefacts
from supertokens.transport.changes import Changes
from supertokens.transport.cookies import CookieKind, CookiePolicy, cookie_values
from supertokens.transport.duplicates import pick_access_token, pick_refresh_token
from supertokens.transport.limits import SizeLimits, check_user_id
from supertokens.transport.request import Dialect, Request
from supertokens.transport.session import Session

__all__ = ["Edge", "Emit", "Exchange"]


class Emit(Protocol):
    """Takes what has to change, as it comes up: on `response`, where a verb was given one, or else on the response of
    the request.

    `raising`: an error follows, so the response may be another one than the view's.
    """

    def __call__(self, changes: Changes, request: Request, response: Any, *, raising: bool) -> None: ...


class Edge:
    """The browser edge of one application: what its exchanges have in common.

    `open_core` is called on the first use, once. `clock` gives milliseconds since the epoch.
    """

    def __init__(
        self, config: Config, open_core: Callable[[], Core], emit: Emit, *, clock: Callable[[], int] = system_clock
    ) -> None:
        self.config = config
        self.emit = emit
        self.clock = clock
        self.cookies = CookiePolicy(config)
        self.artefacts = Artefacts(self.cookies, config.refresh_token_validity_ms)
        self.limits = SizeLimits(self.artefacts, config.max_session_data_bytes)
        self._open_core = open_core
        self._opening = threading.Lock()
        self.opened_core: Core | None = None
        call_in_forked_children(self._after_fork_in_child)

    def _after_fork_in_child(self) -> None:
        self._opening = threading.Lock()

    @property
    def core(self) -> Core:
        if self.opened_core is None:
            with self._opening:
                self.opened_core = self.opened_core or self._open_core()
        return self.opened_core

    def jwt_payload(self, handle: str) -> JsonObject:
        """By handle: as stored."""
        return self.core.session(handle).jwt_payload

    def update_jwt_payload(self, handle: str, jwt_payload: object) -> None:
        """By handle: in the store; access tokens take it on when they are next renewed."""
        user_id = self.core.session(handle).user_id
        self.core.update_jwt_payload(handle, self.limits.jwt_payload(jwt_payload, user_id))

    def update_session_data(self, handle: str, session_data: object) -> None:
        """By handle."""
        self.core.update_session_data(handle, self.limits.session_data(session_data))


class Exchange(msgspec.Struct, eq=False):
    """The verbs, for one request. (A struct, as `Session` is, since every check makes one.)"""

    _edge: Edge
    _request: Request
    _response: Any = None
    """What the integration's verb was given to put changes on."""
    _header_mode: bool = False

    def __repr__(self) -> str:
        return f"Exchange({self._request.method})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("method", self._request.method)]

    @property
    def is_refresh(self) -> bool:
        """Whether this is the call of the refresh API."""
        return self._request.method == "POST" and self._request.is_for(self._edge.config.refresh_api_path)

    def create(self, user_id: str, jwt_payload: object, session_data: object) -> Session:
        """A new session for `user_id`. Raises TypeError or ValueError for what cannot be kept."""
        edge = self._edge
        self._header_mode = self._request.wants_header_mode
        issued = edge.core.create_session(
            check_user_id(user_id),
            edge.limits.jwt_payload(jwt_payload, user_id),
            edge.limits.session_data(session_data),
            anti_csrf=edge.config.enable_anti_csrf and not self._header_mode,
        )
        return self._begin(issued)

    def verify(self, *, check_anti_csrf: bool) -> Session:
        """The session that the request belongs to.

        Raises SuperTokensUnauthorisedError or SuperTokensTryRefreshTokenError.
        """
        edge, request = self._edge, self._request
        token = self._access_token()
        check_anti_csrf = check_anti_csrf and edge.config.enable_anti_csrf and not self._header_mode
        try:
            verified = (edge.opened_core or edge.core).verify(
                token,
                check_anti_csrf=check_anti_csrf,
                anti_csrf_token=request.anti_csrf_token if check_anti_csrf else None,
                check_database=edge.config.access_token_blacklisting,
                client=request.user_agent,
            )
        except SuperTokensUnauthorisedError:
            self._clear_before_raising()
            raise
        if verified.new_access_token is not None:
            self._emit_renewed(verified, verified.new_access_token)
            token = verified.new_access_token.text
        return Session(self, verified, token)

    def refresh(self) -> Session:
        """The session with its next pair of tokens.

        Raises SuperTokensUnauthorisedError, or SuperTokensTokenTheftError after the session has been revoked.
        """
        edge, request = self._edge, self._request
        with self._clearing_when_unauthorised():
            token = self._refresh_token()
            try:
                issued = edge.core.refresh(
                    token,
                    anti_csrf=edge.config.enable_anti_csrf and not self._header_mode,
                    anti_csrf_token=request.anti_csrf_token,
                    anti_csrf_mode="if_sent",
                    client=request.user_agent,
                )
            except SuperTokensTokenTheftError as theft:
                # Before any handler of the application runs: none may leave the session to the thief.
                edge.core.revoke_sessions([theft.session_handle])
                raise
        return self._begin(issued)

    def regenerate(self, access_token: str, user_id: str, jwt_payload: object) -> VerifiedSession:
        """A new payload, and an access token that carries it."""
        payload = self._edge.limits.jwt_payload(jwt_payload, user_id)
        with self._clearing_when_unauthorised():
            verified = self._edge.core.regenerate(access_token, payload)
        if verified.new_access_token is not None:
            self._emit_renewed(verified, verified.new_access_token)
        return verified

    def session_data(self, handle: str) -> JsonObject:
        with self._clearing_when_unauthorised():
            return self._edge.core.session_data(handle)

    def update_session_data(self, handle: str, session_data: object) -> None:
        with self._clearing_when_unauthorised():
            self._edge.update_session_data(handle, session_data)

    def revoke(self, handle: str) -> None:
        """End the session. A browser that logs out is logged out, also where another was faster."""
        self._edge.core.revoke_sessions([handle])
        self._emit(self._edge.artefacts.ended(self._request))

    # Tokens in

    def _access_token(self) -> str:
        request = self._request
        dialect = request.dialect
        values = cookie_values(request.cookies, self._edge.cookies.starts["sAccessToken"])
        if dialect is Dialect.MODERN:
            bearer = self._bearer_token(values)
            if bearer is not None:
                return bearer
        if values and (dialect is not Dialect.LEGACY or self._cookie_values("sIdRefreshToken")):
            return values[0] if len(values) == 1 else self._newest_access_token(values)
        if self._cookie_values("sIdRefreshToken") and dialect is not Dialect.MODERN:
            raise SuperTokensTryRefreshTokenError("access token missing in cookies")
        if dialect is not Dialect.MODERN:
            self._emit(self._edge.artefacts.ended(request, said_by_front_token=False), raising=True)
        raise SuperTokensUnauthorisedError("no session in the request")

    def _newest_access_token(self, values: list[str]) -> str:
        with self._clearing_when_unauthorised():
            token = pick_access_token(values, self._edge.core, self._edge.clock())
        self._settle_doubles("sAccessToken", token)
        return token

    def _refresh_token(self) -> str:
        values = self._cookie_values("sRefreshToken")
        bearer = self._bearer_token(values)
        if bearer is not None:
            return bearer
        if not values:
            raise SuperTokensUnauthorisedError(
                "Missing auth tokens in cookies. Is the refresh API served at 'refresh_api_path', and does the frontend"
                " call it there?"
            )
        if len(values) == 1:
            return values[0]
        token = pick_refresh_token(values, self._edge.core)
        self._settle_doubles("sRefreshToken", token)
        return token

    def _bearer_token(self, cookies: list[str]) -> str | None:
        if cookies and self._request.prefers_cookies:
            return None
        bearer = self._request.bearer_token
        self._header_mode = bearer is not None
        return bearer

    def _cookie_values(self, kind: CookieKind) -> list[str]:
        return cookie_values(self._request.cookies, self._edge.cookies.starts[kind])

    def _settle_doubles(self, kind: CookieKind, token: str) -> None:
        """Keep `token` where cookies are set now, and nothing at the other places that we know of."""
        # Which of the doubles came from where cannot be told, so the one that counts is set again.
        now = self._edge.clock()
        lives_until = now + self._edge.config.refresh_token_validity_ms
        changes = Changes()
        changes.set_cookies(self._edge.cookies.clear_elsewhere(kind, self._request))
        changes.set_cookies([self._edge.cookies.set(kind, token, now, lives_until, self._request)])
        self._emit(changes)

    # Changes out

    def _emit(self, changes: Changes, *, raising: bool = False) -> None:
        self._edge.emit(changes, self._request, self._response, raising=raising)

    def _begin(self, issued: IssuedSession) -> Session:
        request = self._request
        changes = self._edge.artefacts.issued(issued, request, header_mode=self._header_mode)
        for kind in self._superseded_cookies():
            changes.set_cookies(self._edge.cookies.clear(kind, request))
        self._emit(changes)
        return Session(self, issued, issued.access_token.text)

    def _superseded_cookies(self) -> list[CookieKind]:
        """Cookies of the request that the session which begins does not set, and that would outlive the earlier one."""
        if self._request.dialect is not Dialect.MODERN:
            return []
        kinds: list[CookieKind] = ["sIdRefreshToken"]
        if self._header_mode:
            kinds += ["sAccessToken", "sRefreshToken"]
        return [kind for kind in kinds if self._cookie_values(kind)]

    def _emit_renewed(self, verified: VerifiedSession, token: Credential) -> None:
        payload, header_mode = verified.jwt_payload, self._header_mode
        self._emit(
            self._edge.artefacts.renewed(verified.user_id, payload, token, self._request, header_mode=header_mode)
        )

    def _clear_before_raising(self) -> None:
        self._emit(self._edge.artefacts.ended(self._request), raising=True)

    @contextmanager
    def _clearing_when_unauthorised(self) -> Iterator[None]:
        try:
            yield
        except (SuperTokensUnauthorisedError, SuperTokensTokenTheftError):
            self._clear_before_raising()
            raise
