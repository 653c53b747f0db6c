# SPDX-License-Identifier: Apache-2.0
"""The contract of stores, on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from supertokens.stores.base import EVERYBODY, Store
from supertokens.stores.postgres import PostgresStore
from supertokens.stores.postgres_rows import stored_user_id
from supertokens.testing import StoreContract
from supertokens.testing.store_contract import a_record

from .conftest import MakeDatabase, empty, store_by_the_callers_clock, without_pooler
from .pooler import Pooler
from .server import PostgresServer

NOW = 1_700_000_000_000
A_HANDLE = a_record(0xABCDEF).handle


@pytest.fixture(scope="module")
def shared(make_database: MakeDatabase) -> Iterator[PostgresStore]:
    """A store that goes by the time that the tests pass."""
    store = store_by_the_callers_clock(make_database())
    yield store
    store.close()


@pytest.fixture(scope="module")
def pooled(make_database: MakeDatabase, server: PostgresServer, pooler: Pooler) -> Iterator[PostgresStore]:
    """The same behind a pooler with fewer sessions than the store has connections."""
    store = store_by_the_callers_clock(make_database().replace(f":{server.port}/", f":{pooler.port}/"))
    yield store
    store.close()


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def store(self, shared: PostgresStore) -> Store:
        empty(shared)
        return shared


@without_pooler
class TestPostgresStoreBehindAPooler(StoreContract):
    @pytest.fixture
    def store(self, pooled: PostgresStore) -> Store:
        empty(pooled)
        return pooled


def test_user_ids_with_characters_that_postgresql_lacks_are_those_of_different_users(shared: PostgresStore) -> None:
    empty(shared)
    users = ["a", "a\0", "a\1", "a\1\2", "a\1\1", "a\0\1", "a\1\0", "\0", ""]
    for number, user in enumerate(users, start=1):
        shared.create(a_record(number, user_id=user), "{}")
    for number, user in enumerate(users, start=1):
        [listed] = shared.sessions(user, NOW)
        found = shared.get(listed.handle, NOW)
        assert found is not None
        assert (found.record, listed.user_id) == (a_record(number, user_id=user), user)


@given(st.text("\0\1\2a"), st.text("\0\1\2a"))
def test_no_two_user_ids_are_stored_alike(one: str, other: str) -> None:
    assert (stored_user_id(one) == stored_user_id(other)) is (one == other)
    assert "\0" not in stored_user_id(one)


@pytest.mark.parametrize("handle", ["", "x", "\0", A_HANDLE.upper(), f"{{{A_HANDLE}}}", A_HANDLE.replace("-", "")])
def test_a_text_that_is_no_handle_is_that_of_no_session(shared: PostgresStore, handle: str) -> None:
    """Although PostgreSQL would read some of them as the same UUID."""
    empty(shared)
    record = a_record(0xABCDEF, expires_at=NOW + 10)
    shared.create(record, "{}")
    other = replace(record, handle=handle)
    assert shared.get(handle, NOW) is None
    assert shared.get_payload(handle, NOW, seen_within=2**40, created_within=None) is None
    assert shared.get_session_data(handle, NOW) is None
    assert shared.update(handle, NOW, jwt_payload="{}") is False
    assert shared.rotate(other, other, durable=True) is False
    assert shared.remove([handle], NOW) == []
    assert shared.create(a_record(2), "{}", replaces=[handle]) == []
    assert shared.get(record.handle, NOW) is not None


def test_very_many_sessions_of_a_user_are_removed_in_steps(shared: PostgresStore) -> None:
    empty(shared)
    with shared._database._connections.borrowed(5) as connection:
        connection.execute(
            "INSERT INTO supertokens.session SELECT gen_random_uuid(), 'user', '{}', n, %s, false, false, true, n, n,"
            " NULL, NULL, 1, 0, 1, 0, NULL, '{}' FROM generate_series(1, 1201) AS n",
            (NOW + 1000,),
        )
    shared.create(a_record(1, user_id="other"), "{}")
    assert len(set(shared.remove_user("user", NOW))) == 1201
    assert shared.count_sessions(EVERYBODY, NOW) == 1
