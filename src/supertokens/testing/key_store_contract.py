# SPDX-License-Identifier: Apache-2.0
"""The part of `StoreContract` about keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from supertokens.engine.signing_keys import StoredKey, StoredKeys
from supertokens.stores.base import Store

__all__ = ["KeyStoreContract"]

_NOW = 1_700_000_000_000


class KeyStoreContract:
    """See `StoreContract`, which has these tests too."""

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
            assert store.read_keys(_NOW) == StoredKeys(keys, _NOW, None)
        assert store.reseal_keys(keys, sealed, "aa") is True
        assert store.read_keys(_NOW) == StoredKeys(sealed, _NOW, "aa")
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
        assert store.read_keys(_NOW) == StoredKeys([], _NOW, None)
        assert store.add_key(StoredKey("d-2", "dynamic", 2, b"plain"), None, None) is True

    def test_that_a_v2_token_was_minted_is_said_from_then_on(self, store: Store) -> None:
        assert store.read_keys(_NOW).has_v2 is False
        store.note_v2()
        store.note_v2()
        store.remove_all_keys()
        assert store.read_keys(_NOW).has_v2 is True
