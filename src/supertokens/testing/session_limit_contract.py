# SPDX-License-Identifier: Apache-2.0
"""The part of `StoreContract` about sessions that replace others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from supertokens.stores.base import EVERYBODY, SessionLimit, Store
from supertokens.testing.records import a_record, handles_of

__all__ = ["SessionLimitContract"]

_NOW = 1_700_000_000_000


class SessionLimitContract:
    """A base class of `StoreContract`."""

    def test_a_session_that_replaces_others_deletes_those_that_exist(self, store: Store) -> None:
        for number in (1, 2, 3):
            store.create(a_record(number, user_id="other" if number == 2 else "user"), "{}")
        handles = [a_record(number).handle for number in (2, 9, 1, 2)]
        assert store.create(a_record(4), "{}") == []
        assert store.create(a_record(5), "{}", replaces=handles) == [handles[0], handles[2]]
        assert handles_of(store, EVERYBODY, _NOW) == [a_record(number).handle for number in (3, 4, 5)]

    def test_of_sessions_beyond_a_limit_those_go_that_were_not_seen_for_longest(self, store: Store) -> None:
        for number, seen in ((1, 9), (2, None), (3, 4), (4, 1)):
            store.create(a_record(number, last_seen_at=seen and _NOW + seen), "{}")
        store.create(a_record(5, user_id="other", last_seen_at=_NOW), "{}")
        store.create(a_record(6, expires_at=_NOW + 1, last_seen_at=_NOW), "{}")
        limit = SessionLimit(4, evicts=True)
        assert store.create(a_record(7), "{}", limit=limit) == [a_record(4).handle]
        assert store.create(a_record(8), "{}", limit=limit, replaces=[a_record(7).handle]) == [a_record(7).handle]
        tight = SessionLimit(1, evicts=True)
        assert set(store.create(a_record(9), "{}", limit=tight) or ()) == {a_record(n).handle for n in (1, 2, 3, 8)}
        assert handles_of(store, "user", _NOW + 5) == [a_record(9).handle]
        assert handles_of(store, "other", _NOW) == [a_record(5).handle]

    def test_a_session_beyond_a_limit_is_refused_and_nothing_is_written(self, store: Store) -> None:
        limit = SessionLimit(2, evicts=False)
        assert store.create(a_record(1), "{}", limit=limit) == []
        assert store.create(a_record(2), "{}", limit=limit) == []
        assert store.create(a_record(3), "{}", limit=limit) is None
        assert store.create(a_record(3, user_id="other"), "{}", limit=limit, replaces=[a_record(1).handle]) == [
            a_record(1).handle
        ]
        assert store.create(a_record(4), "{}", limit=limit, replaces=[a_record(3).handle]) == [a_record(3).handle]
        assert store.create(a_record(5), "{}", limit=limit, replaces=[a_record(9).handle]) is None
        assert handles_of(store, EVERYBODY, _NOW) == [a_record(number).handle for number in (2, 4)]

    def test_of_many_that_log_in_at_once_no_more_stay_than_may(self, store: Store) -> None:
        for evicts in (True, False):
            limit, user = SessionLimit(3, evicts=evicts), f"evicts {evicts}"

            def log_in(number: int, limit: SessionLimit = limit, user: str = user) -> list[str] | None:
                record = a_record(number + 100 * limit.evicts, user_id=user, created_at=_NOW, last_seen_at=_NOW)
                return store.create(record, "{}", limit=limit)

            with ThreadPoolExecutor(8) as threads:
                outcomes = list(threads.map(log_in, range(1, 17)))
            assert store.count_sessions(user, _NOW) == 3
            assert outcomes.count(None) == (0 if evicts else 13)
