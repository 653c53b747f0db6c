# SPDX-License-Identifier: Apache-2.0
"""Which access tokens are authentic: the same for every core, wherever its keys come from."""

from __future__ import annotations

from typing import Protocol

from supertokens.core.issuer import verified
from supertokens.core.verified_tokens import VerifiedToken, VerifiedTokens
from supertokens.engine.access_token import UnknownSigningKeyError, verify_signature
from supertokens.engine.key_set import VerifyingKeys
from supertokens.errors import SuperTokensTryRefreshTokenError

__all__ = ["KeySource", "first_sight", "is_decided_by", "signed_token"]


class KeySource(Protocol):
    """Where the keys that verify come from. Moments in ms; both may raise SuperTokensGeneralError."""

    def to_verify(self, now: int) -> VerifyingKeys:
        """Keys that were read recently enough to verify with."""

    def after_unknown_key(self, now: int, created_at: int | None) -> VerifyingKeys | None:
        """The keys, read again because a token named one that was not among them; None if that is not worth it."""


def signed_token(text: str, now: int, source: KeySource, seen: VerifiedTokens) -> VerifiedToken:
    """What a token says that a key of `source` signed, expired or not; kept in `seen`.

    Raises SuperTokensTryRefreshTokenError for any other text.
    """
    keys = source.to_verify(now)
    return seen.get(text, keys) or first_sight(text, now, keys, source, seen)


def first_sight(text: str, now: int, keys: VerifyingKeys, source: KeySource, seen: VerifiedTokens) -> VerifiedToken:
    """The same for a token that is not in `seen`, with the `keys` of that moment."""
    try:
        return _signed_by(text, keys, seen)
    except UnknownSigningKeyError as error:
        newer = source.after_unknown_key(now, error.created_at)
        if newer is None:
            raise
    return _signed_by(text, newer, seen)


def is_decided_by(text: str, keys: VerifyingKeys, seen: VerifiedTokens) -> bool:
    """Whether `keys` and the text alone say what it is worth: no newer keys have to be read, and it has no marker."""
    try:
        entry = seen.get(text, keys) or _signed_by(text, keys, seen)
    except UnknownSigningKeyError:
        return False
    except SuperTokensTryRefreshTokenError:
        return True
    return entry.token.parent_refresh_token_hash is None


def _signed_by(text: str, keys: VerifyingKeys, seen: VerifiedTokens) -> VerifiedToken:
    token = verify_signature(text, keys)
    entry = VerifiedToken(token, verified(token))
    seen.add(text, entry, keys)
    return entry
