# SPDX-License-Identifier: Apache-2.0
"""The revocation feed of the memory store: the shortest implementation of the contract of feeds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Literal

from supertokens.forks import ProcessLock
from supertokens.stores.base import MAX_ENTRIES, FeedEntry
from supertokens.stores.polling import polling_interval

__all__ = ["MemoryFeed"]


class MemoryFeed:
    """The entries, and whether there is a lease. The caller holds the lock."""

    def __init__(self) -> None:
        self.entries: deque[FeedEntry] = deque()
        self.leased_until: int | None = None
        self.leases_ended = 0
        self.forgotten = 0
        """How many entries were removed."""

    @property
    def position(self) -> int:
        """Return how many entries there have ever been."""
        return self.forgotten + len(self.entries)

    def announce(self, handles: Sequence[str], kind: Literal["ended", "payload"], now: int) -> None:
        if self.leased_until is not None:
            self.entries += [FeedEntry(handle, kind, now) for handle in handles]

    def sweep(self, now: int, kept_for: int, limit: int) -> int:
        """See `Announcing.sweep_feed`."""
        if self.leased_until is not None and self.leased_until <= now:
            self.leased_until = None
            self.leases_ended += 1
        before = self.forgotten
        while self.entries and self.entries[0].at <= now - kept_for and self.forgotten - before < limit:
            self.entries.popleft()
            self.forgotten += 1
        return self.forgotten - before

    def reader(self, lock: ProcessLock, max_lag_s: float) -> _MemoryFeedReader:
        return _MemoryFeedReader(self, lock, polling_interval(max_lag_s))


class _MemoryFeedReader:
    """A `FeedReader` that takes `lock` for each read, every `interval_s` seconds."""

    def __init__(self, feed: MemoryFeed, lock: ProcessLock, interval_s: float) -> None:
        self._feed = feed
        self._lock = lock
        self._interval_s = interval_s
        self._leases_ended = -1
        self._position = 0

    def lease(self, now: int, lasts: int) -> None:
        with self._lock.own:
            self._feed.leased_until = max(self._feed.leased_until or 0, now + lasts)

    def start(self) -> None:
        with self._lock.own:
            self._leases_ended, self._position = self._feed.leases_ended, self._feed.position

    def read(self) -> list[FeedEntry] | None:
        feed = self._feed
        with self._lock.own:
            unread = feed.position - self._position
            if self._leases_ended != feed.leases_ended or feed.leased_until is None:
                return None
            if self._position < feed.forgotten or unread > MAX_ENTRIES:
                return None
            self._position = feed.position
            return list(feed.entries)[len(feed.entries) - unread :]

    def wait(self, stopped: threading.Event) -> None:
        stopped.wait(self._interval_s)

    def close(self) -> None:
        """Do nothing: there is no connection to close."""
