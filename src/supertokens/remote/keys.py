# SPDX-License-Identifier: Apache-2.0
"""The public keys of a core service: read when they are due, so that its tokens can be verified here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from supertokens.engine.key_set import KeySet, PublicKey, read_key_set
from supertokens.engine.signing_keys import MAX_RING_AGE_TO_SIGN_MS, MAX_RING_AGE_TO_VERIFY_MS
from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock
from supertokens.remote.client import CoreClient
from supertokens.remote.questions import SharedQuestion
from supertokens.remote.replies import refused

__all__ = ["PublicKeys"]

_VALID_FOR_MS: Final = MAX_RING_AGE_TO_VERIFY_MS - MAX_RING_AGE_TO_SIGN_MS
"""How long (ms): what a service publishes may be of a ring that is as old as one may be to sign with, and a dropped key
has to be refused within MAX_RING_AGE_TO_VERIFY_MS in all."""

_READ_AGAIN_AFTER_MS: Final = 15_000
"""From this age on (ms), one call after the other tries to read them again; the last ones serve meanwhile."""

_TRY_AGAIN_AFTER: Final = 2_000
_EXTRA_READING_EVERY: Final = 1_000
_MAX_CLOCK_DIFFERENCE_MS: Final = 60_000

_PUBLISHED_WITHIN_MS: Final = MAX_RING_AGE_TO_SIGN_MS + 10_000
"""After the moment that a key is named for (ms): making and storing it takes a while, seconds where the store is busy,
and a service publishes of a ring that may be as old as one may be to sign with."""

_log = logging.getLogger("supertokens")


class _Reading(NamedTuple):
    """Keys, and when they were asked for by the clock that never goes back (seconds)."""

    keys: KeySet
    asked_at: float


class PublicKeys:
    """The current `KeySet`, for any thread. Moments in ms; `monotonic` gives seconds of a clock that never goes back.

    Keys are as old as the clock says by which they look older: that of the wall may be set back, which must not let a
    dropped key live on, and the other one may stand still while the machine is suspended.
    """

    def __init__(self, client: CoreClient, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._monotonic = monotonic
        self._current: _Reading | None = None
        self._body = b""
        self._reading = SharedQuestion()
        self._next_attempt = self._next_extra_reading = float("-inf")
        self._rationing = ProcessLock()

    def ring_for_verifying(self, now: int) -> KeySet:
        """Return keys young enough at `now` to verify with. Raise SuperTokensGeneralError if they cannot be read."""
        reading = self._current
        if reading is not None:
            age = self._age(reading, now)
            if age <= _READ_AGAIN_AFTER_MS:
                return reading.keys
            if age <= _VALID_FOR_MS:
                return self._perhaps_read_again(reading.keys, now)
        return self._reading.answer(lambda: self._young_enough(now), lambda: self._read(now))

    def cached_ring(self, now: int) -> KeySet | None:
        """Return the keys in memory if `ring_for_verifying` would not read at `now`, or None. Never waits."""
        reading = self._current
        return reading.keys if reading is not None and self._age(reading, now) <= _READ_AGAIN_AFTER_MS else None

    def published(self, now: int) -> tuple[list[dict[str, str]], int]:
        """Return the key set (RFC 7517) at `now`, and for how many seconds it holds. Raise SuperTokensGeneralError."""
        return [key.jwk() for key in self.ring_for_verifying(now).keys], _READ_AGAIN_AFTER_MS // 1000

    def after_unknown_key(self, now: int, created_at: int | None) -> KeySet | None:
        """Return the keys, read again at `now` because a token named one that is missing; None to save the reading.

        `created_at`: when that key was made, as the token claims. As in `core.keys.KeyKeeper`, anyone can name a key,
        so the claim has to be plausible, and readings are rationed. For the same reason nobody waits here for another
        thread: forged names would hold all of them while the core is slow.
        """
        reading = self._current
        known_until = reading.keys.read_at - _PUBLISHED_WITHIN_MS - _MAX_CLOCK_DIFFERENCE_MS if reading else 0
        if created_at is not None and not known_until < created_at <= now + _MAX_CLOCK_DIFFERENCE_MS:
            return None
        return self._reading.answer_unless_asked(lambda: self._read(now)) if self._may_read_extra() else None

    def _age(self, reading: _Reading, now: int) -> int:
        return max(reading.keys.age(now), round((self._monotonic() - reading.asked_at) * 1000))

    def _young_enough(self, now: int) -> KeySet | None:
        """Return the last keys if they are young enough at `now` to verify with, or None."""
        reading = self._current
        return reading.keys if reading is not None and self._age(reading, now) <= _VALID_FOR_MS else None

    def _may_read_extra(self) -> bool:
        with self._rationing.own:
            moment = self._monotonic()
            if moment < self._next_extra_reading:
                return False
            self._next_extra_reading = moment + _EXTRA_READING_EVERY / 1000
            return True

    def _perhaps_read_again(self, keys: KeySet, now: int) -> KeySet:
        """Return newer keys at `now`, or `keys` while another thread reads or the core does not answer."""
        if self._monotonic() < self._next_attempt:
            return keys
        try:
            return self._reading.answer_unless_asked(lambda: self._read(now)) or keys
        except SuperTokensGeneralError as error:
            _log.warning("the core's keys could not be read; the known ones remain valid for a while: %s", error)
            return keys

    def _read(self, now: int) -> KeySet:
        asked_at = self._monotonic()
        self._next_attempt = asked_at + _TRY_AGAIN_AFTER / 1000
        answer = self._client.key_set()
        if answer.status != 200:
            raise refused(answer.status)
        known = self._current
        try:
            # Reading them costs a tenth of a millisecond, and a key that is left out a log line.
            unchanged = known is not None and answer.body == self._body
            found: list[PublicKey] = list(known.keys.keys) if known and unchanged else read_key_set(answer.body)
        except ValueError as error:
            raise SuperTokensGeneralError(f"the core's key set is invalid: {error}") from error
        self._body = answer.body
        self._current = _Reading(KeySet(found, now), asked_at)
        return self._current.keys
