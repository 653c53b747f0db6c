# SPDX-License-Identifier: Apache-2.0
"""The public keys of a core elsewhere: read when they are due, so that its tokens are verified here."""

from __future__ import annotations

import logging
import threading
from typing import Final

from supertokens.engine.key_set import KeySet, PublicKey, read_key_set
from supertokens.engine.signing_keys import MAX_RING_AGE_TO_SIGN, MAX_RING_AGE_TO_VERIFY
from supertokens.errors import SuperTokensGeneralError
from supertokens.remote.calls import Calls
from supertokens.remote.questions import SharedQuestion
from supertokens.remote.replies import refused

__all__ = ["PublicKeys"]

_GOOD_FOR: Final = MAX_RING_AGE_TO_VERIFY - MAX_RING_AGE_TO_SIGN
"""How long (ms): what a service publishes may be of a ring that is as old as one may be to sign with, and a dropped key
has to be refused within MAX_RING_AGE_TO_VERIFY in all."""

_READ_AGAIN_AFTER: Final = 15_000
"""From this age on (ms), one call after the other tries to read them again; the last ones serve meanwhile."""

_TRY_AGAIN_AFTER: Final = 2_000
_EXTRA_READING_EVERY: Final = 1_000
_MOST_CLOCK_DIFFERENCE: Final = 60_000

_PUBLISHED_WITHIN: Final = MAX_RING_AGE_TO_SIGN + 10_000
"""After the moment that a key is named for (ms): making and storing it takes a while, seconds where the store is busy,
and a service publishes of a ring that may be as old as one may be to sign with."""

_log = logging.getLogger("supertokens")


class PublicKeys:
    """The current `KeySet`, for any thread. Moments in ms."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._current: KeySet | None = None
        self._body = b""
        self._reading = SharedQuestion()
        self._next_attempt = 0
        self._rationing = threading.Lock()
        self._extra_reading_at = -_EXTRA_READING_EVERY

    def to_verify(self, now: int) -> KeySet:
        """Keys that are young enough to verify with. Raises SuperTokensGeneralError if they cannot be read."""
        keys = self._current
        if keys is not None:
            age = keys.age(now)
            if age <= _READ_AGAIN_AFTER:
                return keys
            if age <= _GOOD_FOR:
                return self._perhaps_read_again(keys, now)
        return self._reading.answer(lambda: self._good(now), lambda: self._read(now))

    def at_hand(self, now: int) -> KeySet | None:
        """Return the keys in memory if `to_verify` would not try to read newer ones. Never waits."""
        keys = self._current
        return keys if keys is not None and keys.age(now) <= _READ_AGAIN_AFTER else None

    def after_unknown_key(self, now: int, created_at: int | None) -> KeySet | None:
        """The keys, read again because a token named one that is not among them; None if that is not worth it.

        As in `core.keys.KeyKeeper`: anybody can name a key, so the name must be plausible and readings are rationed.
        For the same reason nobody waits here for another thread: forged names would hold all of them while the core is
        slow.
        """
        keys = self._current
        known_until = keys.read_at - _PUBLISHED_WITHIN - _MOST_CLOCK_DIFFERENCE if keys else 0
        if created_at is not None and not known_until < created_at <= now + _MOST_CLOCK_DIFFERENCE:
            return None
        return self._reading.answer_unless_asked(lambda: self._read(now)) if self._may_read_extra(now) else None

    def _good(self, now: int) -> KeySet | None:
        """The last ones, if they are young enough to verify with."""
        keys = self._current
        return keys if keys is not None and keys.age(now) <= _GOOD_FOR else None

    def _may_read_extra(self, now: int) -> bool:
        with self._rationing:
            if abs(now - self._extra_reading_at) < _EXTRA_READING_EVERY:
                return False
            self._extra_reading_at = now
            return True

    def _perhaps_read_again(self, keys: KeySet, now: int) -> KeySet:
        """Newer keys, or `keys` while somebody else is reading or the core is away."""
        if abs(now - self._next_attempt) < _TRY_AGAIN_AFTER:
            return keys
        try:
            return self._reading.answer_unless_asked(lambda: self._read(now)) or keys
        except SuperTokensGeneralError as error:
            _log.warning("the core's keys could not be read, and are good for another while: %s", error)
            return keys

    def _read(self, now: int) -> KeySet:
        self._next_attempt = now
        answer = self._calls.key_set()
        if answer.status != 200:
            raise refused(answer.status)
        known = self._current
        try:
            # Reading them costs a tenth of a millisecond, and a key that is left out a log line.
            unchanged = known is not None and answer.body == self._body
            found: list[PublicKey] = list(known.keys) if known and unchanged else read_key_set(answer.body)
        except ValueError as error:
            raise SuperTokensGeneralError(f"the core's key set makes no sense: {error}") from error
        self._body = answer.body
        self._current = KeySet(found, now)
        return self._current
