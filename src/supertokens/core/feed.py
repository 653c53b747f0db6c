# SPDX-License-Identifier: Apache-2.0
"""What this process knows about ended sessions and changed payloads without reading the store.

Each token is compared with the store once, when this process first sees it. From then on the feed says when to do so
again. The earlier result remains valid while all of this holds:

* the feed was read to its end less than the greatest lag ago, counted from the moment *before* that reading, by the
  clock of this process that never goes back (no two clocks are ever compared);
* nothing has been announced about its session since it was compared;
* nothing can have been missed since it was compared.

Otherwise the store is read, as with `revocation: query`: a feed that lags, is cut off, or starts anew costs time, but
never lets anybody in.

A change is announced only while somebody holds a lease. So comparisons from before the lease do not count.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from supertokens.config import Config, ConfigError
from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock
from supertokens.stores.base import Announcing, FeedEntry, FeedReader, Store

__all__ = ["Feed", "feed_for"]

_log = logging.getLogger("supertokens")

_LEASE_MS: Final = 60_000
_RENEW_EVERY_S: Final = 20.0
_BETWEEN_TRIES_S: Final = 0.25
_MAX_SESSIONS: Final = 20_000
"""How many sessions with announcements are remembered. Beyond that, each token is compared once more."""
_MAX_CLOSING_S: Final = 2.0


class _Announced:
    """The announcements since everything was last forgotten.

    `floor`: comparisons at a lower position do not count. `by_handle`: the position of a session's last announcement,
    which is higher than `floor`. This is an object because error reports print a dict in full.
    """

    __slots__ = ("by_handle", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.by_handle: dict[str, int] = {}


class Feed:
    """The feed of one store, for any thread of any process. Its own thread reads it, from first use on.

    The thread is started anew in a forked child, does not keep the process alive, and ends with this object or with
    `close`. `clock` gives ms since the epoch, `monotonic` seconds of a clock that never goes back, and `max_lag_s` is
    the greatest lag in seconds.

    A position counts the entries that this process has processed. It means nothing elsewhere.
    """

    def __init__(
        self,
        store: Announcing,
        clock: Callable[[], int],
        max_lag_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_lag_s = max_lag_s
        self._monotonic = monotonic
        self._starting = ProcessLock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._pid = os.getpid()
        self._position = 0
        self._announced = _Announced(1)
        self._current_until = float("-inf")
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._renew_at = float("-inf")
        self._has_begun = False
        self._is_failing = False

    def vouches_for(self, handle: str, asked_at: int) -> bool:
        """Return whether nothing has changed about the session `handle` since this was at the position `asked_at`."""
        # The age first: everything read afterwards is at least as new.
        if self._monotonic() > self._current_until:
            return False
        announced = self._announced
        return asked_at >= announced.by_handle.get(handle, announced.floor)

    def position(self) -> int | None:
        """Return the position of the feed, to be read *before* the store; None while the feed is not current."""
        if self._pid != os.getpid() or self._thread is None or not self._thread.is_alive():
            self._start()
        position = self._position
        return position if self._monotonic() <= self._current_until else None

    def close(self) -> None:
        """End the thread. A later call starts it again."""
        with self._starting.own:
            thread, self._thread = self._thread, None
            self._stop.set()
            self._current_until = float("-inf")
            if thread is not None and self._pid == os.getpid():
                thread.join(_MAX_CLOSING_S)

    def _start(self) -> None:
        with self._starting.own:
            if self._pid == os.getpid() and self._thread is not None and self._thread.is_alive():
                return
            self._stop = threading.Event()
            self._begin_anew()
            reader = self._store.feed_reader(self._max_lag_s)
            own = weakref.ref(self)
            thread = threading.Thread(
                target=_follow, args=(own, reader, self._stop), name="supertokens-feed", daemon=True
            )
            with suppress(RuntimeError):  # no new threads, as when the interpreter exits: the store is read instead
                thread.start()
            self._thread, self._pid = thread, os.getpid()

    def take_in(self, reader: FeedReader) -> bool:
        """Process the entries of `reader`, in the thread. Return False if it fails, which is logged once."""
        try:
            self._take_in(reader)
        except SuperTokensGeneralError as error:
            self._begin_anew_after(error)
            return False
        if self._is_failing:
            self._is_failing = False
            _log.info("the feed of revocations is read again")
        return True

    def _take_in(self, reader: FeedReader) -> None:
        entries = None
        if self._has_begun:
            if self._monotonic() >= self._renew_at:
                self._lease(reader)
            began = self._monotonic()
            entries = reader.read()
        if entries is None:
            self._lease(reader)
            began = self._monotonic()
            reader.start()
            self._has_begun = True
            self._forget()
        else:
            self._note(entries)
        self._current_until = began + self._max_lag_s  # last: before this, other threads do not see all of it

    def _lease(self, reader: FeedReader) -> None:
        began = self._monotonic()
        reader.lease(self._clock(), _LEASE_MS)
        self._renew_at = began + _RENEW_EVERY_S

    def _note(self, entries: list[FeedEntry]) -> None:
        if not entries:
            return
        by_handle, position = self._announced.by_handle, self._position + 1
        for entry in entries:
            by_handle[entry.handle] = position
        self._position = position
        if len(by_handle) > _MAX_SESSIONS:
            self._forget()

    def _forget(self) -> None:
        """Make every token be compared once more."""
        self._announced = _Announced(self._position + 1)
        self._position += 1

    def _begin_anew_after(self, error: SuperTokensGeneralError) -> None:
        was_failing = self._is_failing
        self._begin_anew()
        self._is_failing = True
        if not was_failing:
            _log.warning("the feed of revocations cannot be read, so each check asks the store: %s", error)


def feed_for(config: Config, store: Store, clock: Callable[[], int], monotonic: Callable[[], float]) -> Feed | None:
    """Return the feed of `store` if `config` has `revocation: push`, or None. See `Feed` for the clocks.

    Raise ConfigError for a store that announces nothing.
    """
    if config.revocation != "push":
        return None
    if not isinstance(store, Announcing):
        why = f"cannot be combined with {type(store).__name__}, which announces nothing; leave it out"
        raise ConfigError(f"'revocation' ('push') {why}", "revocation")
    return Feed(store, clock, config.revocation_max_lag, monotonic)


def _follow(own: weakref.ref[Feed], reader: FeedReader, stop: threading.Event) -> None:
    """Read until `stop` is set, or until the feed of `own` is no longer used."""
    try:
        while not stop.is_set():
            feed = own()
            if feed is None:
                return
            succeeded = feed.take_in(reader)
            del feed  # so that nothing keeps it alive while this waits
            if succeeded:
                reader.wait(stop)
            else:
                reader.close()
                stop.wait(_BETWEEN_TRIES_S)
    finally:
        reader.close()
