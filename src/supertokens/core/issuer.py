# SPDX-License-Identifier: Apache-2.0
"""Credentials going out: what is signed and derived once the rules and the store have agreed."""

from __future__ import annotations

import logging

from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core.keys import KeyKeeper
from supertokens.engine import refresh_token as refresh_tokens
from supertokens.engine import user_data
from supertokens.engine.access_token import PROTECTED_CLAIMS, AccessToken, TokenVersion, mint
from supertokens.engine.refresh_token import RefreshKey, RefreshToken, lineage_hash
from supertokens.engine.rotation import Pair
from supertokens.engine.session import Credential, IssuedSession, SessionRecord, VerifiedSession

__all__ = ["Issuer", "rounded", "verified_session"]

_log = logging.getLogger("supertokens")


class Issuer:
    """Makes the tokens of a session from its record. Times are in ms."""

    def __init__(self, config: Config, keys: KeyKeeper) -> None:
        self._keys = keys
        self._access_validity = config.access_token_validity_ms
        self._refresh_validity = config.refresh_token_validity_ms
        self._one_anti_csrf_value = config.refresh_token_rotation_grace_period_ms > 0

    def issue(
        self,
        record: SessionRecord,
        pair: Pair,
        key: RefreshKey,
        presented: RefreshToken | None,
        version: TokenVersion,
        now: int,
    ) -> IssuedSession:
        """The credentials of `pair`; `presented` is the text of the refresh token that it is exchanged for."""
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
            expires_at=rounded(now + self._access_validity, version),
            regenerated_at=now,
        )
        refresh_expires_at = now + self._refresh_validity
        return IssuedSession(
            handle=record.handle,
            user_id=record.user_id,
            jwt_payload=access_token.jwt_payload,
            access_token=self.mint(access_token, record.uses_static_key, now),
            refresh_token=Credential(token, now, refresh_expires_at),
            id_refresh_token=Credential(refresh_tokens.id_refresh_value(token), now, refresh_expires_at),
            anti_csrf_token=anti_csrf_token,
        )

    def renew(self, token: AccessToken, record: SessionRecord, now: int) -> VerifiedSession:
        """Return the session with a new access token: the stored payload, no marker, and the expiry of `token`.

        Only create and refresh begin a new life: otherwise a stolen access token could be kept alive by showing it.
        """
        renewed = replace(
            token,
            parent_refresh_token_hash=None,
            jwt_payload=user_data.decode_object(record.jwt_payload),
            created_at=rounded(now, token.version),
        )
        return verified_session(renewed, self.mint(renewed, record.uses_static_key, now))

    def mint(self, token: AccessToken, static_key: bool, now: int) -> Credential:
        """Sign `token`."""
        in_the_way = PROTECTED_CLAIMS.intersection(token.jwt_payload) if token.version == "5" else ()
        if in_the_way:
            names = ", ".join(sorted(in_the_way))
            _log.warning("session %s: its payload uses protected names, left out of the token: %s", token.handle, names)
        # A V2 token names no key: its readers take it for signed by the dynamic one (protocol-1, A.5 and B.1).
        if token.version == "2":
            self._keys.note_v2(now)
            key = self._keys.ring_for_signing(now).v2_signing_key(now)
        else:
            key = self._keys.ring_for_signing(now).signing_key(now, static=static_key)
        return Credential(mint(token, key), token.created_at, token.expires_at)


def verified_session(token: AccessToken, new: Credential | None = None) -> VerifiedSession:
    """Return what `token`, which was verified, says of its session, and the token that replaces it."""
    return VerifiedSession(
        handle=token.handle,
        user_id=token.user_id,
        jwt_payload=token.jwt_payload,
        new_access_token=new,
    )


def rounded(moment: int, version: TokenVersion) -> int:
    """V5 tokens carry whole seconds, rounded down; what is said of them elsewhere agrees (protocol-modern, 1.5)."""
    return moment if version == "2" else moment // 1000 * 1000
