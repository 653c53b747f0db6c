# SPDX-License-Identifier: Apache-2.0
"""The contract of `supertokens.stores.base`, as tests that any store can be put through.

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

from supertokens.engine.rotation import LONG_AGO, NEW_SESSION, NOBODY, Lineage
from supertokens.engine.session import SessionRecord, new_handle
from supertokens.engine.signing_keys import StoredKey
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import EVERYBODY, Store

__all__ = ["StoreContract", "a_record"]

_NOW = 1_700_000_000_000
_LIFE = 60_000


def a_record(number: int = 1, **changes: object) -> SessionRecord:
    """A session of its own for each `number`, which lives for a minute."""
    record = SessionRecord(
        handle=new_handle(number.to_bytes(16, "big")),
        user_id="user",
        jwt_payload='{"role":"admin","n":1.0,"nothing":null}',
        created_at=_NOW + number,
        expires_at=_NOW + _LIFE,
        uses_static_key=False,
        anti_csrf=True,
        lineage=NEW_SESSION,
    )
    return replace(record, **changes)


class StoreContract:
    """Subclass it and give it a fixture `store`: an empty one."""

    def test_a_created_session_is_found_as_it_was_given(self, store: Store) -> None:
        record = a_record(user_id="Ünï ⚡ 'quoted'", uses_static_key=True)
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
        assert store.handles_of_user("nobody", _NOW) == []
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
        assert store.handles_of_user(record.user_id, late) == []
        assert store.remove([record.handle], late) == []
        assert store.remove_user(record.user_id, late) == []

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
        assert store.handles_of_user("a", _NOW) == [a_record(1).handle, a_record(3).handle]
        assert sorted(store.remove_user("a", _NOW)) == sorted([a_record(1).handle, a_record(3).handle])
        assert store.handles_of_user("a", _NOW) == []
        assert [store.handles_of_user(user, _NOW) != [] for user in ("b", "A", "a ")] == [True] * 3

    def test_the_sessions_of_everybody_are_listed_only_for_who_says_everybody(self, store: Store) -> None:
        for number, user in enumerate(("a", "", "everybody", "EVERYBODY", "Everybody.EVERYBODY", "None"), start=1):
            store.create(a_record(number, user_id=user), "{}")
        store.create(a_record(7, expires_at=_NOW - 1), "{}")
        living = {a_record(number).handle for number in range(1, 7)}
        assert set(store.handles_of_user(EVERYBODY, _NOW)) == living
        assert store.handles_of_user("", _NOW) == [a_record(2).handle]
        assert store.handles_of_user("everybody", _NOW) == [a_record(3).handle]
        assert store.handles_of_user("nobody", _NOW) == []

    def test_handles_are_listed_up_to_a_moment_and_a_number(self, store: Store) -> None:
        for number in range(1, 6):
            store.create(a_record(number), "{}")
        first, second, third, *_ = (a_record(number).handle for number in range(1, 6))
        assert store.handles_of_user("user", _NOW, limit=2) == [first, second]
        assert store.handles_of_user("user", _NOW, limit=0) == []
        assert store.handles_of_user("user", _NOW, created_before=_NOW + 4) == [first, second, third]
        assert store.handles_of_user("user", _NOW, created_before=_NOW + 4, limit=1) == [first]
        assert set(store.handles_of_user(EVERYBODY, _NOW, created_before=_NOW + 3)) == {first, second}
        assert len(store.handles_of_user(EVERYBODY, _NOW, limit=3)) == 3

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
                anti_csrf=False,
                uses_static_key=True,
            )
            assert store.rotate(seen, becomes, durable=durable) is True
            found = store.get(seen.handle, _NOW)
            assert found is not None
            assert found.record == replace(becomes, jwt_payload='{"changed":"meanwhile"}')
            assert store.rotate(seen, becomes, durable=durable) is False, "what was seen is no longer there"

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
        assert store.handles_of_user("user", _NOW) == [a_record(number).handle for number in (5, 6, 7)]

    def test_a_key_is_added_only_after_the_last_that_the_caller_knows_whatever_their_dates(self, store: Store) -> None:
        ahead, second, rival = (StoredKey(f"d-{n}", "dynamic", n, b"material") for n in (9, 1, 3))
        other = StoredKey("s-1", "static", 9, b"\x00\xff")
        assert store.read_keys(_NOW).keys == []
        assert store.add_key(ahead, None, None) is True
        assert store.add_key(rival, None, None) is False
        assert store.add_key(other, None, None) is True, "each purpose has a last key of its own"
        assert store.add_key(second, "d-9", None) is True
        assert store.add_key(rival, "d-9", None) is False, "a key has one successor, though it bears the latest date"
        assert store.add_key(second, "d-1", None) is False, "an id is given once"
        assert store.read_keys(_NOW).keys == [ahead, other, second], "in the order in which they were added"

    def test_of_many_that_add_a_key_at_once_exactly_one_succeeds(self, store: Store) -> None:
        store.add_key(StoredKey("d-0", "dynamic", 0, b"material"), None, None)

        def add(number: int) -> bool:
            return store.add_key(StoredKey(f"d-{number}", "dynamic", number, b"material"), "d-0", None)

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(add, range(1, 17))).count(True) == 1
        assert len(store.read_keys(_NOW).keys) == 2

    def test_a_store_says_what_its_first_key_was_sealed_with_and_takes_no_key_that_is_sealed_otherwise(
        self, store: Store
    ) -> None:
        first, second = StoredKey("d-1", "dynamic", 1, b"sealed"), StoredKey("d-2", "dynamic", 2, b"sealed")
        assert store.read_keys(_NOW).sealed_with is None
        assert store.add_key(first, None, "aa") is True
        assert store.read_keys(_NOW).sealed_with == "aa"
        for other in (None, "bb"):
            assert store.add_key(second, "d-1", other) is False
            assert store.add_key(StoredKey("s-1", "static", 1, b""), None, other) is False
        assert store.add_key(second, "d-1", "aa") is True

    def test_a_store_whose_first_key_is_in_the_clear_takes_no_sealed_one(self, store: Store) -> None:
        store.add_key(StoredKey("d-1", "dynamic", 1, b"plain"), None, None)
        assert store.add_key(StoredKey("d-2", "dynamic", 2, b"sealed"), "d-1", "aa") is False
        assert store.read_keys(_NOW).sealed_with is None

    def test_keys_are_resealed_all_at_once_and_only_if_they_still_are_those_that_were_read(self, store: Store) -> None:
        keys = [StoredKey(f"d-{n}", "dynamic", n, b"plain") for n in (2, 1)] + [StoredKey("s-1", "static", 1, b"plain")]
        for key, after in zip(keys, (None, "d-2", None), strict=True):
            store.add_key(key, after, None)
        sealed = [replace(key, material=b"sealed") for key in keys]
        for seen in (keys[:2], [*keys[:2], replace(keys[2], material=b"other")], [*keys, keys[0]], []):
            assert store.reseal_keys(seen, sealed, "aa") is False
            assert store.read_keys(_NOW) == (keys, _NOW, None, False)
        assert store.reseal_keys(keys, sealed, "aa") is True
        assert store.read_keys(_NOW) == (sealed, _NOW, "aa", False)
        assert store.add_key(StoredKey("d-3", "dynamic", 3, b""), "d-1", "aa") is True, "the order is kept"

    def test_keys_are_removed_by_purpose_and_id(self, store: Store) -> None:
        keys = [StoredKey("d-1", "dynamic", 1, b"a"), StoredKey("s-1", "static", 1, b"b")]
        for key in keys:
            store.add_key(key, None, None)
        store.remove_keys("static", ["d-1", "unknown"])
        assert len(store.read_keys(_NOW).keys) == 2
        store.remove_keys("dynamic", ["d-1"])
        assert store.read_keys(_NOW).keys == [keys[1]]

    def test_a_store_without_its_keys_begins_anew(self, store: Store) -> None:
        store.add_key(StoredKey("d-1", "dynamic", 1, b"sealed"), None, "aa")
        store.add_key(StoredKey("s-1", "static", 1, b"sealed"), None, "aa")
        store.remove_all_keys()
        assert store.read_keys(_NOW) == ([], _NOW, None, False)
        assert store.add_key(StoredKey("d-2", "dynamic", 2, b"plain"), None, None) is True

    def test_that_a_v2_token_was_minted_is_said_from_then_on(self, store: Store) -> None:
        assert store.read_keys(_NOW).has_v2 is False
        store.note_v2()
        store.note_v2()
        store.remove_all_keys()
        assert store.read_keys(_NOW).has_v2 is True

    def test_a_closed_store_opens_again_with_all_that_was_kept(self, store: Store) -> None:
        store.create(a_record(), "{}")
        store.close()
        store.close()
        assert store.get(a_record().handle, _NOW) is not None
