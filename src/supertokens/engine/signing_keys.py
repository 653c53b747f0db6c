# SPDX-License-Identifier: Apache-2.0
"""The key ring: which key signs, which keys verify, and until when (docs/how-it-works.md#keys; RFC 7517).

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

from supertokens.engine.algorithms import ALGORITHMS, AlgorithmName, private_key_from_bytes, private_key_to_bytes
from supertokens.engine.key_set import MAX_TOKEN_LEAD_MS, PublicKey
from supertokens.engine.refresh_token import RefreshKey
from supertokens.engine.sealing import Sealer
from supertokens.engine.value import Value

__all__ = [
    "DYNAMIC",
    "MAX_CLOCK_DIFFERENCE_MS",
    "MAX_RING_AGE_TO_SIGN_MS",
    "MAX_RING_AGE_TO_VERIFY_MS",
    "MAX_V2_KEYS",
    "PUBLISHED_AHEAD_MS",
    "STATIC",
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

KeyPurpose = Literal["dynamic", "static", "dynamic-es256", "static-es256", "refresh"]
DYNAMIC: Final[Mapping[AlgorithmName, KeyPurpose]] = {"RS256": "dynamic", "ES256": "dynamic-es256"}
STATIC: Final[Mapping[AlgorithmName, KeyPurpose]] = {"RS256": "static", "ES256": "static-es256"}


class StoredKey(Value, frozen=True):
    """A key as a store keeps it. `material` is sealed where an encryption key is configured."""

    unshown = frozenset(("material",))

    id: str
    purpose: KeyPurpose
    created_at: int
    material: bytes


class StoredKeys(NamedTuple):
    """The keys of a store, and what the store records about them."""

    keys: list[StoredKey]
    """In the order in which they were added."""
    now: int
    """When they were read, by the clock that counts for them (ms): the store's, if it has one."""
    sealed_with: str | None = None
    """The id of the encryption key that keys are sealed with; None: they are in the clear."""
    has_v2: bool = False
    """Whether a V2 access token was ever minted here."""
    copy_of: str | None = None
    """Which store this one is an unfinished copy of; None: it is none, and can be worked with."""

    def of(self, purpose: KeyPurpose) -> list[StoredKey]:
        """Return the keys of `purpose`, oldest first."""
        return [key for key in self.keys if key.purpose == purpose]

    def missing(self, algorithm: AlgorithmName) -> list[KeyPurpose]:
        """Return the purposes that lack a key to sign with `algorithm`; V2 is always signed with RS256."""
        needed = [DYNAMIC[algorithm], STATIC[algorithm], "refresh", *([DYNAMIC["RS256"]] if self.has_v2 else [])]
        return [purpose for purpose in dict.fromkeys(needed) if not self.of(purpose)]


def generate_signing_material(algorithm: AlgorithmName = "RS256") -> bytes:
    """Return a new key pair for `algorithm` as a store keeps it, before it is sealed."""
    return private_key_to_bytes(ALGORITHMS[algorithm].generate())


