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
"""A key is dated when its creation began, and reaches the store at most this much later (ms): a thread that reads and a
file that is busy may each delay it by ten seconds, and creating an RSA key takes a while."""

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
        self._quiet: tuple[KeyRing | None, int] = None, 0
        """A ring, and until when none of its keys needs a successor. Replaced as a whole."""
        # By a clock that is never set back: with the other one alone, a ring could grow older than it seems. Written
        # after the ring and read before it, so that it is never a newer one's.
        self._read_at = 0.0
        self._reading = ProcessLock()
        self._extra_reading_at = -_EXTRA_READING_EVERY_MS

    def ring_for_verifying(self, now: int) -> KeyRing:
        """Return a ring young enough at `now` to verify with. Raise SuperTokensGeneralError if none can be read."""
        # Like `_young`; inlined, since every check runs this.
        if self._monotonic() - self._read_at <= _MAX_AGE_TO_VERIFY_S:
            ring = self._ring
            if ring is not None and abs(now - ring.read_at) <= MAX_RING_AGE_TO_VERIFY_MS:
                return ring
        with self._reading.own:
            return self._younger_than(MAX_RING_AGE_TO_VERIFY_MS, now)

    def cached_ring(self, now: int) -> KeyRing | None:
        """Return the ring in memory if it is young enough at `now` to verify with, or None. Nothing is read."""
        # Like `_young`; inlined, since every check on an event loop runs this.
        if self._monotonic() - self._read_at <= _MAX_AGE_TO_VERIFY_S:
            ring = self._ring
            if ring is not None and abs(now - ring.read_at) <= MAX_RING_AGE_TO_VERIFY_MS:
                return ring
        return None

    def known_refresh_key(self) -> RefreshKey | None:
        """Return the newest refresh key as it was last read, however long ago; None before that. Nothing is read."""
        ring = self._ring
        return None if ring is None else ring.newest_refresh

    def ring_for_signing(self, now: int) -> KeyRing:
        """Return a ring young enough at `now` to sign with, after making the next keys if they are due."""
        ring = self._young(MAX_RING_AGE_TO_SIGN_MS, now)
        if ring is not None and not self._due(ring, now):
            return ring
        with self._reading.own:
            ring = self._younger_than(MAX_RING_AGE_TO_SIGN_MS, now)
            return self._succeed(now) if self._due(ring, now) else ring

    def signing(self, now: int) -> tuple[SigningKey, int]:
        """Return the dynamic key that signs at `now`, and when it stops (ms).

        While rotation is off, that moment is given as if it were on (docs/protocol/cdi2.md#keys-and-expiry).
        """
        ring = self.ring_for_signing(now)
        key = ring.signing_key(now)
        successor = ring.successor_of(key, now)
        if successor is None:
            return key, key.created_at + self._interval - ring.clock_offset
        return key, successor.created_at + PUBLISHED_AHEAD_MS - ring.clock_offset

    def published(self, now: int) -> tuple[list[dict[str, str]], int]:
        """Return the key set (RFC 7517) at `now`, dynamic keys first, and the seconds to the next key: at least 1."""
        ring = self.ring_for_signing(now)
        due = ring.next_key_due_at(now, self._interval) if self._rotates else now + _UNROTATED_FOR_MS
        return [key.jwk() for key in ring.by_header.values()], max(1, (due - now) // 1000)

    def after_unknown_key(self, now: int, created_at: int | None) -> KeyRing | None:
        """Return the ring, read again at `now` because a token named a key that is not in it; None to save the read.

        `created_at`: when the key was made, as the token claims. Anyone can name a key, so the claim has to be
        plausible, and readings are rationed: forged tokens must not become a load on the store. Such a request does not
        wait for a thread that is already reading: the store may be slow, and each would keep a thread from honest work.
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
        """Make a new dynamic key at `now`, and return its id. `drop_old`: drop the older ones.

        It signs once it has been published for PUBLISHED_AHEAD_MS; without older keys, or where the newest is dated
        ahead, at once. Every process refuses tokens signed by a dropped key within MAX_RING_AGE_TO_VERIFY_MS.
        """
        with self._reading.own:
            newest = self._maker.rotate(now, drop_old=drop_old)
            self._read(now)
            return newest

    def seal(self, now: int) -> int:
        """Seal all keys in the store with the first encryption key, from `now` on in all workers; return how many there
        are.

        A store that can erase leaves nothing of an unsealed key in its files. A process that lacks the encryption key
        fails at its next reading, within MAX_RING_AGE_TO_VERIFY_MS. Raise ValueError without an encryption key.
        """
        with self._reading.own:
            sealed = self._maker.seal(now)
            self._read(now)
            return sealed

    def replace_all(self, now: int) -> None:
        """Replace all keys at `now`, sealed with the first encryption key if there is one: for lost or stolen keys.

        Earlier tokens are no longer valid: each process finds out within MAX_RING_AGE_TO_VERIFY_MS.
        """
        with self._reading.own:
            self._store.remove_all_keys()
            self._ring = None  # none of its keys is to be taken for a new one
            self._read(now)

    def note_v2(self, now: int) -> None:
        """Note in the store that V2 tokens exist, before the first one goes out at `now`."""
        ring = self._ring
        if ring is not None and ring.has_v2:
            return
        with self._reading.own:
            self._store.note_v2()
            self._read(now)

    def awaits_sealing(self, now: int) -> bool:
        """Return whether an encryption key was given that does not seal the store at `now` yet: see `seal`."""
        first = self._maker.sealer.first
        return first is not None and self.ring_for_verifying(now).sealed_with != first

    def _may_be_newer(self, ring: KeyRing, created_at: int, now: int) -> bool:
        created_at -= ring.clock_offset
        return ring.read_at - _IN_THE_STORE_WITHIN_MS < created_at <= now + MAX_CLOCK_DIFFERENCE_MS

    def _due(self, ring: KeyRing, now: int) -> bool:
        quiet, until = self._quiet
        if quiet is ring and now < until:
            return False
        interval = self._interval if self._rotates else None
        if ring.clock_is_wrong:
            return False
        if ring.due_purposes(now, interval):
            return True
        # Without rotation nothing becomes due in a ring; it is read again soon all the same.
        until = now + MAX_RING_AGE_TO_SIGN_MS if interval is None else ring.nothing_due_until(now, interval)
        self._quiet = ring, until
        return False

    def _young(self, age: int, now: int) -> KeyRing | None:
        """Return the ring if it is at most `age` ms old at `now`, by either clock, or None."""
        really_young = self._monotonic() - self._read_at <= age / 1000
        ring = self._ring
        return ring if ring is not None and really_young and ring.age(now) <= age else None

    def _younger_than(self, age: int, now: int) -> KeyRing:
        return self._young(age, now) or self._read(now)

    def _read(self, now: int) -> KeyRing:
        return self._read_all(now)[0]

    def _read_all(self, now: int) -> tuple[KeyRing, StoredKeys]:
        """Return the ring at `now`, and the keys that were read for it."""
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
        """Add the keys that are due at `now`, unless another worker has; drop those that no token can name any more."""
        ring, stored = self._read_all(now)
        self._maker.add(ring.due_purposes(now, self._interval if self._rotates else None), stored, now)
        # Both from one reading: in a later one, a key that another worker has made since would pass for dead.
        ring, stored = self._read_all(now)
        self._maker.drop_dead(stored, ring)
        return ring

    def _warn(self, ring: KeyRing) -> None:
        """Log what `ring` shows to be wrong with clock or sealing: once, and again if it recurs."""
        first = self._maker.sealer.first
        unsealed = first is not None and ring.sealed_with != first
        self._warn_if("clock", ring.clock_is_wrong, f"cannot create a key here: {describe_clock(ring.clock_offset)}")
        self._warn_if("sealing", unsealed, AWAITS_SEALING)

    def _warn_if(self, what: str, wrong: bool, message: str) -> None:
        if wrong and what not in self._warned:
            _log.warning(message)
        (self._warned.add if wrong else self._warned.discard)(what)
