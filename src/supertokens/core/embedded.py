# SPDX-License-Identifier: Apache-2.0
"""The core inside the application's own process."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core.comparisons import Comparisons
from supertokens.core.feed import feed_for
from supertokens.core.issuer import Issuer, rounded, verified_session
from supertokens.core.keys import KeyKeeper
from supertokens.core.protocol import RenewalTerms
from supertokens.core.rotator import MAX_LOST_RACES, Rotator
from supertokens.core.signals import Event
from supertokens.core.stored_sessions import EmbeddedSessions
from supertokens.core.successors import Successors
from supertokens.core.sweeper import Sweeper
from supertokens.core.token_verifier import TokenVerifier
from supertokens.core.verified_tokens import VerifiedToken
from supertokens.engine import anti_csrf as anti_csrf_rules
from supertokens.engine import refresh_token as refresh_tokens
from supertokens.engine import user_data
from supertokens.engine.access_token import AccessToken, TokenVersion, carried_payload
from supertokens.engine.anti_csrf import AntiCsrfMode
from supertokens.engine.lifetimes import Lifetimes
from supertokens.engine.noted_client import NOTHING_NOTED, NotedClient
from supertokens.engine.refresh_token import RefreshToken, TokenPosition, UnknownRefreshKeyError, successor_of
from supertokens.engine.renewal import RENEWAL_TABLE, serves_late
from supertokens.engine.rotation import NEW_SESSION, REFRESH_TABLE, VERIFY_TABLE, Pair
from supertokens.engine.session import (
    IssuedSession,
    SessionRecord,
    VerifiedSession,
    is_handle,
    new_handle,
)
from supertokens.engine.user_data import JsonObject
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensSessionLimitError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.forks import ProcessLock
from supertokens.stores.base import SessionLimit, Store

__all__ = ["EmbeddedCore", "system_clock"]

_log = logging.getLogger("supertokens")

_ENDED: Final = "Either the session has ended or has been blacklisted"


def system_clock() -> int:
    """Return the time in ms since the epoch."""
    return time.time_ns() // 1_000_000


class EmbeddedCore(EmbeddedSessions):
    """A `Core` on a store that other processes may share. `clock` gives ms since the epoch, `random` random bytes,
    `monotonic` seconds of a clock that never goes back.

    `create_session` and `refresh` also take the `version` of the access token: older callers of the service want V2.
    `accepts_v2`: whether V2 tokens are accepted before one has been minted on this store.

    `refreshes` counts refreshes by row of the rotation table: many in row 2 suggest a cloned client.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        clock: Callable[[], int] = system_clock,
        random: Callable[[int], bytes] = os.urandom,
        monotonic: Callable[[], float] = time.monotonic,
        accepts_v2: bool = False,
    ) -> None:
        lifetimes = Lifetimes(
            config.access_token_validity_ms,
            config.refresh_token_validity_ms,
            config.short_session_validity_ms,
            None if config.session_max_lifetime is None else config.session_max_lifetime * 1000,
            config.refresh_token_rotation_grace_period_ms // 2,
        )
        self.keys = KeyKeeper(config, store, random, monotonic, accepts_v2=accepts_v2)
        grace = config.refresh_token_rotation_grace_period_ms
        super().__init__(store, clock, lifetimes, Successors(self.keys, store, clock, grace))
        self.refreshes: Counter[int] = Counter()
        self._counting = ProcessLock()
        self._random = random
        self._last_authentic: RefreshToken | None = None  # a server that renews asks about a token, then refreshes it
        most = config.max_sessions_per_user
        self._limit = None if most is None else SessionLimit(most, evicts=config.session_limit_action == "oldest")
        self._renewal = RenewalTerms(grace, config.access_token_validity_ms)
        self._rotator = Rotator(config, self.keys, store, clock, lifetimes)
        self._issuer = Issuer(self.keys, lifetimes, one_anti_csrf_value=grace > 0)
        self._tokens = TokenVerifier(self.keys, config.verified_token_cache)
        self._comparisons = Comparisons(store, lifetimes, feed_for(config, store, clock, monotonic))
        self._sweeper = Sweeper(store, config.access_token_validity_ms)

    def __repr__(self) -> str:
        return f"EmbeddedCore({self.store!r})"

    def create_session(
        self,
        user_id: str,
        jwt_payload: JsonObject,
        session_data: JsonObject,
        *,
        anti_csrf: bool,
        version: TokenVersion = "5",
        static_key: bool = False,
        remember: bool = True,
        noted: NotedClient | None = None,
        replaces: Sequence[str] = (),
    ) -> IssuedSession:
        now = self._clock()
        key = self.keys.ring_for_signing(now).newest_refresh
        record = SessionRecord(
            handle=new_handle(self._random(16)),
            user_id=user_id,
            jwt_payload=user_data.encode_object(jwt_payload, "jwt_payload"),
            created_at=now,
            expires_at=self._lifetimes.extended(now, now, remember=remember),
            uses_static_key=static_key,
            anti_csrf=anti_csrf,
            remember=remember,
            last_seen_at=now,
            auth_time=now,
            client=noted or NOTHING_NOTED,
            lineage=NEW_SESSION,
        )
        first = Pair(NEW_SESSION.current, NEW_SESSION.parent, marked=False)
        issued = self._issuer.issue(record, first, key, None, version, now)
        data = user_data.encode_object(session_data, "session_data")
        removed = self.store.create(
            record, data, limit=self._limit, replaces=[each for each in replaces if is_handle(each)]
        )
        if removed is None:
            self.signals.send(Event(kind="refused", user_id=user_id, reason="session_limit"))
            raise SuperTokensSessionLimitError
        self._sweeper.sweep_now_and_then(now)
        self.signals.send(Event(kind="created", handle=record.handle, user_id=user_id))
        return replace(issued, revoked=tuple(self._told_of_revoked(removed, None))) if removed else issued

    def renew_session(self, handle: str, *, anti_csrf: bool, noted: NotedClient | None = None) -> IssuedSession:
        for _ in range(MAX_LOST_RACES):
            record, now = self._record(handle), self._clock()
            key = self.keys.ring_for_signing(now).newest_refresh
            renewed = replace(
                record,
                handle=successor_of(key, handle),
                expires_at=self._lifetimes.extended(record.created_at, now, remember=record.remember),
                anti_csrf=anti_csrf,
                last_seen_at=now,
                client=record.client if noted is None else noted,
                lineage=NEW_SESSION,
            )
            first = Pair(NEW_SESSION.current, NEW_SESSION.parent, marked=False)
            issued = self._issuer.issue(renewed, first, key, None, "5", now)
            if self.store.rotate(record, renewed, durable=True):
                self.signals.send(Event(kind="created", handle=renewed.handle, user_id=record.user_id))
                self._told_of_revoked([handle], record.user_id)
                return replace(issued, revoked=(handle,))
        raise SuperTokensGeneralError(f"a renewal lost {MAX_LOST_RACES} races for its session in a row")

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
        known = self._tokens.verify(token, now, check_anti_csrf, anti_csrf_token)
        if known.token.parent_refresh_token_hash is not None:
            return self._verify_marked(known, client, check_database)
        if not check_database:
            return known.session
        asked_at = self._comparisons.begin(known, now)
        if asked_at is None:
            return known.session
        found = self.store.get(known.token.handle, now)
        if found is None or self._lifetimes.has_ended(found.record, found.now):
            raise self._successors.gone(known.token.handle, _ENDED)
        session = self._with_stored_payload(known, found.record, now)
        if session is known.session:
            self._comparisons.note(known, found.record, asked_at)
        return session

    def verifies_at_once(self, token: str) -> bool:
        return self._tokens.decides_at_once(token, self._clock())

    def verify_at_once(self, token: str, *, check_anti_csrf: bool, anti_csrf_token: str | None) -> VerifiedSession:
        return self._tokens.verify_at_once(token, self._clock(), check_anti_csrf, anti_csrf_token).session

    def published_keys(self) -> tuple[list[dict[str, str]], int]:
        return self.keys.published(self._clock())

    def refresh(
        self,
        token: str,
        *,
        anti_csrf: bool,
        anti_csrf_token: str | None = None,
        anti_csrf_mode: AntiCsrfMode = "required",
        client: str | None = None,
        version: TokenVersion = "5",
        static_key: bool | None = None,
        in_place: bool = False,
        noted: NotedClient | None = None,
    ) -> IssuedSession:
        presented = self._authentic(token, self._clock())
        if anti_csrf:
            anti_csrf_rules.check_on_refresh(presented.anti_csrf_token, anti_csrf_token, anti_csrf_mode)
        settled = self._rotator.settle(
            RENEWAL_TABLE if in_place else REFRESH_TABLE,
            presented,
            client,
            anti_csrf=anti_csrf,
            static_key=static_key,
            in_place=in_place,
            noted=noted,
        )
        if settled is None:
            raise self._successors.gone(presented.handle, "Session missing in db or has expired")
        record, decision, now = settled
        with self._counting.own:
            self.refreshes[decision.row] += 1
        if decision.pair is None:
            _log.warning("token theft detected in session %s", record.handle)
            self.signals.send(Event(kind="theft", handle=record.handle, user_id=record.user_id))
            raise SuperTokensTokenTheftError(record.handle, record.user_id)
        issued = self._issuer.issue(record, decision.pair, presented.key, presented, version, now)
        self.signals.send(
            Event(kind="renewed" if in_place else "refreshed", handle=record.handle, user_id=record.user_id)
        )
        return issued

    def served_by_record(self, token: str, *, waited: int, spares: bool) -> VerifiedSession | None:
        now = self._clock()
        presented = self._authentic(token, now)
        found = self._living(presented.handle, now)
        if found is None:
            return None
        record, came_in = found.record, found.now - waited
        serves = spares or serves_late(
            record.lineage, presented.serial, presented.parent, came_in=came_in, grace=self._renewal.grace
        )
        if not serves:
            return None
        payload = user_data.decode_object(record.jwt_payload)
        return VerifiedSession(handle=record.handle, user_id=record.user_id, jwt_payload=payload)

    def renewal_terms(self) -> RenewalTerms:
        return self._renewal

    def regenerate(self, token: str, jwt_payload: JsonObject | None) -> VerifiedSession:
        now = self._clock()
        try:
            claims = self._tokens.authenticate(token, now).token
        except SuperTokensTryRefreshTokenError as error:
            raise SuperTokensUnauthorisedError(str(error), reason=error.reason) from error
        record = self._record(claims.handle)
        if jwt_payload is None:
            payload = user_data.decode_object(record.jwt_payload)
        else:
            self.update_jwt_payload(claims.handle, jwt_payload)
            payload = jwt_payload
        renewed = replace(claims, jwt_payload=payload, created_at=rounded(now, claims.version), regenerated_at=now)
        if claims.expires_at <= now:
            return verified_session(renewed)
        return self._issuer.replaced(renewed, record, now)

    def authentic_access_token(self, token: str) -> AccessToken | None:
        try:
            return self._tokens.authenticate(token, self._clock()).token
        except SuperTokensTryRefreshTokenError:
            return None

    def authentic_refresh_token(self, token: str) -> TokenPosition | None:
        try:
            presented = self._authentic(token, self._clock())
        except SuperTokensUnauthorisedError:
            return None
        return TokenPosition(presented.handle, presented.serial)

    def sweep(self) -> int:
        """Delete all expired sessions; return how many there were."""
        return self._sweeper.sweep_all(self._clock())

    def sweep_in_steps(self) -> Iterator[int]:
        """Do what `sweep` does, at most 500 sessions at a time; yield the number of each step."""
        return self._sweeper.sweep_in_steps(self._clock())

    def close(self) -> None:
        """Close the connections of the store."""
        self._comparisons.close()
        self.store.close()

    def _authentic(self, token: str, now: int) -> RefreshToken:
        """Return the refresh token `token`, parsed. Raise as `refresh_tokens.authenticate`."""
        keys = self.keys.ring_for_verifying(now).refresh
        last = self._last_authentic
        if last is not None and last.is_text(token) and keys.get(last.key.id) is last.key:
            return last
        try:
            presented = refresh_tokens.authenticate(token, keys)
        except UnknownRefreshKeyError:
            ring = self.keys.after_unknown_key(now, None)
            if ring is None:
                raise
            presented = refresh_tokens.authenticate(token, ring.refresh)
        self._last_authentic = presented
        return presented

    def _verify_marked(self, known: VerifiedToken, client: str | None, check_database: bool) -> VerifiedSession:
        settled = self._rotator.settle(VERIFY_TABLE, known.token, client)
        if settled is None:
            raise self._successors.gone(known.token.handle, _ENDED if check_database else "Session missing in db")
        record, decision, now = settled
        if decision.confirmed:
            return self._issuer.renew(known.token, record, now)
        return self._with_stored_payload(known, record, now) if check_database else known.session

    def _with_stored_payload(self, known: VerifiedToken, record: SessionRecord, now: int) -> VerifiedSession:
        """Return the session of `known`, with a new access token if the payload in `record` differs, issued `now`."""
        if record.jwt_payload == known.stored_payload:
            return known.session
        token = known.token
        stored = user_data.decode_object(record.jwt_payload)
        # A V2 token lacks null members: where the stored payload has some, the two differ.
        expected = carried_payload(stored, "5") if token.version == "5" else stored
        if not user_data.equal(token.jwt_payload, expected):
            return self._issuer.renew(token, record, now)
        if expected is stored:  # what no token carries may have any size, and what is kept here is bounded
            known.stored_payload = record.jwt_payload
        return known.session
