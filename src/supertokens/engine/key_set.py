# SPDX-License-Identifier: Apache-2.0
"""Keys that verify: what a verifier needs of a key ring, and the key set of a core that keeps its private keys to
itself (RFC 7517, RFC 7518; RFC 8725, section 3.1).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from supertokens.engine import base64url
from supertokens.engine.algorithms import ALGORITHMS, Algorithm, VerifyingKey, algorithm_of
from supertokens.engine.user_data import decode_object

__all__ = ["MAX_TOKEN_LEAD_MS", "KeySet", "PublicKey", "VerifyingKeys", "read_key_set"]

_KID: Final = re.compile("d-[0-9]{1,15}|s-[0-9A-Za-z-]{1,64}")
MAX_TOKEN_LEAD_MS: Final = 86_400_000
"""How far ahead a token may say that it was made (ms): a day covers every difference of clocks that work, and a token
made by a clock that was a year ahead must not live for a year.
"""

_BY_NAMES: Final[dict[tuple[object, object], Algorithm]] = {
    ("RSA", "RS256"): ALGORITHMS["RS256"],
    ("EC", "ES256"): ALGORITHMS["ES256"],
}
_MAX_SPELLINGS: Final = 64
_MAX_HEADER_CHARACTERS: Final = 512

_log = logging.getLogger("supertokens")


class PublicKey:
    """A public key, bound to one algorithm (RFC 8725, section 3.1)."""

    __slots__ = ("_public", "algorithm", "header", "kid")

    def __init__(self, kid: str, public: VerifyingKey) -> None:
        self._public = public
        self.algorithm = algorithm_of(public)
        self.kid = kid
        header = f'{{"alg":"{self.algorithm.name}","typ":"JWT","version":"5","kid":"{kid}"}}'
        self.header = base64url.encode(header.encode())
        """The header segment of V5 tokens that our cores sign with this key: compared as text, never parsed."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kid!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.kid == other.kid and self._public == other._public

    def __hash__(self) -> int:
        return hash(self.kid)

    def is_signature(self, secret: bytes, data: bytes) -> bool:
        """Return whether `secret` is the private key's signature of `data`."""
        return self.algorithm.is_signature(self._public, secret, data)

    def jwk(self) -> dict[str, str]:
        """Return the key as a JSON Web Key (RFC 7517), its members in the order of the original core's."""
        about_key = self.algorithm.jwk(self._public)
        return {"kty": about_key.pop("kty"), "kid": self.kid, **about_key, "alg": self.algorithm.name, "use": "sig"}


class VerifyingKeys(Protocol):
    """The keys of one moment, as far as verifying goes."""

    @property
    def by_header(self) -> Mapping[str, PublicKey]:
        """Return all of them, by the header segment that this project writes."""

    @property
    def v2(self) -> Sequence[PublicKey]:
        """Return the keys to try on V2 tokens, which name no key, likeliest first; none if V2 is refused."""

    @property
    def max_token_lead(self) -> int:
        """Return how far ahead of the verifier's clock a token's creation may be (ms)."""

    def key_of(self, header: str) -> PublicKey | None:
        """Return the key that verifies tokens with that `header` segment, or None."""


class KeySet:
    """The public keys of a core, as published in its JSON Web Key Set at `read_at` (ms)."""

    def __init__(self, keys: Iterable[PublicKey], read_at: int) -> None:
        self.keys = tuple(keys)
        self.read_at = read_at
        self.by_header: Mapping[str, PublicKey] = {key.header: key for key in self.keys}
        self.v2: Sequence[PublicKey] = ()
        """Only the core itself knows whether it has ever minted V2. A refresh replaces a token that it did."""
        self.max_token_lead = MAX_TOKEN_LEAD_MS
        self._by_kid = {key.kid: key for key in self.keys}
        self._spellings: dict[str, PublicKey] = {}

    def key_of(self, header: str) -> PublicKey | None:
        return self.by_header.get(header) or self._spellings.get(header) or self._spelt_otherwise(header)

    def age(self, now: int) -> int:
        """Return the ms between the reading and `now`; the clock may have been set back meanwhile."""
        return abs(now - self.read_at)

    def _spelt_otherwise(self, header: str) -> PublicKey | None:
        """Return the key for a `header` whose members are in a different order, as other cores write them."""
        try:
            fields = decode_object(base64url.decode(header)) if len(header) <= _MAX_HEADER_CHARACTERS else {}
        except ValueError:
            return None
        kid = fields.pop("kid", None)
        key = self._by_kid.get(kid) if isinstance(kid, str) else None
        if key is None or fields != {"alg": key.algorithm.name, "typ": "JWT", "version": "5"}:
            return None
        if len(self._spellings) < _MAX_SPELLINGS:
            self._spellings[header] = key
        return key


def read_key_set(text: bytes) -> list[PublicKey]:
    """Return the usable keys of `text`, a JSON Web Key Set; leave others out, with a log line each.

    Raise ValueError if it is no key set, or has no usable key.
    """
    keys: dict[str, PublicKey] = {}
    entries = decode_object(text).get("keys")
    if not isinstance(entries, list):
        raise ValueError("not a JSON Web Key Set")
    for entry in entries:
        try:
            key = _public_key(entry)
            if key.kid in keys:
                raise ValueError("two keys have that name")
        except ValueError as why:
            _log.warning("a key of the core's key set is left out: %s", why)
            continue
        keys[key.kid] = key
    if not keys:
        raise ValueError("the key set has no key that could verify an access token")
    return list(keys.values())


def _public_key(jwk: Any) -> PublicKey:
    """Return `jwk`, an entry of a key set, as a key. Raise ValueError if it does not sign access tokens."""
    algorithm = _BY_NAMES.get((jwk.get("kty"), jwk.get("alg"))) if isinstance(jwk, dict) else None
    if algorithm is None:
        raise ValueError("it is neither for RS256 nor for ES256")
    if jwk.get("use", "sig") != "sig":
        raise ValueError("it is not for signatures")
    kid = jwk.get("kid")
    if not isinstance(kid, str) or _KID.fullmatch(kid) is None:
        raise ValueError("its name is none of a session key")
    return PublicKey(kid, algorithm.key_of(jwk))