class SigningKey(PublicKey):
    """A key pair that signs access tokens."""

    __slots__ = ("_private", "created_at")

    def __init__(self, kid: str, created_at: int, secret: bytes) -> None:
        try:
            private = private_key_from_bytes(secret)
        except TypeError as error:
            raise TypeError(f"the signing key {kid} in the store is {error}") from None
        super().__init__(kid, private.public_key())
        self._private = private
        self.created_at = created_at

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`."""
        return self.algorithm.sign(self._private, data)

    def public_key_info(self) -> str:
        """Return the SubjectPublicKeyInfo in one line of standard base64 (docs/protocol/cdi2.md#endpoints)."""
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return b64encode(der).decode()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys as they were read at `read_at`. Immutable: a newer reading is another ring.

    Keys of a purpose form a chain: each was added after the one that was the last until then. Dates do not order them,
    since clocks can be wrong. Moments that methods take are by the caller's clock (ms).
    """

    algorithm: AlgorithmName
    """The algorithm that its owner signs with. Keys of the other one verify, and sign V2."""
    chains: Mapping[KeyPurpose, tuple[SigningKey, ...]]
    """The keys that sign and verify, added last first; those that no live token can name are left out."""
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
        algorithm: AlgorithmName = "RS256",
        accepts_v2: bool = False,
    ) -> KeyRing | None:
        """Return the ring of `stored` keys, read at `read_at`, or None if a purpose has no key yet.

        `access_token_validity`: how long a key verifies after it has stopped signing (ms). `known`: keys parsed for an
        earlier ring, by kid. `algorithm`: what is signed with. `accepts_v2`: whether V2 tokens are accepted even if the
        store does not say that any was minted.

        Raise SealingError for keys that cannot be opened, and for a store that says it is sealed with an encryption key
        that `sealer` lacks.
        """
        sealer.require(stored.sealed_with)
        if stored.missing(algorithm):
            return None
        chains = {
            purpose: tuple(
                known.get(key.id) or SigningKey(key.id, key.created_at, sealer.open(key.material, key.id))
                for key in live_keys(stored.of(purpose), stored.now, access_token_validity)
            )
            for purpose in (*DYNAMIC.values(), *STATIC.values())
        }
        keys = [key for chain in chains.values() for key in chain]
        refresh = {
            key.id: RefreshKey(key.id, sealer.open(key.material, key.id), key.created_at)
            for key in stored.of("refresh")
        }
        # With a key that is dated ahead in it, a clock was wrong, not long ago: what it has signed is told by its date.
        ahead = any(is_ahead(key, stored.now) for key in keys)
        return cls(
            algorithm=algorithm,
            chains=MappingProxyType(chains),
            refresh=MappingProxyType(refresh),
            newest_refresh=refresh[stored.of("refresh")[-1].id],
            read_at=read_at,
            clock_offset=stored.now - read_at,
            sealed_with=stored.sealed_with,
            has_v2=stored.has_v2,
            max_token_lead=MAX_CLOCK_DIFFERENCE_MS if ahead else MAX_TOKEN_LEAD_MS,
            by_header=MappingProxyType({key.header: key for key in keys}),
            v2=chains["dynamic"][:MAX_V2_KEYS] if accepts_v2 or stored.has_v2 else (),
        )

    @property
    def dynamic(self) -> tuple[SigningKey, ...]:
        """Return the dynamic keys, newest first."""
        return self.chains[DYNAMIC[self.algorithm]]

    @property
    def static(self) -> tuple[SigningKey, ...]:
        """Return the static keys. There is one, unless a clock was wrong when it was made."""
        return self.chains[STATIC[self.algorithm]]

    def key_of(self, header: str) -> SigningKey | None:
        """Return the key that verifies tokens with that `header` segment, or None."""
        return self.by_header.get(header)

    def signing_key(self, now: int, *, static: bool = False) -> SigningKey:
        """Return the key that signs at `now`: the `static` one, or a dynamic one."""
        return signing_key(self.static if static else self.dynamic, now + self.clock_offset)

    def v2_signing_key(self, now: int) -> SigningKey:
        """Return the key that signs V2 tokens at `now`. The store says that there are V2 tokens."""
        return signing_key(self.chains[DYNAMIC["RS256"]], now + self.clock_offset)

    def successor_of(self, key: SigningKey, now: int) -> SigningKey | None:
        """Return the dynamic key that signs after `key`, as of `now`, if it exists already."""
        later = self.dynamic[: self.dynamic.index(key)]
        return next((key for key in reversed(later) if not is_ahead(key, now + self.clock_offset)), None)

    def due_purposes(self, now: int, interval: int | None) -> list[KeyPurpose]:
        """Return the purposes whose key needs a successor; `interval`: the life of a dynamic key (ms), None for ever.

        A key dated ahead is succeeded once, by a key dated now: it would be the newest until its date has come.
        """
        then = now + self.clock_offset
        rotating = self._rotating()
        purposes = dict.fromkeys((*rotating, STATIC[self.algorithm]))
        due = [purpose for purpose in purposes if is_ahead(self.chains[purpose][0], then)]
        if interval is not None:
            ends = {purpose: newest_date(self.chains[purpose], then) + interval for purpose in rotating}
            due += [purpose for purpose in ends if purpose not in due and ends[purpose] - PUBLISHED_AHEAD_MS <= then]
        return due

    def nothing_due_until(self, now: int, interval: int) -> int:
        """Return until when `due_purposes` stays empty, from a `now` on at which it is.

        With time, keys that are dated ahead cease to be so: that makes the next key due later, not sooner.
        """
        then = now + self.clock_offset
        ends = min(newest_date(self.chains[purpose], then) for purpose in self._rotating()) + interval
        return ends - PUBLISHED_AHEAD_MS - self.clock_offset

    def _rotating(self) -> list[KeyPurpose]:
        """Return the purposes whose keys have successors in time."""
        return [DYNAMIC[self.algorithm], *([DYNAMIC["RS256"]] if self.has_v2 else [])]

    def next_key_due_at(self, now: int, interval: int) -> int:
        """Return when the next dynamic key has to be made, as of `now`; `interval`: the life of a key (ms)."""
        then = now + self.clock_offset
        return newest_date(self.dynamic, then) + interval - PUBLISHED_AHEAD_MS - self.clock_offset

    @property
    def clock_is_wrong(self) -> bool:
        """Return whether the clock of this process is too far from the store's to date keys."""
        return abs(self.clock_offset) > MAX_CLOCK_DIFFERENCE_MS

    def age(self, now: int) -> int:
        """Return the ms between the reading and `now`; the clock may have been set back meanwhile."""
        return abs(now - self.read_at)


def is_ahead(key: StoredKey | SigningKey, now: int) -> bool:
    """Return whether `key` is dated so far after `now`, by the store's clock, that a clock must have been wrong."""
    return key.created_at > now + MAX_CLOCK_DIFFERENCE_MS


def signing_key(chain: Sequence[SigningKey], now: int) -> SigningKey:
    """Return the key of `chain` (newest first) that signs at `now`: the newest that was published for long enough.

    A key that succeeds one dated ahead does not wait for that.
    """
    for key, predecessor in zip_longest(chain, chain[1:]):
        waits = predecessor is not None and not is_ahead(predecessor, key.created_at)
        if key.created_at + (PUBLISHED_AHEAD_MS if waits else 0) <= now:
            return key
    return next((key for key in reversed(chain) if not is_ahead(key, now)), chain[-1])


def newest_date(chain: Sequence[SigningKey], now: int) -> int:
    """Return the latest date of `chain` that is not ahead of `now`, or `now` if there is none."""
    # Not that of the last one: where another process has a clock of long ago, its keys would be due at once, and ours
    # would be dated ahead to it, for ever in turn.
    return max((key.created_at for key in chain if not is_ahead(key, now)), default=now)


def live_keys(chain: Sequence[StoredKey], now: int, access_token_validity: int) -> list[StoredKey]:
    """Return the keys of `chain` (oldest first) that may have signed a token unexpired at `now`, newest first.

    A key stops signing once a successor does that is not dated ahead. `access_token_validity` in ms.
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
