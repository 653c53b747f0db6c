# SPDX-License-Identifier: Apache-2.0
"""How a browser is told that a session begins, changes or ends, in each dialect (docs/browsers.md)."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Final

import msgspec

from supertokens.engine.access_token import body_of, has_form_of_access_token
from supertokens.engine.refresh_token import position_inside
from supertokens.engine.session import CookieLife, Credential, IssuedSession
from supertokens.engine.user_data import JsonObject
from supertokens.transport.cookies import COOKIE_KINDS, CookieKind, CookiePolicy, cookie_values
from supertokens.transport.request import Dialect, Request
from supertokens.transport.response_changes import ResponseChanges

__all__ = ["CORS_HEADERS", "ResponseWriter"]

CORS_HEADERS: Final = (
    "anti-csrf", "supertokens-sdk-name", "supertokens-sdk-version", "rid", "fdi-version", "authorization",
    "st-auth-mode",
)  # fmt: skip
"""Request headers that browser libraries of both generations send: a preflight has to allow them."""

_NOT_ASCII: Final = re.compile("[^\x00-\x7f]")
_encode: Final = msgspec.json.Encoder().encode


class ResponseWriter:
    """Writes the beginning, change and end of a session into `ResponseChanges`.

    `renews`: the server renews sessions for browsers without a library, which then get the two cookies and none of the
    headers.
    """

    def __init__(self, cookies: CookiePolicy, *, renews: bool = False) -> None:
        self._cookies = cookies
        self._renews = renews

    def issued(
        self, session: IssuedSession, request: Request, *, header_mode: bool, begins: bool = False
    ) -> ResponseChanges:
        """Return the changes that give the browser of `request` the new tokens of `session`.

        `header_mode`: the tokens are sent in headers. `begins`: delete what an earlier session, or a neighbouring host,
        may have left at the other known places: next to another user's cookies the new ones would be refused.
        """
        changes = ResponseChanges(whole=True)
        if self._tells_library(request, header_mode=header_mode):
            self._put_front_token(changes, session.user_id, session.jwt_payload, session.access_token, request.dialect)
        if header_mode:
            changes.set_header("st-access-token", session.access_token.text)
            changes.set_header("st-refresh-token", session.refresh_token.text)
        else:
            self._put_cookies(changes, session, request)
            if request.dialect is Dialect.MODERN and _is_token(request.bearer_text):
                # The library keeps the tokens of header mode within reach of scripts until it is told to forget them.
                changes.set_header("st-access-token", "")
                changes.set_header("st-refresh-token", "")
        for kind in self._superseded(request, header_mode=header_mode):
            changes.set_cookies(self._cookies.clear(kind, request))
        if begins and not header_mode and self._cookies.came_with(request):
            # All kinds: which others exist is unknown, since the refresh token is not sent with a login.
            for kind in COOKIE_KINDS:
                changes.set_cookies(self._cookies.clear_elsewhere(kind, request))
        return changes

    def renewed(
        self,
        user_id: str,
        jwt_payload: JsonObject,
        token: Credential,
        life: CookieLife,
        request: Request,
        *,
        header_mode: bool,
    ) -> ResponseChanges:
        """Return the changes that give the browser of `request` the access token `token`, beside its refresh token.

        `user_id` and `jwt_payload` are reported to libraries. `life`: of the cookie. `header_mode`: see `issued`.
        """
        changes = ResponseChanges()
        if self._tells_library(request, header_mode=header_mode):
            self._put_front_token(changes, user_id, jwt_payload, token, request.dialect)
        if header_mode:
            changes.set_header("st-access-token", token.text)
        else:
            changes.set_cookies([self._cookies.set("sAccessToken", token.text, token.created_at, life, request)])
        return changes

    def ended(self, request: Request, *, header_mode: bool, clear_cookies: bool) -> ResponseChanges:
        """Return the changes that tell the browser of `request` that its session has ended. `header_mode`: see
        `issued`.

        `clear_cookies`: delete everything that any dialect may have left; otherwise only headers report the end.
        """
        changes = ResponseChanges(whole=True)
        for kind in COOKIE_KINDS if clear_cookies else ():
            changes.set_cookies(self._cookies.clear(kind, request))
        dialect = request.dialect
        if not self._tells_library(request, header_mode=header_mode):
            return changes
        if dialect is not Dialect.MODERN and not header_mode:
            changes.set_header("id-refresh-token", "remove")
        if dialect is not Dialect.LEGACY:
            changes.set_header("front-token", "remove")
        if dialect is Dialect.MODERN or header_mode:
            changes.set_header("st-access-token", "")
            changes.set_header("st-refresh-token", "")
        return changes

    def only_at(self, kind: CookieKind, token: str, now: int, life: CookieLife, request: Request) -> ResponseChanges:
        """Return the changes that set the cookie of `kind` with `token` at its current place, and delete it elsewhere.

        It lasts for `life` from `now` on; `request` gives host and mount point.
        """
        changes = ResponseChanges()
        changes.set_cookies(self._cookies.clear_elsewhere(kind, request))
        changes.set_cookies([self._cookies.set(kind, token, now, life, request)])
        return changes

    def _put_cookies(self, changes: ResponseChanges, session: IssuedSession, request: Request) -> None:
        tokens = {"sAccessToken": session.access_token, "sRefreshToken": session.refresh_token}
        tells_library = self._tells_library(request, header_mode=False)
        if request.dialect is not Dialect.MODERN and tells_library:
            tokens["sIdRefreshToken"] = id_token = session.id_refresh_token
            changes.set_header("id-refresh-token", f"{id_token.text};{id_token.expires_at}")
        life = session.cookie_life
        for kind in COOKIE_KINDS:
            if kind in tokens:
                token = tokens[kind]
                changes.set_cookies([self._cookies.set(kind, token.text, token.created_at, life, request)])
        if session.anti_csrf_token is not None:
            changes.set_header("anti-csrf", session.anti_csrf_token)

    def repeated(self, session: IssuedSession, request: Request) -> ResponseChanges:
        """Return the changes that tell a library about the `session` that it has, for `request`, without a cookie."""
        changes = self.issued(session, request, header_mode=False)
        changes.drop_cookies()
        return changes

    def _tells_library(self, request: Request, *, header_mode: bool) -> bool:
        """Return whether a library in the browser of `request` gets headers, as always in `header_mode`."""
        return header_mode or not self._renews or request.dialect is not Dialect.PLAIN

    def _superseded(self, request: Request, *, header_mode: bool) -> list[CookieKind]:
        """Return deletions for cookies of `request` that a new session does not set, and that would outlive the old
        one.

        `header_mode`: see `issued`.
        """
        if header_mode:
            kinds: tuple[CookieKind, ...] = COOKIE_KINDS
        else:
            kinds = ("sIdRefreshToken",) if request.dialect is Dialect.MODERN else ()
        return [kind for kind in kinds if cookie_values(request.cookies, self._cookies.starts[kind])]

    def _put_front_token(
        self, changes: ResponseChanges, user_id: str, jwt_payload: JsonObject, token: Credential, dialect: Dialect
    ) -> None:
        # The older libraries show `up` to the application as its payload; the newer ones want all claims in it.
        claims = None if dialect is Dialect.LEGACY else body_of(token.text)
        up = jwt_payload if claims is None else msgspec.Raw(claims)
        front = _encode({"ate": token.expires_at, "uid": user_id, "up": up})
        changes.set_header("front-token", b64encode(front if front.isascii() else _in_ascii(front)).decode())


def _is_token(bearer: str | None) -> bool:
    return bearer is not None and (has_form_of_access_token(bearer) or position_inside(bearer) is not None)


def _in_ascii(text: bytes) -> bytes:
    """Return the JSON `text` in ASCII: its readers take it byte by byte (docs/protocol/browsers.md#the-front-token)."""
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text.decode()).encode("ascii")
