# SPDX-License-Identifier: Apache-2.0
"""Keys going into the store: made when they are missing or due, added once, sealed as the store says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import count
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from supertokens.config import Config
from supertokens.engine.algorithms import AlgorithmName
from supertokens.engine.refresh_token import KEY_BYTES
from supertokens.engine.sealing import Sealer, SealingError
from supertokens.engine.signing_keys import (
    DYNAMIC,
    MAX_CLOCK_DIFFERENCE_MS,
    STATIC,
    KeyPurpose,
    KeyRing,
    StoredKey,
    StoredKeys,
    generate_signing_material,
)
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import Erasing, KeyStore

__all__ = ["KeyMaker", "describe_clock"]

_MAX_LOST_RACES: Final = 20
"""Times that another worker may be faster to change the keys; each change takes a tenth of a second to make."""

_UNFINISHED_COPY: Final = (
    "the session database is a copy that is not finished, so sessions would be missing: run 'supertokens copy' again,"
    " without --ahead"
)

_log = logging.getLogger("supertokens")


class KeyMaker:
    """Writes keys for any thread and process. `random` gives random bytes. Moments are in ms.

    Every method may raise SuperTokensGeneralError.
    """

    def __init__(self, config: Config, store: KeyStore, random: Callable[[int], bytes]) -> None:
        self.sealer = Sealer(config.encryption_key or ())
        self.algorithm = config.access_token_signing_algorithm
        self._store = store
        self._random = random

    def read_complete(self, now: int) -> StoredKeys:
        """Return the keys of the store, after making those that are missing to sign with at `now`."""
        stored = self._store.read_keys(now)
        if stored.copy_of is not None:
            raise SuperTokensGeneralError(_UNFINISHED_COPY)
        missing = stored.missing(self.algorithm)
        if not missing:
            return stored
        _require_clock(stored, now)
        return self.add(missing, stored, now)

    def add(self, purposes: Sequence[KeyPurpose], stored: StoredKeys, now: int) -> StoredKeys:
        """Add a key of each purpose after those in `stored`, unless another worker has; return all that there are."""
        before = stored
        for purpose in purposes:
            if stored.of(purpose) == before.of(purpose):
                self._add(stored, purpose)
                stored = self._store.read_keys(now)  # ids are given once, whatever the purpose
        return stored

    def rotate(self, now: int, *, drop_old: bool) -> str:
        """Add a dynamic key after all that are there, for each algorithm; return the id of the one to sign with.

        `drop_old`: remove the others.
        """
        stored = self.read_complete(now)
        _require_clock(stored, now)
        added = {purpose: self._rotate(purpose, now) for purpose in DYNAMIC.values() if stored.of(purpose)}
        if drop_old:
            for purpose in added:  # not those that another worker adds meanwhile
                self._store.remove_keys(purpose, [key.id for key in stored.of(purpose)])
        return added[DYNAMIC[self.algorithm]]

    def _rotate(self, purpose: KeyPurpose, now: int) -> str:
        for _ in range(_MAX_LOST_RACES):
            added = self._add(self._store.read_keys(now), purpose)
            if added is not None:
                return added
        raise _too_many_races()

    def drop_dead(self, stored: StoredKeys, ring: KeyRing) -> None:
        """Remove those of `stored` that no live token can name: `ring`, which was built of `stored`, lacks them."""
        for purpose, chain in ring.chains.items():
            live = {key.kid for key in chain}
            dead = [key.id for key in stored.of(purpose) if key.id not in live]
            if dead:
                self._store.remove_keys(purpose, dead)

    def seal(self, now: int) -> int:
        """Seal all keys with the first encryption key, note that in the store, and return how many there are.

        Unsealed copies are erased where the store can do that. `now` dates the reading. Raise ValueError without an
        encryption key.
        """
        key_id = self.sealer.first
        if key_id is None:
            raise ValueError("there is no 'encryption_key' to seal with")
        for _ in range(_MAX_LOST_RACES):
            stored = self.read_complete(now)
            becomes = [self._resealed(key, key_id) for key in stored.keys]
            if self._store.reseal_keys(stored.keys, becomes, key_id):
                break
        else:
            raise _too_many_races()
        if isinstance(self._store, Erasing):
            self._store.erase()
        return len(becomes)

    def _add(self, stored: StoredKeys, purpose: KeyPurpose) -> str | None:
        """Add a key of `purpose` after the newest in `stored`. Return its id, or None if another process was faster."""
        chain = stored.of(purpose)
        sealed_with = stored.sealed_with if stored.keys else self.sealer.first
        key = self._new_key(purpose, stored, sealed_with)
        return key.id if self._store.add_key(key, chain[-1].id if chain else None, sealed_with) else None

    def _new_key(self, purpose: KeyPurpose, stored: StoredKeys, sealed_with: str | None) -> StoredKey:
        created_at = stored.now
        if purpose == "refresh":
            key_id, secret = self._random(8).hex(), self._random(KEY_BYTES)
        else:
            algorithm: AlgorithmName = "RS256" if purpose in ("dynamic", "static") else "ES256"
            secret = generate_signing_material(algorithm)
            if purpose == STATIC[algorithm]:
                key_id = f"s-{UUID(bytes=self._random(16), version=4)}"
            else:
                taken = {key.id for key in stored.keys}
                created_at = next(moment for moment in count(created_at) if f"d-{moment}" not in taken)
                key_id = f"d-{created_at}"
        return StoredKey(key_id, purpose, created_at, self._seal(secret, key_id, sealed_with))

    def _resealed(self, key: StoredKey, sealed_with: str) -> StoredKey:
        try:
            secret = self.sealer.open(key.material, key.id)
        except SealingError as error:
            raise SuperTokensGeneralError(str(error)) from error
        return replace(key, material=self._seal(secret, key.id, sealed_with))

    def _seal(self, secret: bytes, key_id: str, sealed_with: str | None) -> bytes:
        try:
            return self.sealer.seal(secret, key_id, sealed_with, self._random)
        except SealingError as error:
            raise SuperTokensGeneralError(str(error)) from error


def describe_clock(offset: int) -> str:
    """Return what is wrong, in words, where the clock of the store is `offset` ms ahead of this process's own."""
    return (
        f"the clock of this host is {abs(offset) // 1000} seconds {'behind' if offset > 0 else 'ahead of'} that of the"
        f" database, and at most {MAX_CLOCK_DIFFERENCE_MS // 1000} are tolerated: synchronise it (NTP)"
    )


def _require_clock(stored: StoredKeys, now: int) -> None:
    if abs(stored.now - now) > MAX_CLOCK_DIFFERENCE_MS:
        raise SuperTokensGeneralError(f"cannot create a key here: {describe_clock(stored.now - now)}")


def _too_many_races() -> SuperTokensGeneralError:
    return SuperTokensGeneralError(f"other workers changed the keys {_MAX_LOST_RACES} times in a row: try again")
