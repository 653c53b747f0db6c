# SPDX-License-Identifier: Apache-2.0
"""What a session looks like to a browser, for each dialect (protocol-1, D.1 and D.2; protocol-modern, 3.1 and 3.2)."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import Final

import msgspec

from supertokens.engine.access_token import body_of
from supertokens.engine.session import Credential, IssuedSession
from supertokens.engine.user_data import JsonObject
from supertokens.transport.changes import Changes
from supertokens.transport.cookies import Cookie, CookiePolicy
from supertokens.transport.request import Dialect, Request

__all__ = ["CORS_HEADERS", "Artefacts"]

CORS_HEADERS: Final = (
    "anti-csrf", "supertokens-sdk-name", "supertokens-sdk-version", "rid", "fdi-version", "authorization",
    "st-auth-mode",
)  # fmt: skip
"""Request headers that browser libraries of both generations send: a preflight has to allow them."""

_NOT_ASCII: Final = re.compile("[^\x00-\x7f]")
_encode: Final = msgspec.json.Encoder().encode


class Artefacts:
    """Writes a session's beginning, change and end into `Changes`. Times are in ms."""

    def __init__(self, cookies: CookiePolicy, refresh_token_validity: int) -> None:
        self._cookies = cookies
        self._refresh_token_validity = refresh_token_validity

    def issued(self, session: IssuedSession, request: Request, *, header_mode: bool) -> Changes:
        """After create and refresh."""
        changes = Changes(whole=True)
        self._put_front_token(changes, session.user_id, session.jwt_payload, session.access_token, request.dialect)
        if header_mode:
            changes.set_header("st-access-token", session.access_token.text)
            changes.set_header("st-refresh-token", session.refresh_token.text)
            return changes
        tokens = {"sAccessToken": session.access_token, "sRefreshToken": session.refresh_token}
        if request.dialect is not Dialect.MODERN:
            tokens["sIdRefreshToken"] = session.id_refresh_token
            id_token = session.id_refresh_token
            changes.set_header("id-refresh-token", f"{id_token.text};{id_token.expires_at}")
        lives_until = session.refresh_token.expires_at
        for kind in Cookie:
            if kind in tokens:
                token = tokens[kind]
                changes.set_cookies([self._cookies.set(kind, token.text, token.created_at, lives_until, request)])
        if session.anti_csrf_token is not None:
            changes.set_header("anti-csrf", session.anti_csrf_token)
        return changes

    def renewed(
        self, user_id: str, jwt_payload: JsonObject, token: Credential, request: Request, *, header_mode: bool
    ) -> Changes:
        """After the access token alone changed."""
        changes = Changes()
        self._put_front_token(changes, user_id, jwt_payload, token, request.dialect)
        if header_mode:
            changes.set_header("st-access-token", token.text)
        else:
            lives_until = token.created_at + self._refresh_token_validity
            changes.set_cookies([self._cookies.set("sAccessToken", token.text, token.created_at, lives_until, request)])
        return changes

    def ended(self, request: Request, *, said_by_front_token: bool = True) -> Changes:
        """After a logout, a revocation or a theft: everything that any dialect may have left is cleared."""
        changes = Changes(whole=True)
        for kind in Cookie:
            changes.set_cookies(self._cookies.clear(kind, request))
        dialect = request.dialect
        if dialect is not Dialect.MODERN:
            changes.set_header("id-refresh-token", "remove")
        if dialect is not Dialect.LEGACY and said_by_front_token:
            changes.set_header("front-token", "remove")
        if dialect is Dialect.MODERN:
            changes.set_header("st-access-token", "")
            changes.set_header("st-refresh-token", "")
        return changes

    def _put_front_token(
        self, changes: Changes, user_id: str, jwt_payload: JsonObject, token: Credential, dialect: Dialect
    ) -> None:
        # The older libraries show `up` to the application as its payload; the newer ones want all claims in it.
        claims = None if dialect is Dialect.LEGACY else body_of(token.text)
        up = jwt_payload if claims is None else msgspec.Raw(claims)
        front = _encode({"ate": token.expires_at, "uid": user_id, "up": up})
        changes.set_header("front-token", b64encode(front if front.isascii() else _in_ascii(front)).decode())


def _in_ascii(text: bytes) -> bytes:
    """The same JSON: its readers take it byte by byte (protocol-1, D.5)."""
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text.decode()).encode("ascii")
