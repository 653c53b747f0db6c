# SPDX-License-Identifier: Apache-2.0
"""The key ring: which key signs, which keys verify, and until when (DESIGN, section 4; RFC 7517 for the key set).

A *dynamic* key is published for PUBLISHED_AHEAD_MS before it signs, so that every verifier knows it by then. It
verifies until the last token of its own has expired, so that a rotation logs nobody out. The *static* key, for tokens
of sessions that ask for it, does not rotate. Refresh keys are in the same ring, since all are read together; nothing is
decided by their dates.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from supertokens.engine import base64url
from supertokens.engine.key_set import HASH, MAX_TOKEN_LEAD_MS, PADDING, PublicKey
from supertokens.engine.refresh_token import RefreshKey
from supertokens.engine.sealing import Sealer
from supertokens.engine.value import Value

__all__ = [
    "KEY_PURPOSES",
    "MAX_CLOCK_DIFFERENCE_MS",
    "MAX_RING_AGE_TO_SIGN_MS",
    "MAX_RING_AGE_TO_VERIFY_MS",
    "MAX_V2_KEYS",
    "PUBLISHED_AHEAD_MS",
    "KeyPurpose",
    "KeyRing",
    "SigningKey",
    "StoredKey",
    "StoredKeys",
    "generate_signing_material",
    "is_ahead",
]

PUBLISHED_AHEAD_MS: Final = 60_000
"""How long a dynamic key is published before it signs (ms)."""

MAX_RING_AGE_TO_SIGN_MS: Final = 30_000
"""A signer reads the ring again when it is older than this (ms)."""

MAX_RING_AGE_TO_VERIFY_MS: Final = 60_000
"""A verifier reads the ring again when it is older than this (ms): no later is a dropped key refused everywhere."""

MAX_CLOCK_DIFFERENCE_MS: Final = 60_000
"""How far two clocks may be apart (ms). A key that is dated further ahead was made by a clock that was wrong."""

MAX_V2_KEYS: Final = 3
"""Keys that a V2 token, which names none, is tried with: the next one, the one that signs, and the one before it. That
many signature checks a forged one costs. Where tokens outlive two keys, one of an older key has to be refreshed.
"""

KeyPurpose = Literal["dynamic", "static", "refresh"]
KEY_PURPOSES: Final[tuple[KeyPurpose, ...]] = ("dynamic", "static", "refresh")


class StoredKey(Value, frozen=True):
    """A key as a store keeps it. `material` is sealed where an encryption key is configured."""

    unshown = frozenset(("material",))

    id: str
    purpose: KeyPurpose
    created_at: int
    material: bytes


class StoredKeys(NamedTuple):
    """The keys of a store, and what the store says of them."""

    keys: list[StoredKey]
    """In the order in which they were added."""
    now: int
    """When they were read, by the clock that counts for them (ms): the store's, if it has one."""
    sealed_with: str | None = None
    """The id of the encryption key that keys are sealed with; None: they are in the clear."""
    has_v2: bool = False
    """Whether a V2 access token was ever minted here."""

    def of(self, purpose: KeyPurpose) -> list[StoredKey]:
        """Return the keys of a purpose, added first first."""
        return [key for key in self.keys if key.purpose == purpose]


