# SPDX-License-Identifier: Apache-2.0
"""Keys of a core: read from the store when they are due, made when they are missing, rotated in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from supertokens.config import Config
from supertokens.core.key_maker import KeyMaker, describe_clock
from supertokens.engine.refresh_token import RefreshKey
from supertokens.engine.sealing import SealingError
from supertokens.engine.signing_keys import (
    MAX_CLOCK_DIFFERENCE_MS,
    MAX_RING_AGE_TO_SIGN_MS,
    MAX_RING_AGE_TO_VERIFY_MS,
    PUBLISHED_AHEAD_MS,
    KeyRing,
    SigningKey,
    StoredKeys,
)
from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock
from supertokens.stores.base import KeyStore

__all__ = ["AWAITS_SEALING", "KeyKeeper"]

AWAITS_SEALING: Final = (
    "the keys in the store are not sealed with the first key of 'encryption_key': once every process that uses the"
    " store has that key, run `supertokens keys seal`"
)

_EXTRA_READING_EVERY_MS: Final = 1000
"""Tokens that name unknown keys cause at most one reading of the ring in this time (ms)."""

_IN_THE_STORE_WITHIN_MS: Final = 30_000
"""A key bears the time at which its making began, and is in the store up to that much later (ms): a thread that reads
and a file that is busy may each hold it up for ten seconds, and making an RSA key takes a while."""

_UNROTATED_FOR_MS: Final = 3_600_000
"""For how long a key set that does not rotate may be kept (ms): keys can be rotated by hand."""

_MAX_AGE_TO_VERIFY_S: Final = MAX_RING_AGE_TO_VERIFY_MS / 1000

_log = logging.getLogger("supertokens")


class KeyKeeper:
    """The current `KeyRing`, for any thread. `monotonic` gives seconds of a clock that never goes back."""

    def __init__(
        self,
        config: Config,
        store: KeyStore,
        random: Callable[[int], bytes],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        accepts_v2: bool = False,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._accepts_v2 = accepts_v2
        self._maker = KeyMaker(config, store, random)
        self._access_token_validity = config.access_token_validity_ms
        self._rotates = config.access_token_signing_key_dynamic
        self._interval = config.access_token_signing_key_update_interval_ms
        self._warned: set[str] = set()
        self._ring: KeyRing | None = None
        # By a clock that is never set back: with the other one alone, a ring could grow older than it seems. Written
        # after the ring and read before it, so that it is never a newer one's.
        self._read_at = 0.0
        self._reading = ProcessLock()
        self._extra_reading_at = -_EXTRA_READING_EVERY_MS

    def ring_for_verifying(self, now: int) -> KeyRing:
        """Return a ring that is young enough to verify with. Raises SuperTokensGeneralError if it cannot be read."""
        # As `_young` has it; spelt out, since every check comes by.
        really_young = self._monotonic() - self._read_at <= _MAX_AGE_TO_VERIFY_S
        ring = self._ring
        if ring is not None and really_young and abs(now - ring.read_at) <= MAX_RING_AGE_TO_VERIFY_MS:
            return ring
        with self._reading.own:
            return self._younger_than(MAX_RING_AGE_TO_VERIFY_MS, now)

    def cached_ring(self, now: int) -> KeyRing | None:
        """Return the ring if it is young enough to verify with. Nothing is read, for callers that must not wait."""
        return self._young(MAX_RING_AGE_TO_VERIFY_MS, now)

    def known_refresh_key(self) -> RefreshKey | None:
        """Return the newest refresh key as it was last read, however long ago; None before that. Nothing is read."""
        ring = self._ring
        return None if ring is None else ring.newest_refresh

    def ring_for_signing(self, now: int) -> KeyRing:
        """Return a ring that is young enough to sign with; make the next keys when they are due."""
        ring = self._young(MAX_RING_AGE_TO_SIGN_MS, now)
        if ring is not None and not self._due(ring, now):
            return ring
        with self._reading.own:
            ring = self._younger_than(MAX_RING_AGE_TO_SIGN_MS, now)
            return self._succeed(now) if self._due(ring, now) else ring

    def signing(self, now: int) -> tuple[SigningKey, int]:
        """Return the dynamic key that signs, and the moment at which it stops (ms).

        While rotation is off that moment is named as if it were on (docs/protocol/cdi2.md#keys-and-expiry).
        """
        ring = self.ring_for_signing(now)
        key = ring.signing_key(now)
        successor = ring.successor_of(key, now)
        if successor is None:
            return key, key.created_at + self._interval - ring.clock_offset
        return key, successor.created_at + PUBLISHED_AHEAD_MS - ring.clock_offset

    def published(self, now: int) -> tuple[list[dict[str, str]], int]:
        """Return the key set (RFC 7517), dynamic keys first, and the seconds until the next one is due: at least 1."""
        ring = self.ring_for_signing(now)
        due = ring.next_key_due_at(now, self._interval) if self._rotates else now + _UNROTATED_FOR_MS
        return [key.jwk() for key in ring.by_header.values()], max(1, (due - now) // 1000)

    def after_unknown_key(self, now: int, created_at: int | None) -> KeyRing | None:
        """Read the ring again, because a token named a key that was not in it; None if that is not worth a reading.

        `created_at`: when the key was made, by the token's own word. Anybody can name a key, so the word must be
        plausible, and readings are rationed: forged names must not become a load on the store. Nor do they wait for a
        thread that reads: the store may be slow, and each of them would keep a thread from honest work.
        """
        ring = self._ring
        if ring is not None and created_at is not None and not self._may_be_newer(ring, created_at, now):
            return None
        reading = self._reading.own
        if not reading.acquire(blocking=False):
            return None
        try:
            if abs(now - self._extra_reading_at) < _EXTRA_READING_EVERY_MS:
                return None
            self._extra_reading_at = now
            return self._read(now)
        finally:
            reading.release()

    def rotate(self, now: int, *, drop_old: bool) -> str:
        """Make a new dynamic key, which signs from then on, and return its id; with `drop_old`, drop the older ones.

        It signs once it has been published for PUBLISHED_AHEAD_MS; without older keys, or where the last one is dated
        ahead, at once. Tokens signed by a dropped key are refused by every process within MAX_RING_AGE_TO_VERIFY_MS.
        """
        with self._reading.own:
            newest = self._maker.rotate(now, drop_old=drop_old)
            self._read(now)
            return newest

    def seal(self, now: int) -> int:
        """Seal all keys in the store with the first encryption key, and have all workers seal with it from then on.

        Return how many keys there are. Nothing of an unsealed key is left in the files of a store that can erase it.
        A process that lacks the encryption key fails at its next reading, within MAX_RING_AGE_TO_VERIFY_MS.

        Raises ValueError without an encryption key.
        """
        with self._reading.own:
            sealed = self._maker.seal(now)
            self._read(now)
            return sealed

    def replace_all(self, now: int) -> None:
        """Make all keys anew, sealed with the first encryption key if there is one: for keys that are lost or stolen.

        No token of before is good any more: each process learns that within MAX_RING_AGE_TO_VERIFY_MS.
        """
        with self._reading.own:
            self._store.remove_all_keys()
            self._ring = None  # none of its keys is to be taken for a new one
            self._read(now)

    def note_v2(self, now: int) -> None:
        """Make sure that the store says a V2 token was minted, before the first one goes out."""
        ring = self._ring
        if ring is not None and ring.has_v2:
            return
        with self._reading.own:
            self._store.note_v2()
            self._read(now)

    def awaits_sealing(self, now: int) -> bool:
        """Return whether an encryption key was given, and the store is not sealed with it yet: see `seal`."""
        first = self._maker.sealer.first
        return first is not None and self.ring_for_verifying(now).sealed_with != first

    def _may_be_newer(self, ring: KeyRing, created_at: int, now: int) -> bool:
        created_at -= ring.clock_offset
        return ring.read_at - _IN_THE_STORE_WITHIN_MS < created_at <= now + MAX_CLOCK_DIFFERENCE_MS

    def _due(self, ring: KeyRing, now: int) -> bool:
        return not ring.clock_is_wrong and bool(ring.due_purposes(now, self._interval if self._rotates else None))

    def _young(self, age: int, now: int) -> KeyRing | None:
        """Return the ring if it is not older than `age` by either clock (ms)."""
        really_young = self._monotonic() - self._read_at <= age / 1000
        ring = self._ring
        return ring if ring is not None and really_young and ring.age(now) <= age else None

    def _younger_than(self, age: int, now: int) -> KeyRing:
        return self._young(age, now) or self._read(now)

    def _read(self, now: int) -> KeyRing:
        return self._read_all(now)[0]

    def _read_all(self, now: int) -> tuple[KeyRing, StoredKeys]:
        """Return the ring, and the keys that were read for it."""
        began = self._monotonic()
        stored = self._maker.read_complete(now)
        known = {} if self._ring is None else {key.kid: key for key in self._ring.by_header.values()}
        try:
            ring = KeyRing.build(
                stored,
                now,
                self._access_token_validity,
                self._maker.sealer,
                known,
                algorithm=self._maker.algorithm,
                accepts_v2=self._accepts_v2,
            )
        except SealingError as error:
            raise SuperTokensGeneralError(str(error)) from error
        except (TypeError, ValueError) as error:
            raise SuperTokensGeneralError(f"a key in the store is damaged: {error}") from error
        if ring is None:
            raise SuperTokensGeneralError("the store does not keep the keys that were added to it")
        self._ring = ring
        self._read_at = began
        self._warn(ring)
        return ring, stored

    def _succeed(self, now: int) -> KeyRing:
        """Add the keys that are due, or find that another worker has; drop those that nothing names any more."""
        ring, stored = self._read_all(now)
        self._maker.add(ring.due_purposes(now, self._interval if self._rotates else None), stored, now)
        # Of one and the same reading: in a later one, a key that another worker has made since would pass for dead.
        ring, stored = self._read_all(now)
        self._maker.drop_dead(stored, ring)
        return ring

    def _warn(self, ring: KeyRing) -> None:
        """Log what is wrong with the clock or the sealing: once, and again after it was right."""
        first = self._maker.sealer.first
        unsealed = first is not None and ring.sealed_with != first
        self._warn_if("clock", ring.clock_is_wrong, f"no key is made here: {describe_clock(ring.clock_offset)}")
        self._warn_if("sealing", unsealed, AWAITS_SEALING)

    def _warn_if(self, what: str, wrong: bool, message: str) -> None:
        if wrong and what not in self._warned:
            _log.warning(message)
        (self._warned.add if wrong else self._warned.discard)(what)
