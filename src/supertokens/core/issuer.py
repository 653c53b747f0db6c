# SPDX-License-Identifier: Apache-2.0
"""Issuing credentials: signing and deriving tokens once the rules and the store have agreed."""

from __future__ import annotations

import logging

from msgspec.structs import replace

from supertokens.core.keys import KeyKeeper
from supertokens.engine import refresh_token as refresh_tokens
from supertokens.engine import user_data
from supertokens.engine.access_token import PROTECTED_CLAIMS, AccessToken, TokenVersion, mint
from supertokens.engine.lifetimes import Lifetimes
from supertokens.engine.refresh_token import RefreshKey, RefreshToken, lineage_hash
from supertokens.engine.rotation import Pair
from supertokens.engine.session import CookieLife, Credential, IssuedSession, SessionRecord, VerifiedSession

__all__ = ["Issuer", "rounded", "verified_session"]

_log = logging.getLogger("supertokens")


class Issuer:
    """Makes the tokens of a session from its record. Times are in ms.

    `one_anti_csrf_value`: whether all tokens of a session have the same anti-CSRF value.
    """

    def __init__(self, keys: KeyKeeper, lifetimes: Lifetimes, *, one_anti_csrf_value: bool) -> None:
        self._keys = keys
        self._lifetimes = lifetimes
        self._one_anti_csrf_value = one_anti_csrf_value

    def issue(
        self,
        record: SessionRecord,
        pair: Pair,
        key: RefreshKey,
        presented: RefreshToken | None,
        version: TokenVersion,
        now: int,
    ) -> IssuedSession:
        """Return the credentials of `pair` for the session of `record`, derived with `key`, in tokens of `version`.

        `presented`: the text of the refresh token that the pair is exchanged for. `now` (ms) is when they are issued.
        """
        anti_csrf_token = None
        if record.anti_csrf:
            serial = None if self._one_anti_csrf_value else pair.serial
            anti_csrf_token = refresh_tokens.anti_csrf_value(key, record.handle, serial)
        token = refresh_tokens.derive(key, record.handle, pair.serial, pair.parent, anti_csrf_token)
        access_token = AccessToken(
            version=version,
            handle=record.handle,
            user_id=record.user_id,
            refresh_token_hash=lineage_hash(pair.serial, token),
            parent_refresh_token_hash=lineage_hash(pair.parent, presented.text) if pair.marked and presented else None,
            anti_csrf_token=anti_csrf_token,
            jwt_payload=user_data.decode_object(record.jwt_payload),
            created_at=rounded(now, version),
            expires_at=rounded(self._lifetimes.access_token_end(record.created_at, now), version),
            regenerated_at=now,
        )
        refresh_expires_at = self._cookie_life(record, now).until
        return IssuedSession(
            handle=record.handle,
            user_id=record.user_id,
            jwt_payload=access_token.jwt_payload,
            access_token=self.mint(access_token, record.uses_static_key, now),
            refresh_token=Credential(token, now, refresh_expires_at),
            id_refresh_token=Credential(refresh_tokens.id_refresh_value(token), now, refresh_expires_at),
            anti_csrf_token=anti_csrf_token,
            remember=record.remember,
        )

    def renew(self, token: AccessToken, record: SessionRecord, now: int) -> VerifiedSession:
        """Return the session of `token` with a new access token: the payload of `record`, no marker, and the same
        expiry.

        The expiry is the session's absolute end if that is sooner, never a new life from `now` on. Otherwise a stolen
        access token could be kept alive by showing it.
        """
        renewed = replace(
            token,
            parent_refresh_token_hash=None,
            jwt_payload=user_data.decode_object(record.jwt_payload),
            created_at=rounded(now, token.version),
        )
        return self.replaced(renewed, record, now)

    def replaced(self, token: AccessToken, record: SessionRecord, now: int) -> VerifiedSession:
        """Return the session of `record` with `token`, signed `now`, in place of the one that was shown."""
        end = rounded(self._lifetimes.reissued_end(record.created_at, token.expires_at), token.version)
        token = token if end == token.expires_at else replace(token, expires_at=end)
        new = self.mint(token, record.uses_static_key, now)
        return verified_session(token, new, self._cookie_life(record, now))

    def _cookie_life(self, record: SessionRecord, now: int) -> CookieLife:
        return CookieLife(self._lifetimes.extended(record.created_at, now, remember=record.remember), record.remember)

    def mint(self, token: AccessToken, static_key: bool, now: int) -> Credential:
        """Return `token` as text, signed `now`; `static_key`: with the static key."""
        in_the_way = PROTECTED_CLAIMS.intersection(token.jwt_payload) if token.version == "5" else ()
        if in_the_way:
            names = ", ".join(sorted(in_the_way))
            _log.warning("session %s: its payload uses protected names, left out of the token: %s", token.handle, names)
        # A V2 token names no key: its readers assume the dynamic one (docs/protocol/cdi2.md#access-tokens).
        if token.version == "2":
            self._keys.note_v2(now)
            key = self._keys.ring_for_signing(now).v2_signing_key(now)
        else:
            key = self._keys.ring_for_signing(now).signing_key(now, static=static_key)
        return Credential(mint(token, key), token.created_at, token.expires_at)


def verified_session(
    token: AccessToken, new: Credential | None = None, cookie_life: CookieLife | None = None
) -> VerifiedSession:
    """Return what `token`, which was verified, says of its session.

    `new`: the token that replaces it, or None. `cookie_life`: how long its cookie is kept.
    """
    return VerifiedSession(
        handle=token.handle,
        user_id=token.user_id,
        jwt_payload=token.jwt_payload,
        new_access_token=new,
        cookie_life=cookie_life,
    )


def rounded(moment: int, version: TokenVersion) -> int:
    """Return `moment` (ms) as a token of `version` carries it: V5 in whole seconds, rounded down.

    Whatever else names that moment has to agree with the token (docs/protocol/cdi5.md#the-rules).
    """
    return moment if version == "2" else moment // 1000 * 1000
