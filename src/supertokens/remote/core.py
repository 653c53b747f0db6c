# SPDX-License-Identifier: Apache-2.0
"""A core service, reached over HTTP: the modern core protocol (docs/protocol/cdi5.md)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import system_clock
from supertokens.core.protocol import RenewalTerms
from supertokens.core.signals import Event, EventKind, Signals
from supertokens.core.token_verifier import TokenVerifier
from supertokens.engine.access_token import AccessToken
from supertokens.engine.anti_csrf import AntiCsrfMode
from supertokens.engine.noted_client import NotedClient
from supertokens.engine.refresh_token import TokenPosition, anti_csrf_inside
from supertokens.engine.session import (
    IssuedSession,
    VerifiedSession,
    is_handle,
)
from supertokens.engine.user_data import JsonObject
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensSessionLimitError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.forks import call_in_forked_children
from supertokens.remote import replies
from supertokens.remote.client import CoreClient
from supertokens.remote.clocks import Clocks
from supertokens.remote.keys import PublicKeys
from supertokens.remote.payloads import encoded, encoded_payload
from supertokens.remote.sessions import issued_session, no_such_session, verified_session
from supertokens.remote.stored_sessions import RemoteSessions

__all__ = ["RemoteCore"]

_INHERITED: Final[list[object]] = []

_log = logging.getLogger("supertokens")

_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_MAX_REFRESH_TOKEN_CHARACTERS: Final = 16_384  # characters: the original's are longer than ours
_KIND_OF_KEY_MAY_STAY: Final = "4.0"  # the newest version in which a refresh need not say which kind of key signs


class RemoteCore(RemoteSessions):
    """A `Core` whose sessions are kept by the services that `hosts` names. The answers are those of `EmbeddedCore`.

    Access tokens are verified here, by the service's public keys: a verify that needs no session costs no call. Every
    method may raise SuperTokensGeneralError: no host responded in time, or the response was invalid.

    `clock` gives ms since the epoch, `monotonic` seconds of a clock that never goes back; `sleep` waits for seconds.

    It works with the original core too, from its protocol 4.0 on. Only this package's service provides the following:

    - refreshes of several tabs converge, and a lost answer never logs out;
    - a browser library that sends no anti-CSRF value with its refresh (4.3 and older) can refresh nevertheless;
    - of several refresh cookies the newest is found; with the original core, the first counts;
    - `session_handles` are in the order of creation.

    Its older access tokens (V3 and V4), other tenants than `public` and users with linked accounts are not served.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], int] = system_clock,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not config.hosts:
            raise ValueError("RemoteCore needs 'hosts'")
        self.signals = Signals()
        self._config = config
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._begin()
        call_in_forked_children(self._begin_anew)

    def __repr__(self) -> str:
        return f"RemoteCore({', '.join(self._config.hosts or ())})"

    def _begin(self) -> None:
        self._client = CoreClient(self._config, self._monotonic, self._sleep)
        self._keys = PublicKeys(self._client, self._monotonic)
        self._clocks = Clocks(self._monotonic)
        self._tokens = TokenVerifier(self._keys, self._config.verified_token_cache)

    def _begin_anew(self) -> None:
        """Start over in a forked child.

        It must not use its parent's connections, nor wait for a lock that a thread of its parent held.
        """
        # The client is kept, and never used: nothing is freed in a handler, and no socket is reported as unclosed.
        _INHERITED.append(self._client)
        self._begin()

    @property
    def clock(self) -> Callable[[], int]:
        return self._clock

    def create_session(
        self,
        user_id: str,
        jwt_payload: JsonObject,
        session_data: JsonObject,
        *,
        anti_csrf: bool,
        static_key: bool = False,
        remember: bool = True,
        noted: NotedClient | None = None,
        replaces: Sequence[str] = (),
    ) -> IssuedSession:
        """Create a session as `Core` says. Raise ValueError for a `jwt_payload` that uses the token's own claims."""
        fields = {
            "userId": user_id,
            "userDataInJWT": encoded_payload(jwt_payload),
            "userDataInDatabase": encoded(session_data, "session_data"),
            "enableAntiCsrf": anti_csrf,
            "useDynamicSigningKey": not static_key,
            "remember": remember,
            "tellsMore": True,
            **_noted(noted),
            "replaces": list(replaces) or None,
        }
        asked_at = self._clock()
        answer = self._client.send("POST", "/recipe/session", fields, again=False)
        if answer.status == _CONFLICT:
            self.signals.send(Event(kind="refused", user_id=user_id, reason="session_limit"))
            raise SuperTokensSessionLimitError
        issued = replies.CREATED.of(answer)
        self._clocks.compare(issued.access_token.created_time, asked_at, self._clock())
        if anti_csrf and issued.anti_csrf_token is None:
            raise SuperTokensGeneralError("the core created a session without the requested anti-CSRF value")
        if not remember and issued.remember is not False:
            self._remove({"sessionHandles": [issued.session.handle]})
            raise SuperTokensGeneralError(
                "the core does not support remember=False: it is the original core, or an older service"
            )
        self.signals.send(Event(kind="created", handle=issued.session.handle, user_id=user_id))
        if issued.session_handles_revoked is not None:
            self._told_of_revoked(issued.session_handles_revoked, None)
        elif replaces:
            self.revoke_sessions(replaces)  # the original core, which knows nothing of that
        return issued_session(issued)

    def renew_session(self, handle: str, *, anti_csrf: bool, noted: NotedClient | None = None) -> IssuedSession:
        if not is_handle(handle):
            raise no_such_session()
        fields = {"sessionHandle": handle, "enableAntiCsrf": anti_csrf, "tellsMore": True, **_noted(noted)}
        answer = self._client.send("POST", "/recipe/session/renew", fields, again=False)
        if answer.status == _NOT_FOUND:
            raise SuperTokensGeneralError(
                "the core cannot renew a session under a new handle: it is the original core, or an older service"
            )
        issued = replies.RENEWED.of(answer)
        self.signals.send(Event(kind="created", handle=issued.session.handle, user_id=issued.session.user_id))
        self._told_of_revoked([handle], issued.session.user_id)
        return replace(issued_session(issued), revoked=(handle,))

    def verify(
        self,
        token: str,
        *,
        check_anti_csrf: bool,
        anti_csrf_token: str | None = None,
        check_database: bool = False,
        client: str | None = None,
    ) -> VerifiedSession:
        now = self._clock()
        try:
            known = self._tokens.verify(token, now, check_anti_csrf, anti_csrf_token)
        except SuperTokensTryRefreshTokenError:
            self._clocks.explain_refusal()
            raise
        if known.token.parent_refresh_token_hash is None and not check_database:
            return known.session
        secret = {
            "accessToken": token,
            "doAntiCsrfCheck": check_anti_csrf,
            "enableAntiCsrf": check_anti_csrf,
            "checkDatabase": check_database,
            "antiCsrfToken": anti_csrf_token if check_anti_csrf else None,
            "client": _sendable(client),
            "tellsMore": True,
        }
        answer = self._client.send("POST", "/recipe/session/verify", secret, again=True)
        return verified_session(replies.VERIFIED.of(answer), known.token)

    def verifies_at_once(self, token: str) -> bool:
        return self._tokens.decides_at_once(token, self._clock())

    def verify_at_once(self, token: str, *, check_anti_csrf: bool, anti_csrf_token: str | None) -> VerifiedSession:
        try:
            return self._tokens.verify_at_once(token, self._clock(), check_anti_csrf, anti_csrf_token).session
        except SuperTokensTryRefreshTokenError:
            self._clocks.explain_refusal()
            raise

    def published_keys(self) -> tuple[list[dict[str, str]], int]:
        return self._keys.published(self._clock())

    def refresh(
        self,
        token: str,
        *,
        anti_csrf: bool,
        anti_csrf_token: str | None = None,
        anti_csrf_mode: AntiCsrfMode = "required",
        client: str | None = None,
        static_key: bool | None = None,
        in_place: bool = False,
        noted: NotedClient | None = None,
    ) -> IssuedSession:
        if not _can_be_refresh_token(token):
            raise SuperTokensUnauthorisedError("Invalid refresh token", reason="invalid")
        if anti_csrf and anti_csrf_token is None and anti_csrf_mode == "if_sent":
            # The service asks every caller for the value; whether a browser has to send it is ours to say.
            anti_csrf_token = anti_csrf_inside(token)
        version = ""
        if static_key is None and _KIND_OF_KEY_MAY_STAY in self._client.versions:
            version = _KIND_OF_KEY_MAY_STAY
        secret = {
            "refreshToken": token,
            "enableAntiCsrf": anti_csrf,
            "antiCsrfToken": _sendable(anti_csrf_token) if anti_csrf else None,
            "useDynamicSigningKey": None if version else not static_key,
            "client": _sendable(client),
            "renewsInPlace": True if in_place else None,
            "tellsMore": True,
            **_noted(noted),
        }
        asked_at = self._clock()
        answer = self._client.send("POST", "/recipe/session/refresh", secret, again=True, version=version)
        try:
            issued = replies.REFRESHED.of(answer)
        except SuperTokensTokenTheftError as theft:
            _log.warning("token theft detected in session %s", theft.session_handle)
            self.signals.send(Event(kind="theft", handle=theft.session_handle, user_id=theft.user_id))
            raise
        self._clocks.compare(issued.access_token.created_time, asked_at, self._clock())
        kind: EventKind = "renewed" if in_place else "refreshed"
        self.signals.send(Event(kind=kind, handle=issued.session.handle, user_id=issued.session.user_id))
        return issued_session(issued)

    def served_by_record(self, token: str, *, waited: int, spares: bool) -> VerifiedSession | None:
        secret = {"refreshToken": token, "waitedMs": waited, "spares": spares}
        answer = self._client.send("POST", "/recipe/session/served-by-record", secret, again=True)
        served: replies.Served | replies.NotServed = replies.SERVED.of(answer)
        if isinstance(served, replies.NotServed):
            return None
        session = served.session
        return VerifiedSession(handle=session.handle, user_id=session.user_id, jwt_payload=session.user_data_in_jwt)

    def renewal_terms(self) -> RenewalTerms | None:
        answer = self._client.get("/recipe/session/renewal-terms", {})
        if answer.status == 404:
            return None  # the original core, each of whose refreshes mints a sibling
        terms = replies.RENEWAL_TERMS.of(answer)
        return RenewalTerms(terms.grace_ms, terms.access_token_validity_ms)

    def regenerate(self, token: str, jwt_payload: JsonObject | None) -> VerifiedSession:
        payload = None if jwt_payload is None else encoded_payload(jwt_payload)
        try:
            # Not every core does this before it writes (docs/protocol/cdi2.md#regenerate).
            claims = self._tokens.authenticate(token, self._clock()).token
        except SuperTokensTryRefreshTokenError as error:
            raise SuperTokensUnauthorisedError(str(error), reason=error.reason) from error
        secret = {"accessToken": token, "userDataInJWT": payload, "tellsMore": True}
        answer = self._client.send("POST", "/recipe/session/regenerate", secret, again=True)
        return verified_session(replies.REGENERATED.of(answer), claims)

    def authentic_access_token(self, token: str) -> AccessToken | None:
        try:
            return self._tokens.authenticate(token, self._clock()).token
        except SuperTokensTryRefreshTokenError:
            return None

    def authentic_refresh_token(self, token: str) -> TokenPosition | None:
        if not _can_be_refresh_token(token):
            return None
        answer = self._client.send("POST", "/recipe/session/refresh/authenticate", {"refreshToken": token}, again=True)
        if answer.status == 404:
            return None  # the original core, which has no such question
        try:
            stands = replies.STANDS.of(answer)
        except SuperTokensUnauthorisedError:
            return None
        return TokenPosition(stands.handle, stands.serial)

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()


def _can_be_refresh_token(token: str) -> bool:
    return len(token) <= _MAX_REFRESH_TOKEN_CHARACTERS and token.isascii()


def _noted(client: NotedClient | None) -> dict[str, object]:
    return {} if client is None else {"notedUserAgent": client.user_agent or "", "notedAddress": client.address or ""}


def _sendable(text: str | None) -> str | None:
    """Return `text` as far as it is Unicode."""
    return None if text is None else text.encode("utf-8", "replace").decode()
