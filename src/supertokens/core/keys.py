# SPDX-License-Identifier: Apache-2.0
"""Keys of a core: read from the store when they are due, made when they are missing, rotated in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from supertokens.config import Config
from supertokens.engine.refresh_token import KEY_BYTES
from supertokens.engine.sealing import Sealer, SealingError
from supertokens.engine.signing_keys import (
    MAX_RING_AGE_TO_SIGN,
    MAX_RING_AGE_TO_VERIFY,
    PUBLISHED_AHEAD,
    KeyPurpose,
    KeyRing,
    SigningKey,
    StoredKey,
    generate_signing_material,
)
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import KeyStore

__all__ = ["KeyKeeper"]

_EXTRA_READING_EVERY: Final = 1000
"""Tokens that name unknown keys cause at most one reading of the ring in this time (ms)."""

_MOST_CLOCK_DIFFERENCE: Final = 60_000
_IN_THE_STORE_WITHIN: Final = 30_000
"""A key bears the time at which its making began, and is in the store up to that much later (ms): a thread that reads
and a file that is busy may each hold it up for ten seconds, and making an RSA key takes a while."""

_UNROTATED_FOR: Final = 3_600_000
"""For how long a key set that does not rotate may be kept (ms): keys can be rotated by hand."""

_SECONDS_TO_VERIFY: Final = MAX_RING_AGE_TO_VERIFY / 1000
_PURPOSES: Final[tuple[KeyPurpose, ...]] = ("dynamic", "static", "refresh")


class KeyKeeper:
    """The current `KeyRing`, for any thread. `monotonic` gives seconds of a clock that never goes back."""

    def __init__(
        self,
        config: Config,
        store: KeyStore,
        random: Callable[[int], bytes],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._random = random
        self._monotonic = monotonic
        self._sealer = Sealer(config.encryption_key or ())
        self._access_token_validity = config.access_token_validity_ms
        self._rotates = config.access_token_signing_key_dynamic
        self._interval = config.access_token_signing_key_update_interval_ms
        self._ring: KeyRing | None = None
        # By a clock that is never set back: with the other one alone, a ring could grow older than it seems. Written
        # after the ring and read before it, so that it is never a newer one's.
        self._read_at = 0.0
        self._reading = threading.Lock()
        self._extra_reading_at = -_EXTRA_READING_EVERY

    def after_fork_in_child(self) -> None:
        """A thread of the parent may have been reading. The ring is good, for as long as it was."""
        self._reading = threading.Lock()

    def to_verify(self, now: int) -> KeyRing:
        """A ring that is young enough to verify with. Raises SuperTokensGeneralError if it cannot be read."""
        # As `_young` has it; spelt out, since every check comes by.
        really_young = self._monotonic() - self._read_at <= _SECONDS_TO_VERIFY
        ring = self._ring
        if ring is not None and really_young and abs(now - ring.read_at) <= MAX_RING_AGE_TO_VERIFY:
            return ring
        with self._reading:
            return self._younger_than(MAX_RING_AGE_TO_VERIFY, now)

    def at_hand(self, now: int) -> KeyRing | None:
        """The ring, if it is young enough to verify with as it is. For those that must not wait: nothing is read."""
        return self._young(MAX_RING_AGE_TO_VERIFY, now)

    def to_sign(self, now: int) -> KeyRing:
        """A ring that is young enough to sign with; makes the next key when it is due."""
        ring = self._young(MAX_RING_AGE_TO_SIGN, now)
        if ring is not None and not self._next_is_due(ring, now):
            return ring
        with self._reading:
            ring = self._younger_than(MAX_RING_AGE_TO_SIGN, now)
            if self._next_is_due(ring, now):
                ring = self._succeed(self._read(now), now)
            return ring

    def signing(self, now: int) -> tuple[SigningKey, int]:
        """The dynamic key that signs, and the moment at which it stops (ms).

        While rotation is off that moment is named as if it were on (protocol-1, C.7).
        """
        ring = self.to_sign(now)
        key = ring.signing_key(now)
        successor = next((newer for newer in reversed(ring.dynamic) if newer.created_at > key.created_at), None)
        return key, key.created_at + self._interval if successor is None else successor.created_at + PUBLISHED_AHEAD

    def published(self, now: int) -> tuple[list[dict[str, str]], int]:
        """The key set (RFC 7517), dynamic keys first, and the seconds until the next one is due: at least 1."""
        ring = self.to_sign(now)
        due = ring.dynamic[0].created_at + self._interval - PUBLISHED_AHEAD if self._rotates else now + _UNROTATED_FOR
        return [key.jwk() for key in (*ring.dynamic, ring.static)], max(1, (due - now) // 1000)

    def after_unknown_key(self, now: int, created_at: int | None) -> KeyRing | None:
        """The ring, read again because a token named a key that was not in it; None if that is not worth a reading.

        `created_at`: when the key was made, by the token's own word. Anybody can name a key, so the word must be
        plausible, and readings are rationed: forged names must not become a load on the store. Nor do they wait for a
        thread that reads: the store may be slow, and each of them would keep a thread from honest work.
        """
        ring = self._ring
        if ring is not None and created_at is not None and not self._may_be_newer(ring, created_at, now):
            return None
        if not self._reading.acquire(blocking=False):
            return None
        try:
            if abs(now - self._extra_reading_at) < _EXTRA_READING_EVERY:
                return None
            self._extra_reading_at = now
            return self._read(now)
        finally:
            self._reading.release()

    def rotate(self, now: int, *, drop_old: bool) -> str:
        """Make a new dynamic key, and return its id; with `drop_old` it is the only one from then on.

        Tokens signed by a dropped key are refused by every process within MAX_RING_AGE_TO_VERIFY.
        """
        with self._reading:
            ring = self._succeed(self._read(now), now)
            newest = ring.dynamic[0].kid
            if drop_old:
                self._store.remove_keys("dynamic", [key.kid for key in ring.dynamic[1:]])
                self._read(now)
            return newest

    def _may_be_newer(self, ring: KeyRing, created_at: int, now: int) -> bool:
        return ring.read_at - _IN_THE_STORE_WITHIN < created_at <= now + _MOST_CLOCK_DIFFERENCE

    def _next_is_due(self, ring: KeyRing, now: int) -> bool:
        return self._rotates and ring.next_key_is_due(now, self._interval)

    def _young(self, age: int, now: int) -> KeyRing | None:
        """The ring, if it is not older than `age` by either clock (ms)."""
        really_young = self._monotonic() - self._read_at <= age / 1000
        ring = self._ring
        return ring if ring is not None and really_young and ring.age(now) <= age else None

    def _younger_than(self, age: int, now: int) -> KeyRing:
        return self._young(age, now) or self._read(now)

    def _read(self, now: int) -> KeyRing:
        return self._read_all(now)[0]

    def _read_all(self, now: int) -> tuple[KeyRing, list[StoredKey]]:
        """The ring, and the keys that were read for it."""
        began = self._monotonic()
        stored = self._store.read_keys()
        ring = self._build(stored, now)
        if ring is None:
            for purpose in set(_PURPOSES) - {key.purpose for key in stored}:
                self._store.add_key(self._new_key(purpose, now), after=None)
            stored = self._store.read_keys()
            ring = self._build(stored, now)
        if ring is None:
            raise SuperTokensGeneralError("the store does not keep the keys that were added to it")
        for key in stored:
            if not self._sealer.is_current(key.material):
                self._reseal(key)
        self._ring = ring
        self._read_at = began
        return ring, stored

    def _build(self, stored: list[StoredKey], now: int) -> KeyRing | None:
        known = {} if self._ring is None else {key.kid: key for key in (*self._ring.dynamic, self._ring.static)}
        try:
            return KeyRing.build(stored, now, self._access_token_validity, self._sealer, known)
        except SealingError as error:
            raise SuperTokensGeneralError(str(error)) from error

    def _succeed(self, ring: KeyRing, now: int) -> KeyRing:
        """Add the next dynamic key, or find that another worker has; let go of those that nothing names any more."""
        newest = ring.dynamic[0]
        self._store.add_key(self._new_key("dynamic", max(now, newest.created_at + 1)), after=newest.kid)
        # Of one and the same reading: in a later one, a key that another worker has made since would pass for dead.
        ring, stored = self._read_all(now)
        live = {key.kid for key in ring.dynamic}
        dead = [key.id for key in stored if key.purpose == "dynamic" and key.id not in live]
        if dead:
            self._store.remove_keys("dynamic", dead)
        return ring

    def _new_key(self, purpose: KeyPurpose, now: int) -> StoredKey:
        if purpose == "refresh":
            key_id, material = self._random(8).hex(), self._random(KEY_BYTES)
        elif purpose == "static":
            key_id = f"s-{UUID(bytes=self._random(16), version=4)}"
            material = generate_signing_material()
        else:
            key_id, material = f"d-{now}", generate_signing_material()
        return StoredKey(key_id, purpose, now, self._sealer.seal(material, key_id, self._random))

    def _reseal(self, key: StoredKey) -> None:
        material = self._sealer.open(key.material, key.id)
        self._store.reseal_key(key, self._sealer.seal(material, key.id, self._random))