def generate_signing_material() -> bytes:
    """A new RSA-2048 private key, PKCS #8 DER. (The key generator draws its randomness from OpenSSL.)"""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class SigningKey(PublicKey):
    """An RSA-2048 key pair; RFC 8725, section 3.1: bound to one algorithm."""

    __slots__ = ("_private", "created_at")

    def __init__(self, kid: str, created_at: int, secret: bytes) -> None:
        # The key comes from our own store, sealed or not; checking its primes at each load would cost milliseconds.
        private = serialization.load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True)
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
    """All keys as they were read at `read_at`. Immutable: a newer reading is another ring.

    Keys of a purpose form a chain: each was added after the one that was the last until then. Dates do not order them,
    since clocks can be wrong. Moments that methods take are by the caller's clock (ms).
    """

    dynamic: tuple[SigningKey, ...]
    """Added last first; those that no live token can name are left out."""
    static: tuple[SigningKey, ...]
    """The same. There is one, unless a clock was wrong when it was made."""
    refresh: Mapping[str, RefreshKey]
    newest_refresh: RefreshKey
    read_at: int
    clock_offset: int
    """How far the clock that dates the keys, the store's, is ahead of the caller's (ms)."""
    sealed_with: str | None
    """The id of the encryption key that the store says its keys are sealed with."""
    has_v2: bool
    """Whether the store says that a V2 token was minted."""
    max_token_lead: int
    by_header: Mapping[str, SigningKey]
    v2: tuple[SigningKey, ...]

    @classmethod
    def build(
        cls,
        stored: StoredKeys,
        read_at: int,
        access_token_validity: int,
        sealer: Sealer,
        known: Mapping[str, SigningKey],
        *,
        accepts_v2: bool = False,
    ) -> KeyRing | None:
        """Return the ring of `stored` keys, read at `read_at`, or None if a purpose has no key yet.

        `known`: keys parsed for an earlier ring, by kid. `accepts_v2`: whether V2 tokens are accepted even if the store
        does not say that any was minted. Raises SealingError for keys that cannot be opened, and for a store that says
        it is sealed with an encryption key that `sealer` lacks.
        """
        sealer.require(stored.sealed_with)
        by_purpose = {purpose: stored.of(purpose) for purpose in KEY_PURPOSES}
        if not all(by_purpose.values()):
            return None

        def parse(purpose: KeyPurpose) -> tuple[SigningKey, ...]:
            live = live_keys(by_purpose[purpose], stored.now, access_token_validity)
            return tuple(
                known.get(key.id) or SigningKey(key.id, key.created_at, sealer.open(key.material, key.id))
                for key in live
            )

        dynamic, static = parse("dynamic"), parse("static")
        # A clock was wrong, not long ago: what it has signed is told by its date.
        ahead = any(is_ahead(key, stored.now) for key in (*dynamic, *static))
        refresh = {
            key.id: RefreshKey(key.id, sealer.open(key.material, key.id), key.created_at)
            for key in by_purpose["refresh"]
        }
        return cls(
            dynamic=dynamic,
            static=static,
            refresh=MappingProxyType(refresh),
            newest_refresh=refresh[by_purpose["refresh"][-1].id],
            read_at=read_at,
            clock_offset=stored.now - read_at,
            sealed_with=stored.sealed_with,
            has_v2=stored.has_v2,
            max_token_lead=MAX_CLOCK_DIFFERENCE_MS if ahead else MAX_TOKEN_LEAD_MS,
            by_header=MappingProxyType({key.header: key for key in (*dynamic, *static)}),
            v2=dynamic[:MAX_V2_KEYS] if accepts_v2 or stored.has_v2 else (),
        )

    def key_of(self, header: str) -> SigningKey | None:
        """Return the key that vouches for tokens with that header segment."""
        return self.by_header.get(header)

    def signing_key(self, now: int, *, static: bool = False) -> SigningKey:
        """Return the key that signs at `now`: of those that have been published for long enough, the one added last.

        A key that succeeds one dated ahead does not wait for that.
        """
        chain, now = self.static if static else self.dynamic, now + self.clock_offset
        for key, predecessor in zip_longest(chain, chain[1:]):
            waits = predecessor is not None and not is_ahead(predecessor, key.created_at)
            if key.created_at + (PUBLISHED_AHEAD_MS if waits else 0) <= now:
                return key
        return next((key for key in reversed(chain) if not is_ahead(key, now)), chain[-1])

    def successor_of(self, key: SigningKey, now: int) -> SigningKey | None:
        """Return the dynamic key that signs after `key`, if it is there already."""
        later = self.dynamic[: self.dynamic.index(key)]
        return next((key for key in reversed(later) if not is_ahead(key, now + self.clock_offset)), None)

    def due_purposes(self, now: int, interval: int | None) -> list[KeyPurpose]:
        """Return the purposes whose key needs a successor; `interval`: the life of a dynamic key (ms), None for ever.

        A key dated ahead is succeeded once, by a key dated now: it would be the newest until its date has come.
        """
        then = now + self.clock_offset
        chains: tuple[tuple[KeyPurpose, tuple[SigningKey, ...]], ...] = (
            ("dynamic", self.dynamic),
            ("static", self.static),
        )
        due = [purpose for purpose, chain in chains if is_ahead(chain[0], then)]
        if "dynamic" not in due and interval is not None and self.next_key_due_at(now, interval) <= now:
            due.append("dynamic")
        return due

    def next_key_due_at(self, now: int, interval: int) -> int:
        """Return the moment at which the next dynamic key has to be made; `interval`: the life of a key (ms)."""
        then = now + self.clock_offset
        # Not of the last one only: where another process has a clock of long ago, its keys would be due at once, and
        # ours would be dated ahead to it, for ever in turn.
        newest = max((key.created_at for key in self.dynamic if not is_ahead(key, then)), default=then)
        return newest + interval - PUBLISHED_AHEAD_MS - self.clock_offset

    @property
    def clock_is_wrong(self) -> bool:
        """Whether the caller's clock is too far from the store's to date keys."""
        return abs(self.clock_offset) > MAX_CLOCK_DIFFERENCE_MS

    def age(self, now: int) -> int:
        """Return the ms since it was read; the clock may have been set back meanwhile."""
        return abs(now - self.read_at)


def is_ahead(key: StoredKey | SigningKey, now: int) -> bool:
    """Return whether `key` is dated so far after `now`, by the store's clock, that a clock must have been wrong."""
    return key.created_at > now + MAX_CLOCK_DIFFERENCE_MS


def live_keys(chain: Sequence[StoredKey], now: int, access_token_validity: int) -> list[StoredKey]:
    """Return those of `chain` (added first first) of which an unexpired token may exist, added last first.

    A key stops signing once a successor does that is not dated ahead.
    """
    longest_use = PUBLISHED_AHEAD_MS + MAX_RING_AGE_TO_SIGN_MS + access_token_validity
    live = []
    retired_at = None
    for key in reversed(chain):
        ahead = is_ahead(key, now)
        # Where a clock was set back, the successor bears an older date than the key.
        if retired_at is None or now <= max(retired_at, 0 if ahead else key.created_at) + longest_use:
            live.append(key)
        if not ahead:
            retired_at = key.created_at
    return live


def _base64url_uint(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
