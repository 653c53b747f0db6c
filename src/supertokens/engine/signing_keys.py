# SPDX-License-Identifier: Apache-2.0
"""The key ring: which key signs, which keys verify, and until when (DESIGN, section 4; RFC 7517 for the key set).

A *dynamic* key is published for PUBLISHED_AHEAD before it signs, so that every verifier knows it by then, and verifies
until the last token of its own has expired, so that a rotation logs nobody out. The *static* key, for tokens of
sessions that ask for it, does not rotate. Refresh keys are in the same ring: all of them are read together.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from supertokens.engine import base64url
from supertokens.engine.key_set import HASH, PADDING, PublicKey
from supertokens.engine.refresh_token import RefreshKey
from supertokens.engine.sealing import Sealer
from supertokens.engine.value import Value

__all__ = [
    "MAX_RING_AGE_TO_SIGN",
    "MAX_RING_AGE_TO_VERIFY",
    "PUBLISHED_AHEAD",
    "KeyPurpose",
    "KeyRing",
    "SigningKey",
    "StoredKey",
    "generate_signing_material",
]

PUBLISHED_AHEAD: Final = 60_000
"""How long a dynamic key is published before it signs (ms)."""

MAX_RING_AGE_TO_SIGN: Final = 30_000
"""A signer reads the ring again when it is older than this (ms)."""

MAX_RING_AGE_TO_VERIFY: Final = 60_000
"""A verifier reads the ring again when it is older than this (ms): no later is a dropped key refused everywhere."""

KeyPurpose = Literal["dynamic", "static", "refresh"]


class StoredKey(Value, frozen=True):
    """A key as a store keeps it. `material` is sealed where an encryption key is configured."""

    unshown = frozenset(("material",))

    id: str
    purpose: KeyPurpose
    created_at: int
    material: bytes


def generate_signing_material() -> bytes:
    """A new RSA-2048 private key, PKCS #8 DER. (The key generator draws its randomness from OpenSSL.)"""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class SigningKey(PublicKey):
    """An RSA-2048 key pair; RFC 8725, section 3.1: bound to one algorithm."""

    __slots__ = ("_private", "created_at")

    def __init__(self, kid: str, created_at: int, material: bytes) -> None:
        # The key comes from our own store, sealed or not; checking its primes at each load would cost milliseconds.
        private = serialization.load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError(f"the signing key {kid} in the store is not an RSA key")
        super().__init__(kid, private.public_key())
        self._private = private
        self.created_at = created_at

    def sign(self, data: bytes) -> bytes:
        """RSASSA-PKCS1-v1_5 with SHA-256."""
        return self._private.sign(data, PADDING, HASH)

    def jwk(self) -> dict[str, str]:
        """The public key as a JSON Web Key (RFC 7517)."""
        numbers = self._public.public_numbers()
        return {
            "kty": "RSA",
            "kid": self.kid,
            "n": _base64url_uint(numbers.n),
            "e": _base64url_uint(numbers.e),
            "alg": "RS256",
            "use": "sig",
        }

    def public_key_info(self) -> str:
        """The SubjectPublicKeyInfo in one line of standard base64 (protocol-1, B.1)."""
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return b64encode(der).decode()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys as they were read at `read_at`. Immutable: a newer reading is another ring."""

    dynamic: tuple[SigningKey, ...]
    """Newest first; those that no live token can name are left out."""
    static: SigningKey
    refresh: Mapping[str, RefreshKey]
    newest_refresh: RefreshKey
    read_at: int
    by_header: Mapping[str, SigningKey]

    @classmethod
    def build(
        cls,
        stored: Iterable[StoredKey],
        read_at: int,
        access_token_validity: int,
        sealer: Sealer,
        known: Mapping[str, SigningKey],
    ) -> KeyRing | None:
        """The ring of `stored` keys, or None if a purpose has no key yet.

        `known`: keys parsed for an earlier ring, by kid. Raises SealingError for keys that cannot be opened.
        """
        by_purpose: dict[str, list[StoredKey]] = {"dynamic": [], "static": [], "refresh": []}
        for key in stored:
            by_purpose[key.purpose].append(key)
        if not all(by_purpose.values()):
            return None
        for keys in by_purpose.values():
            keys.sort(key=lambda key: (key.created_at, key.id), reverse=True)

        def parse(key: StoredKey) -> SigningKey:
            return known.get(key.id) or SigningKey(key.id, key.created_at, sealer.open(key.material, key.id))

        live = live_dynamic_keys(by_purpose["dynamic"], read_at, access_token_validity)
        dynamic = tuple(parse(key) for key in live)
        static = parse(by_purpose["static"][0])
        refresh = {
            key.id: RefreshKey(key.id, sealer.open(key.material, key.id), key.created_at)
            for key in by_purpose["refresh"]
        }
        return cls(
            dynamic=dynamic,
            static=static,
            refresh=MappingProxyType(refresh),
            newest_refresh=refresh[by_purpose["refresh"][0].id],
            read_at=read_at,
            by_header=MappingProxyType({key.header: key for key in (*dynamic, static)}),
        )

    def key_of(self, header: str) -> SigningKey | None:
        """The key that vouches for tokens with that header segment."""
        return self.by_header.get(header)

    def signing_key(self, now: int, *, static: bool = False) -> SigningKey:
        """The key that signs at `now`: the newest dynamic one that has been published for long enough."""
        if static:
            return self.static
        published = (key for key in self.dynamic if key.created_at + PUBLISHED_AHEAD <= now)
        return next(published, self.dynamic[-1])

    def next_key_is_due(self, now: int, interval: int) -> bool:
        """Whether the successor of the newest dynamic key has to be made; `interval` is the life of a key (ms)."""
        return self.dynamic[0].created_at + interval - PUBLISHED_AHEAD <= now

    def age(self, now: int) -> int:
        """ms since it was read; the clock may have been set back meanwhile."""
        return abs(now - self.read_at)


def live_dynamic_keys(newest_first: list[StoredKey], now: int, access_token_validity: int) -> list[StoredKey]:
    """Those of which an unexpired token may exist: a key stops signing once its successor does."""
    longest_use = PUBLISHED_AHEAD + MAX_RING_AGE_TO_SIGN + access_token_validity
    live = newest_first[:1]
    for key, successor in zip(newest_first[1:], newest_first, strict=False):
        if now > successor.created_at + longest_use:
            break
        live.append(key)
    return live


def _base64url_uint(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
