# SPDX-License-Identifier: Apache-2.0
"""The contract of `supertokens.stores.base`, as tests for any store.

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self):
        store = MyStore(...)      # empty
        yield store
        store.close()
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from supertokens.engine.noted_client import NotedClient
from supertokens.engine.rotation import LONG_AGO, NEW_SESSION, NOBODY, Lineage
from supertokens.engine.session import ListedSession, SessionCursor
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import EVERYBODY, Checking, Store
from supertokens.testing.feed_contract import FeedContract
from supertokens.testing.key_store_contract import KeyStoreContract
from supertokens.testing.records import a_record, handles_of
from supertokens.testing.session_limit_contract import SessionLimitContract

__all__ = ["StoreContract", "a_record", "handles_of"]

_NOW = 1_700_000_000_000
_LIFE = 60_000
_CLIENT = NotedClient("Ünï ⚡ 'quoted'", "2001:db8::1")


class StoreContract(SessionLimitContract, KeyStoreContract, FeedContract):
    """Subclass it and give it a fixture `store`: an empty one."""

    def test_a_created_session_is_found_as_it_was_given(self, store: Store) -> None:
        record = a_record(
            user_id="Ünï ⚡ 'quoted'",
            uses_static_key=True,
            remember=False,
            last_seen_at=None,
            auth_time=None,
            client=_CLIENT,
        )
        store.create(record, '{"a":[1,null]}')
        found = store.get(record.handle, _NOW)
        assert found is not None
        assert found.record == record
        assert store.get_session_data(record.handle, _NOW) == '{"a":[1,null]}'

    def test_every_field_of_the_lineage_comes_back_to_the_bit(self, store: Store) -> None:
        for number, hint in enumerate((NOBODY, b"", b"\x00\xff\x80\n'\"%;"), start=1):
            lineage = Lineage(2**62, 2**62 - 1, 2**62 + 1, LONG_AGO, hint)
            store.create(a_record(number, lineage=lineage), "{}")
            found = store.get(a_record(number).handle, _NOW)
            assert found is not None
            assert found.record.lineage == lineage

    def test_creating_a_handle_again_is_refused_and_takes_nothing_over(self, store: Store) -> None:
        store.create(a_record(), "{}")
        try:
            store.create(a_record(user_id="thief"), '{"stolen":true}')
        except SuperTokensGeneralError:
            pass
        else:
            raise AssertionError("the second create was accepted")
        found = store.get(a_record().handle, _NOW)
        assert found is not None
        assert found.record == a_record()
        assert store.get_session_data(a_record().handle, _NOW) == "{}"

    def test_a_missing_handle_is_an_answer_everywhere(self, store: Store) -> None:
        record = a_record()
        assert store.get(record.handle, _NOW) is None
        assert store.get_session_data(record.handle, _NOW) is None
        assert store.rotate(record, record, durable=True) is False
        assert store.update(record.handle, _NOW, jwt_payload="{}") is False
        assert store.remove([record.handle], _NOW) == []
        assert store.remove([], _NOW) == []
        assert store.remove_user("nobody", _NOW) == []
        assert store.sessions("nobody", _NOW) == []
        assert store.sessions("nobody", _NOW, after=SessionCursor(record.created_at, record.handle)) == []
        assert store.get(record.handle, _NOW) is None, "an update never creates"

    def test_an_expired_session_is_absent_before_it_is_swept(self, store: Store) -> None:
        record = a_record()
        store.create(record, "{}")
        late = record.expires_at
        assert store.get(record.handle, late - 1) is not None, "it lives up to its last millisecond"
        assert store.update(record.handle, late - 1, session_data="{}") is True
        assert store.get(record.handle, late) is None
        assert store.get_session_data(record.handle, late) is None
        assert store.update(record.handle, late, session_data="{}") is False
        assert store.sessions(record.user_id, late) == store.sessions(EVERYBODY, late) == []
        assert store.count_sessions(record.user_id, late) == 0
        assert store.remove([record.handle], late) == []
        assert store.remove_user(record.user_id, late) == []

    def test_the_payload_alone_is_read_of_a_session_that_was_created_and_seen_lately_enough(self, store: Store) -> None:
        if not isinstance(store, Checking):
            return  # which is allowed: its records are read instead of payloads
        record = a_record(created_at=_NOW - 50, last_seen_at=_NOW - 20)
        store.create(record, "{}")
        store.create(a_record(2, created_at=_NOW - 50, last_seen_at=None), "{}")
        for now, seen_within, created_within, found in (
            (_NOW, 21, None, True),
            (_NOW, 20, None, False),
            (_NOW, 21, 51, True),
            (_NOW, 21, 50, False),
            (_NOW, 21, -1, False),
            (_NOW + 9, 21, 99, False),
            (_NOW + 9, 30, 99, True),
            (record.expires_at - 1, 2**40, 2**40, True),
            (record.expires_at, 2**40, 2**40, False),
        ):
            payload = store.get_payload(record.handle, now, seen_within=seen_within, created_within=created_within)
            assert payload == (record.jwt_payload if found else None), (now, seen_within, created_within)
        for other in (a_record(2), a_record(3)):  # it does not say when it was seen; there is none
            assert store.get_payload(other.handle, _NOW, seen_within=2**40, created_within=None) is None
        assert store.update(record.handle, _NOW, jwt_payload='{"changed":1}') is True
        assert store.get_payload(record.handle, _NOW, seen_within=21, created_within=None) == '{"changed":1}'
        assert store.remove([record.handle], _NOW) == [record.handle]
        assert store.get_payload(record.handle, _NOW, seen_within=21, created_within=None) is None

    def test_update_replaces_only_what_is_given(self, store: Store) -> None:
        record = a_record()
        store.create(record, '{"old":1}')
        assert store.update(record.handle, _NOW, jwt_payload='{"new":2}') is True
        found = store.get(record.handle, _NOW)
        assert found is not None
        assert found.record == replace(record, jwt_payload='{"new":2}')
        assert store.get_session_data(record.handle, _NOW) == '{"old":1}'
        assert store.update(record.handle, _NOW, session_data='{"newer":3}') is True
        assert store.get_session_data(record.handle, _NOW) == '{"newer":3}'

    def test_data_is_replaced_only_if_they_still_are_those_that_were_read_to_the_byte(self, store: Store) -> None:
        record = a_record()
        store.create(record, '{"n":1}')
        for other in ('{"n":1.0}', '{"n":2}', '{"n":1} ', ""):
            assert store.update(record.handle, _NOW, session_data='{"n":9}', if_session_data=other) is False
        assert store.get_session_data(record.handle, _NOW) == '{"n":1}'
        assert store.update(record.handle, _NOW, session_data='{"ü":2}', if_session_data='{"n":1}') is True
        assert store.update(record.handle, _NOW, session_data='{"n":3}', if_session_data='{"n":1}') is False
        assert store.get_session_data(record.handle, _NOW) == '{"ü":2}'
        late = record.expires_at
        assert store.update(record.handle, late, session_data="{}", if_session_data='{"ü":2}') is False

    def test_of_many_that_replace_the_same_data_at_once_exactly_one_wins(self, store: Store) -> None:
        record = a_record()
        store.create(record, "{}")

        def swap(number: int) -> bool:
            return store.update(record.handle, _NOW, session_data=f"[{number}]", if_session_data="{}")

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(swap, range(16))).count(True) == 1

    def test_remove_tells_what_existed_once_and_in_order(self, store: Store) -> None:
        handles = [a_record(number).handle for number in range(1, 1203)]
        for number in (1, 600, 1201):
            store.create(a_record(number), "{}")
        asked = [*reversed(handles), *handles]
        assert store.remove(asked, _NOW) == [handles[1200], handles[599], handles[0]]
        assert store.remove(asked, _NOW) == []

    def test_removing_a_user_leaves_all_others(self, store: Store) -> None:
        for number, user in enumerate(("a", "b", "a", "A", "a "), start=1):
            store.create(a_record(number, user_id=user), "{}")
        assert handles_of(store, "a", _NOW) == [a_record(1).handle, a_record(3).handle]
        assert sorted(store.remove_user("a", _NOW)) == sorted([a_record(1).handle, a_record(3).handle])
        assert handles_of(store, "a", _NOW) == []
        assert [handles_of(store, user, _NOW) != [] for user in ("b", "A", "a ")] == [True] * 3

    def test_the_sessions_of_everybody_are_listed_only_for_who_says_everybody(self, store: Store) -> None:
        for number, user in enumerate(("a", "", "everybody", "EVERYBODY", "Everybody.EVERYBODY", "None"), start=1):
            store.create(a_record(number, user_id=user), "{}")
        store.create(a_record(7, expires_at=_NOW - 1), "{}")
        living = {a_record(number).handle for number in range(1, 7)}
        assert set(handles_of(store, EVERYBODY, _NOW)) == living
        assert handles_of(store, "", _NOW) == [a_record(2).handle]
        assert handles_of(store, "everybody", _NOW) == [a_record(3).handle]
        assert handles_of(store, "nobody", _NOW) == []

    def test_a_list_shows_what_a_refresh_has_changed_and_not_when_there_was_none(self, store: Store) -> None:
        record = a_record(user_id="Ünï ⚡ 'quoted'", created_at=-1, remember=False, last_seen_at=None)
        store.create(record, '{"large":1}')
        listed = ListedSession(
            handle=record.handle,
            user_id=record.user_id,
            created_at=-1,
            refreshed_at=None,
            expires_at=record.expires_at,
            last_seen_at=None,
            remember=False,
        )
        for whose in (record.user_id, EVERYBODY):
            assert store.sessions(whose, _NOW) == [listed]
        later = {"expires_at": _NOW + 2 * _LIFE, "last_seen_at": _NOW + 6, "client": _CLIENT}
        becomes = replace(record, lineage=Lineage(2, 1, 3, _NOW + 5, b"12345678"), **later)
        assert store.rotate(record, becomes, durable=True) is True
        for whose in (record.user_id, EVERYBODY):
            assert store.sessions(whose, _NOW) == [replace(listed, refreshed_at=_NOW + 5, **later)]

    def test_a_list_of_a_user_is_in_the_order_of_creation_and_of_handles_where_that_is_the_same(
        self, store: Store
    ) -> None:
        for number, created_at in ((5, _NOW), (1, _NOW + 9), (4, _NOW), (3, _NOW), (2, -_NOW)):
            store.create(a_record(number, created_at=created_at), "{}")
        assert handles_of(store, "user", _NOW) == [a_record(number).handle for number in (2, 3, 4, 5, 1)]
        assert handles_of(store, EVERYBODY, _NOW) == [a_record(number).handle for number in (1, 2, 3, 4, 5)]

    def test_a_list_goes_on_behind_a_cursor_also_when_that_session_is_gone(self, store: Store) -> None:
        for number in range(1, 9):
            user = "other" if number in (2, 5) else "user"
            store.create(a_record(number, user_id=user, created_at=_NOW + (8 - number) // 2), "{}")
        for whose in ("user", EVERYBODY):
            whole = store.sessions(whose, _NOW)
            assert len(whole) == (8 if whose is EVERYBODY else 6)
            for position, last in enumerate(whole):
                assert store.sessions(whose, _NOW, after=last.cursor) == whole[position + 1 :]
                assert store.sessions(whose, _NOW, after=last.cursor, limit=2) == whole[position + 1 : position + 3]
            assert store.sessions(whose, _NOW, limit=0) == []
            assert store.sessions(whose, _NOW, limit=len(whole)) == store.sessions(whose, _NOW, limit=99) == whole
        first, second, *rest = store.sessions("user", _NOW)
        assert store.remove([first.handle, second.handle], _NOW) == [first.handle, second.handle]
        assert store.sessions("user", _NOW, after=first.cursor) == rest
        assert store.sessions("user", _NOW, after=second.cursor) == rest

    def test_whoever_reads_page_after_page_meets_each_session_once_whatever_comes_and_goes(self, store: Store) -> None:
        for number in range(1, 41):
            store.create(a_record(number, created_at=_NOW + number // 7), "{}")
        for whose in ("user", EVERYBODY):
            stay = set(handles_of(store, whose, _NOW))
            met: list[str] = []
            after, pages = None, 0
            while page := store.sessions(whose, _NOW, after=after, limit=3):
                met += [each.handle for each in page]
                after, pages = page[-1].cursor, pages + 1
                removed = a_record(pages * 4).handle
                store.remove([removed], _NOW)
                stay.discard(removed)
                if pages < 20:
                    other = 1_000 * pages + (500_000 if whose is EVERYBODY else 0)
                    store.create(a_record(other, created_at=_NOW - pages), "{}")
                    store.create(a_record(other + 1, expires_at=_NOW), "{}")
            assert len(met) == len(set(met))
            assert set(met) >= stay

    def test_sessions_are_counted(self, store: Store) -> None:
        assert store.count_sessions("user", _NOW) == store.count_sessions(EVERYBODY, _NOW) == 0
        for number, user in enumerate(("user", "everybody", "user", "User", "user"), start=1):
            store.create(a_record(number, user_id=user, expires_at=_NOW + number), "{}")
        for now, users, all_users in ((_NOW, 3, 5), (_NOW + 1, 2, 4), (_NOW + 5, 0, 0)):
            assert store.count_sessions("user", now) == users
            assert store.count_sessions(EVERYBODY, now) == all_users
        assert store.count_sessions("everybody", _NOW) == 1
        assert store.count_sessions("", _NOW) == store.count_sessions("%", _NOW) == 0

    def test_rotate_swaps_only_what_it_has_seen(self, store: Store) -> None:
        seen = a_record(lineage=Lineage(1, 0, 2, _NOW, b"hint"))
        was = seen.lineage
        others = {
            "current": was._replace(current=2),
            "newest": was._replace(newest=3),
            "handed_out_at": was._replace(handed_out_at=_NOW + 1),
        }
        for number, (field, lineage) in enumerate(others.items(), start=1):
            record = a_record(number, lineage=lineage)
            store.create(record, "{}")
            stale = a_record(number, lineage=seen.lineage)
            assert store.rotate(stale, replace(stale, anti_csrf=False), durable=True) is False, field
            found = store.get(record.handle, _NOW)
            assert found is not None
            assert found.record == record, field

    def test_rotate_writes_lineage_expiry_and_flags_and_nothing_else(self, store: Store) -> None:
        for number, durable in ((1, True), (2, False)):
            seen = a_record(number)
            store.create(seen, '{"kept":true}')
            store.update(seen.handle, _NOW, jwt_payload='{"changed":"meanwhile"}')
            becomes = replace(
                seen,
                lineage=Lineage(2, 1, 3, _NOW, b"12345678"),
                expires_at=_NOW + 2 * _LIFE,
                last_seen_at=_NOW + 7,
                client=_CLIENT,
                anti_csrf=False,
                uses_static_key=True,
            )
            assert store.rotate(seen, becomes, durable=durable) is True
            found = store.get(seen.handle, _NOW)
            assert found is not None
            assert found.record == replace(becomes, jwt_payload='{"changed":"meanwhile"}')
            assert store.rotate(seen, becomes, durable=durable) is False, "what was seen is no longer there"

    def test_rotate_may_give_another_handle_under_which_payload_and_data_stay(self, store: Store) -> None:
        seen, other = a_record(), a_record(2)
        store.create(seen, '{"kept":true}')
        store.update(seen.handle, _NOW, jwt_payload='{"changed":"meanwhile"}', auth_time=_NOW + 9)
        renewed = replace(seen, handle=a_record(3).handle, lineage=NEW_SESSION, expires_at=_NOW + 2 * _LIFE)
        assert store.rotate(seen, renewed, durable=True) is True
        assert store.get(seen.handle, _NOW) is None
        assert store.rotate(seen, renewed, durable=True) is False, "it is gone under that name"
        found = store.get(renewed.handle, _NOW)
        assert found is not None
        assert found.record == replace(renewed, jwt_payload='{"changed":"meanwhile"}', auth_time=_NOW + 9)
        assert store.get_session_data(renewed.handle, _NOW) == '{"kept":true}'
        assert handles_of(store, "user", _NOW) == [renewed.handle]
        assert store.rotate(other, replace(other, handle=a_record(4).handle), durable=True) is False

    def test_of_many_that_rotate_at_once_exactly_one_wins(self, store: Store) -> None:
        seen = a_record()
        store.create(seen, "{}")

        def swap(number: int) -> bool:
            becomes = replace(
                seen, lineage=seen.lineage._replace(newest=2, handed_out_at=_NOW + number, fingerprint=b"us")
            )
            return store.rotate(seen, becomes, durable=False)

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(swap, range(16))).count(True) == 1

    def test_sweep_deletes_expired_sessions_and_no_others(self, store: Store) -> None:
        for number in range(1, 8):
            store.create(a_record(number, expires_at=_NOW + number), "{}")
        assert store.sweep(_NOW + 4, limit=3) == 3
        assert store.sweep(_NOW + 4, limit=3) == 1
        assert store.sweep(_NOW + 4, limit=3) == 0
        assert handles_of(store, "user", _NOW) == [a_record(number).handle for number in (5, 6, 7)]

    def test_a_closed_store_opens_again_with_all_that_was_kept(self, store: Store) -> None:
        store.create(a_record(), "{}")
        store.close()
        store.close()
        assert store.get(a_record().handle, _NOW) is not None
