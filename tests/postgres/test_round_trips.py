# SPDX-License-Identifier: Apache-2.0
"""How often the way to the server is gone: once for each operation, directly and behind a pooler."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from supertokens.core import system_clock
from supertokens.engine.signing_keys import StoredKey
from supertokens.stores.base import EVERYBODY, SessionLimit
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore
from supertokens.testing.store_contract import a_record

from .conftest import without_pooler
from .pooler import Pooler
from .proxy import Proxy
from .server import PostgresServer


@pytest.fixture(params=["directly", pytest.param("behind a pooler", marks=without_pooler)])
def proxy(request: pytest.FixtureRequest, server: PostgresServer) -> Iterator[Proxy]:
    target = server.port if request.param == "directly" else request.getfixturevalue("pooler").port
    made = Proxy(target)
    yield made
    made.end()


@pytest.fixture
def store(proxy: Proxy, url: str, server: PostgresServer) -> Iterator[PostgresStore]:
    made = open_store(url.replace(f":{server.port}/", f":{proxy.port}/"))
    assert isinstance(made, PostgresStore)
    yield made
    made.close()


def operations(store: PostgresStore) -> dict[str, Callable[[], object]]:
    now = system_clock()
    life = {"created_at": now, "last_seen_at": now, "expires_at": now + 600_000}
    records = [a_record(number, **life) for number in range(1, 9)]
    first, second, third, fourth, fifth, sixth, *_ = records
    limit = SessionLimit(9, evicts=True)
    changed = replace(first, lineage=first.lineage._replace(newest=2))
    moved = replace(changed, handle=a_record(99).handle)
    key = StoredKey("d-1", "dynamic", 1, b"material")
    return {
        "create": lambda: store.create(first, "{}"),
        "create, replacing": lambda: [store.create(second, "{}"), store.create(third, "{}", replaces=[second.handle])][
            1:
        ],
        "create within a limit": lambda: store.create(fourth, "{}", limit=limit),
        "get": lambda: store.get(first.handle, now),
        "get_payload": lambda: store.get_payload(first.handle, now, seen_within=99_999, created_within=None),
        "get_session_data": lambda: store.get_session_data(first.handle, now),
        "rotate": lambda: store.rotate(first, changed, durable=False),
        "rotate, durably": lambda: store.rotate(changed, moved, durable=True),
        "update": lambda: store.update(moved.handle, now, jwt_payload="{}"),
        "sessions of a user": lambda: store.sessions("user", now, limit=5),
        "sessions of everybody": lambda: store.sessions(EVERYBODY, now, limit=5),
        "count": lambda: store.count_sessions("user", now),
        "remove": lambda: store.remove([moved.handle], now),
        "remove many": lambda: store.remove([each.handle for each in (fifth, sixth, third)], now),
        "remove_user": lambda: store.remove_user("user", now),
        "sweep": lambda: store.sweep(now, limit=500) == 0,
        "add_key": lambda: store.add_key(key, None, None),
        "read_keys": lambda: store.read_keys(now).keys,
        "remove_keys": lambda: store.remove_keys("dynamic", ["d-1"]) is None,
        "remove_all_keys": lambda: store.remove_all_keys() is None,
        "note_v2": lambda: store.note_v2() is None,
        "prove_writable": lambda: store.prove_writable(1000) is None,
    }


def test_each_operation_takes_one_round_trip(store: PostgresStore, proxy: Proxy) -> None:
    store.read_keys(0)  # opens the connection, and looks at the tables
    for _ in range(2):  # directly, a statement is prepared at its first use
        taken = {}
        for name, operate in operations(store).items():
            before = proxy.round_trips
            assert operate() not in (None, False), name
            taken[name] = proxy.round_trips - before
        store.remove_user("user", system_clock())
    expected = dict.fromkeys(taken, 1) | {"create, replacing": 2}  # the first of which makes what is replaced
    assert taken == expected


@without_pooler
def test_a_pooler_is_found_out_and_nothing_is_left_behind_in_the_sessions_that_it_shares(
    pooler: Pooler, url: str, server: PostgresServer
) -> None:
    behind = url.replace(f":{server.port}/", f":{pooler.port}/")
    for pooled in (behind, f"{behind}?pooler=1"):
        store = open_store(pooled)
        assert isinstance(store, PostgresStore)
        for operate in operations(store).values():
            operate()
        store.remove_user("user", system_clock())
        with store._database._connections.borrowed(5) as connection:
            assert not connection.is_direct
            said = connection.execute(
                "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
                " (SELECT count(*) FROM pg_prepared_statements), current_setting('synchronous_commit')",
                prepare=False,
            ).fetchone()
            assert said == ("0", "0", 0, "on")
        store.close()


def test_a_connection_of_its_own_prepares_its_statements_and_keeps_its_settings(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, PostgresStore)
    for operate in operations(store).values():
        operate()
    with store._database._connections.borrowed(5) as connection:
        assert connection.is_direct
        said = connection.execute(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
            " (SELECT count(*) FROM pg_prepared_statements), current_setting('synchronous_commit')",
            prepare=False,
        ).fetchone()
    assert said is not None
    assert said[:2] == ("5s", "4s")
    assert 15 < said[2] < 40
    assert said[3] == "on"
    store.close()


def test_a_statement_is_prepared_once_whatever_the_size_of_its_numbers(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, PostgresStore)
    for size in (1, 2**15, 2**31, 2**62):
        assert store.get_payload(a_record().handle, 0, seen_within=size, created_within=size) is None
    with store._database._connections.borrowed(5) as connection:
        said = connection.execute("SELECT count(*) FROM pg_prepared_statements", prepare=False).fetchone()
    assert said == (1,)
    store.close()


def test_a_connection_that_waits_for_its_next_caller_keeps_no_large_result(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, PostgresStore)
    now = system_clock()
    for number in range(1, 130):
        store.create(a_record(number, created_at=now, expires_at=now + 600_000), "{}")
    for limit, rows_kept in ((100, 100), (101, 0)):
        assert len(store.sessions("user", now, limit=limit)) == limit
        [cursor] = store._database._connections._own.idle
        assert (cursor.pgresult.ntuples if cursor.pgresult else 0) == rows_kept
    store.close()
