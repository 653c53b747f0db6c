# SPDX-License-Identifier: Apache-2.0
"""Verify access tokens by signature and claims: the same for every core, wherever its keys are."""

from __future__ import annotations

from typing import NoReturn, Protocol

from supertokens.core.issuer import verified_session
from supertokens.core.verified_tokens import VerifiedToken, VerifiedTokens
from supertokens.engine import anti_csrf as anti_csrf_rules
from supertokens.engine.access_token import UnknownSigningKeyError, verify_signature
from supertokens.engine.key_set import VerifyingKeys
from supertokens.errors import SuperTokensTryRefreshTokenError

__all__ = ["KeySource", "TokenVerifier", "WouldWaitError"]


class WouldWaitError(Exception):
    """A check that must not wait would have to: for the store, or for the network. Nothing was done."""


class KeySource(Protocol):
    """The source of the keys that verify tokens. Times are in ms."""

    def ring_for_verifying(self, now: int) -> VerifyingKeys:
        """Return keys read recently enough at `now` to verify with. Raise SuperTokensGeneralError if there are none."""

    def cached_ring(self, now: int) -> VerifyingKeys | None:
        """Return the keys in memory if `ring_for_verifying` would return them at `now`; otherwise None. Never waits."""

    def after_unknown_key(self, now: int, created_at: int | None) -> VerifyingKeys | None:
        """Return the keys, read again at `now` because a token named one that was missing; None to save the read.

        `created_at`: when that key was made, as the token claims. Raise SuperTokensGeneralError.
        """


class TokenVerifier:
    """Verifies access tokens with the keys of `source`, for any thread, and remembers up to `max_tokens` of them."""

    def __init__(self, source: KeySource, max_tokens: int) -> None:
        self._source = source
        self._cache = VerifiedTokens(max_tokens)

    def verify(self, token: str, now: int, check_anti_csrf: bool, anti_csrf_token: str | None) -> VerifiedToken:
        """Return what `token` says, if it is authentic and has not expired at `now`.

        `check_anti_csrf`: whether `anti_csrf_token` has to be its anti-CSRF value. The marker, and whether the session
        still exists, are left to the caller. Raise SuperTokensTryRefreshTokenError, or SuperTokensGeneralError if the
        keys cannot be read.
        """
        keys = self._source.ring_for_verifying(now)
        # Like `VerifiedTokens.get`; inlined, since every check runs this.
        kept = self._cache.kept
        known = kept.by_text.get(token) if kept.keys is keys else None
        if known is None:
            known = self._cache.get(token, keys) or self._first_sight(token, now, keys)
        else:  # a token seen for the first time is not in use yet
            known.in_use = True
        if not known.token.created_at - keys.max_token_lead <= now < known.token.expires_at:
            _refuse_outside_its_life(known, now, keys)
        if check_anti_csrf:
            anti_csrf_rules.check_on_verify(known.token.anti_csrf_token, anti_csrf_token)
        return known

    def authenticate(self, token: str, now: int) -> VerifiedToken:
        """Return what `token` says, expired at `now` or not, if a key of the source signed it. Raise as `verify`."""
        keys = self._source.ring_for_verifying(now)
        known = self._cache.get(token, keys) or self._first_sight(token, now, keys)
        _refuse_from_ahead(known, now, keys)
        return known

    def _first_sight(self, token: str, now: int, keys: VerifyingKeys) -> VerifiedToken:
        try:
            return self._check_signature(token, keys)
        except UnknownSigningKeyError as error:
            newer = self._source.after_unknown_key(now, error.created_at)
            if newer is None:
                raise
        return self._check_signature(token, newer)

    def decides_at_once(self, token: str, now: int) -> bool:
        """Return whether `verify` decides about `token` at `now`, without waiting: the token then has no marker."""
        try:
            self.verify_at_once(token, now, check_anti_csrf=False, anti_csrf_token=None)
        except WouldWaitError:
            return False
        except SuperTokensTryRefreshTokenError:
            pass  # it is decided as well
        return True

    def verify_at_once(self, token: str, now: int, check_anti_csrf: bool, anti_csrf_token: str | None) -> VerifiedToken:
        """Return and raise as `verify`. Raise WouldWaitError if that would wait, or for a token with a marker."""
        keys = self._source.cached_ring(now)
        if keys is None:
            raise WouldWaitError
        kept = self._cache.kept  # see `verify`
        known = kept.by_text.get(token) if kept.keys is keys else None
        if known is None:
            try:
                known = self._cache.get(token, keys) or self._check_signature(token, keys)
            except UnknownSigningKeyError:
                raise WouldWaitError from None
        else:
            known.in_use = True
        claims = known.token
        if claims.parent_refresh_token_hash is not None:
            raise WouldWaitError
        if not claims.created_at - keys.max_token_lead <= now < claims.expires_at:
            _refuse_outside_its_life(known, now, keys)
        if check_anti_csrf:
            anti_csrf_rules.check_on_verify(claims.anti_csrf_token, anti_csrf_token)
        return known

    def _check_signature(self, token: str, keys: VerifyingKeys) -> VerifiedToken:
        claims = verify_signature(token, keys)
        known = VerifiedToken(claims, verified_session(claims))
        self._cache.add(token, known, keys)
        return known


def _refuse_from_ahead(known: VerifiedToken, now: int, keys: VerifyingKeys) -> None:
    if known.token.created_at > now + keys.max_token_lead:
        raise SuperTokensTryRefreshTokenError("Access token is dated in the future", reason="invalid")


def _refuse_outside_its_life(known: VerifiedToken, now: int, keys: VerifyingKeys) -> NoReturn:
    _refuse_from_ahead(known, now, keys)
    # RFC 7519, 4.1.4: not accepted "on or after".
    raise SuperTokensTryRefreshTokenError("Access token expired", reason="expired")
