# SPDX-License-Identifier: Apache-2.0
"""The part of `StoreContract` about the feed. A store without a feed passes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from supertokens.engine.rotation import Lineage
from supertokens.stores.base import Announcing, FeedReader, SessionLimit, Store
from supertokens.testing.records import a_record

__all__ = ["FeedContract"]

_NOW = 1_700_000_000_000
_LEASE = 60_000
_KEPT_FOR = 3_660_000
_LONG_AFTER = 4_000_000_000_000
_MAX_LAG_S = 0.25


@contextmanager
def following(store: Announcing, *, begun: bool = True) -> Iterator[FeedReader]:
    """Yield a reader of `store`, which has a lease and has started reading unless `begun` is False."""
    reader = store.feed_reader(_MAX_LAG_S)
    try:
        if begun:
            reader.lease(_NOW, _LEASE)
            reader.start()
        yield reader
    finally:
        reader.close()


def announced(reader: FeedReader) -> list[tuple[str, str]] | None:
    """Return the entries that are new to `reader`: handles and kinds."""
    entries = reader.read()
    return None if entries is None else [(entry.handle, entry.kind) for entry in entries]


class FeedContract:
    """Subclasses have a fixture `store`: an empty one."""

    def test_every_way_in_which_a_session_ends_or_its_payload_changes_is_announced_once(self, store: Store) -> None:
        if not isinstance(store, Announcing):
            return
        records = [a_record(number) for number in range(9)]
        for record in records:
            store.create(record, "{}")
        one, two, three, four, five, six, *others = records
        with following(store) as reader, following(store) as another:
            assert announced(reader) == []
            store.remove([one.handle, a_record(99).handle], _NOW)
            assert announced(reader) == [(one.handle, "ended")]
            store.update(two.handle, _NOW, jwt_payload='{"new":1}')
            store.update(two.handle, _NOW, jwt_payload='{"new":1}')
            assert announced(reader) == [(two.handle, "payload")]
            store.create(a_record(10), "{}", replaces=[three.handle])
            assert announced(reader) == [(three.handle, "ended")]
            store.rotate(four, replace(four, handle=a_record(11).handle), durable=True)
            assert announced(reader) == [(four.handle, "ended")]
            store.create(a_record(12, created_at=_NOW + 50), "{}", limit=SessionLimit(8, evicts=True))
            assert announced(reader) == [(two.handle, "ended")]
            assert store.remove([five.handle, six.handle], _NOW) == [five.handle, six.handle]
            assert sorted(announced(reader) or []) == sorted((each.handle, "ended") for each in (five, six))
            left = store.remove_user("user", _NOW)
            assert sorted(announced(reader) or []) == sorted((each, "ended") for each in left)
            assert announced(reader) == []
            assert len(announced(another) or []) == 7 + len(left), "each reader gets everything"
            assert {each.handle for each in others} <= set(left)

    def test_a_session_that_is_swept_is_announced_as_the_clock_may_have_been_ahead(self, store: Store) -> None:
        if not isinstance(store, Announcing):
            return
        store.create(a_record(), "{}")
        with following(store) as reader:
            assert store.sweep(a_record().expires_at, limit=10) == 1
            assert announced(reader) == [(a_record().handle, "ended")]

    def test_what_changes_neither_life_nor_payload_is_not_announced(self, store: Store) -> None:
        if not isinstance(store, Announcing):
            return
        record = a_record()
        with following(store) as reader:
            store.create(record, "{}")
            store.update(record.handle, _NOW, session_data='{"new":1}', auth_time=_NOW)
            lineage = Lineage(1, 0, 2, _NOW, b"12345678")
            store.rotate(record, replace(record, lineage=lineage, expires_at=_NOW + 99_000), durable=True)
            store.rotate(record, replace(record, handle=a_record(2).handle), durable=True)  # loses its race
            store.remove([a_record(3).handle], _NOW)
            assert announced(reader) == []

    def test_nothing_is_announced_without_a_lease(self, store: Store) -> None:
        if not isinstance(store, Announcing):
            return
        for number in (1, 2):
            store.create(a_record(number), "{}")
        with following(store, begun=False) as reader:
            store.update(a_record(1).handle, _NOW, jwt_payload='{"new":1}')
            store.remove([a_record(1).handle], _NOW)
            assert store.sweep_feed(_LONG_AFTER, kept_for=0, limit=10) == 0, "nothing was written"
            assert reader.read() is None, "a reader that has no lease cannot know"
            reader.lease(_NOW, _LEASE)
            reader.start()
            store.remove([a_record(2).handle], _NOW)
            assert announced(reader) == [(a_record(2).handle, "ended")]

    def test_a_lease_lasts_as_long_as_the_one_that_was_asked_for_longest(self, store: Store) -> None:
        if not isinstance(store, Announcing):
            return
        store.create(a_record(), "{}")
        with following(store) as reader, following(store, begun=False) as another:
            another.lease(_NOW, _LEASE // 2)
            store.sweep_feed(_NOW + _LEASE - 1, kept_for=_KEPT_FOR, limit=10)
            store.remove([a_record().handle], _NOW)
            assert announced(reader) == [(a_record().handle, "ended")]

    def test_a_reader_whose_lease_has_run_out_is_told_though_somebody_took_one_since(self, store: Store) -> None:
        if not isinstance(store, Announcing):
            return
        with following(store) as reader:
            assert announced(reader) == []
            store.sweep_feed(_NOW + _LEASE, kept_for=_KEPT_FOR, limit=10)
            with following(store) as another:
                assert announced(another) == []
                assert reader.read() is None
                reader.lease(_NOW, _LEASE)
                assert reader.read() is None, "until it begins anew"
                reader.start()
                assert announced(reader) == []
                assert announced(another) == [], "which ends nobody else's"

    def test_entries_are_kept_and_swept_in_bounded_batches_and_a_reader_that_missed_some_is_told(
        self, store: Store
    ) -> None:
        if not isinstance(store, Announcing):
            return
        now = time.time_ns() // 1_000_000
        for number in range(4):
            store.create(a_record(number, expires_at=_LONG_AFTER), "{}")
        with following(store) as reader, following(store) as late, following(store) as later:
            for reading in (reader, later):
                reading.lease(_LONG_AFTER, _LEASE)
            for number in range(4):
                store.remove([a_record(number).handle], now)
            assert len(announced(reader) or []) == 4
            assert store.sweep_feed(now, kept_for=_KEPT_FOR, limit=10) == 0, "they are kept"
            assert len(announced(late) or []) == 4
            swept = [store.sweep_feed(now + 2 * _KEPT_FOR, kept_for=_KEPT_FOR, limit=3) for _ in range(3)]
            assert swept == [3, 1, 0]
            assert announced(reader) == []
            assert later.read() is None
            assert announced(late) == []

    def test_waiting_for_news_ends_soon(self, store: Store) -> None:
        if not isinstance(store, Announcing):
            return
        with following(store) as reader:
            assert announced(reader) == []
            began = time.monotonic()
            reader.wait(threading.Event())
            assert time.monotonic() - began < 20 * _MAX_LAG_S, "it looks again within the lag, or says so"
