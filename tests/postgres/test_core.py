# SPDX-License-Identifier: Apache-2.0
"""The embedded core on a PostgreSQL server: what it does on a SQLite file, it does there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore, system_clock
from supertokens.engine.sealing import sealed_with
from supertokens.stores.base import Store
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore
from supertokens.testing import FakeClock, KeysOnce
from tests.core.core_contract import MakeCore
from tests.core.test_contract import TestEmbeddedCore as EmbeddedCoreTests
from tests.core.test_processes import log_in_at_once, share_sessions, survive_kills
from tests.core.test_state_machine import HonestClient

from .conftest import MakeDatabase, empty, store_by_the_callers_clock
from .server import PostgresServer

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
KILLS = 50 if DEEP else 8


@pytest.fixture(scope="module")
def shared(make_database: MakeDatabase) -> Iterator[PostgresStore]:
    made = store_by_the_callers_clock(make_database())
    yield made
    made.close()


class TestEmbeddedCoreOnPostgres(EmbeddedCoreTests):
    @pytest.fixture
    def store(self, shared: PostgresStore, clock: FakeClock) -> PostgresStore:  # type: ignore[override]
        empty(shared)
        KeysOnce.put_into(shared, clock())
        return shared

    @pytest.fixture
    def new_core(self, make_database: MakeDatabase, clock: FakeClock) -> Iterator[MakeCore]:  # type: ignore[override]
        with ExitStack() as stores:

            def make(**settings: Any) -> Core:
                store = store_by_the_callers_clock(make_database())
                stores.callback(store.close)
                return EmbeddedCore(Config(**settings), store, clock=clock)

            yield make


class ClientOnPostgres(HonestClient):
    make_database: Callable[[], str]
    url = ""

    def store(self) -> Store:
        return store_by_the_callers_clock(self.url)


def test_an_honest_client_is_never_logged_out(make_database: MakeDatabase) -> None:
    """The state machine of tests/core, whose examples share a database: each has a session of its own."""
    from hypothesis.stateful import run_state_machine_as_test

    class OnThisDatabase(ClientOnPostgres):
        url = make_database()

    examples = settings().max_examples if DEEP else 40
    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(settings.get_profile("default"), max_examples=examples, stateful_step_count=30),
    )


@pytest.fixture
def database(url: str) -> str:
    store = open_store(url)
    KeysOnce.put_into(store, system_clock())
    store.close()
    return url


@pytest.mark.xdist_group("processes")
def test_eight_processes_of_four_threads_share_sessions_without_theft_or_lost_revokes(
    database: str, tmp_path: Path
) -> None:
    share_sessions(database, tmp_path)


@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("evicts", [True, False], ids=["oldest", "refuse"])
def test_of_sixteen_that_log_in_at_once_in_four_processes_no_more_stay_than_may(
    database: str, tmp_path: Path, evicts: bool
) -> None:
    log_in_at_once(database, tmp_path, evicts=evicts)


@pytest.mark.xdist_group("processes")
def test_what_was_acknowledged_survives_kills_of_the_process_in_the_middle_of_writing(database: str) -> None:
    survive_kills(database, KILLS)


def test_sixteen_that_start_at_once_on_an_empty_database_make_its_tables_and_keys_once(server: PostgresServer) -> None:
    with server.administrator() as administrator:
        administrator.execute("CREATE DATABASE just_made")
    cores = [EmbeddedCore(Config(), open_store(server.url("just_made"), pool_size=2)) for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        issued = list(threads.map(lambda core: core.create_session("user", {}, {}, anti_csrf=False), cores))
    keys = cores[0].store.read_keys(system_clock()).keys
    assert sorted(key.purpose for key in keys) == ["dynamic", "refresh", "static"]
    for core, other in zip(cores, reversed(issued), strict=True):
        assert core.verify(other.access_token.text, check_anti_csrf=False, check_database=True).user_id == "user"
        core.close()


def test_keys_are_sealed_while_another_process_uses_them(database: str) -> None:
    new, old = (b"\x01" + bytes(range(31)), b"\x02" + bytes(range(31)))
    first = EmbeddedCore(Config(encryption_key=[old]), open_store(database))
    second = EmbeddedCore(Config(encryption_key=[new, old]), open_store(database))
    issued = first.create_session("user", {}, {}, anti_csrf=False)
    for core in (first, second):
        assert core.keys.seal(system_clock()) == 3
        stored = core.store.read_keys(system_clock())
        assert {sealed_with(key.material) for key in stored.keys} == {stored.sealed_with}
        assert second.verify(issued.access_token.text, check_anti_csrf=False, check_database=True).user_id == "user"
    assert second.keys.seal(system_clock()) == 3
    for core in (first, second):
        core.close()


def test_the_time_that_counts_is_the_servers(postgres: PostgresStore) -> None:
    """A host whose clock is an hour behind, or ahead, sees what all others see."""
    core = EmbeddedCore(Config(refresh_token_validity=120), postgres)
    issued = core.create_session("user", {}, {}, anti_csrf=False)
    for wrong in (-10_000_000, 10_000_000):
        before = system_clock()
        found = postgres.get(issued.handle, system_clock() + wrong)
        assert found is not None
        assert before - 1000 <= found.now <= system_clock() + 1000
        assert abs(postgres.read_keys(before + wrong).now - before) < 1000
        assert len(postgres.sessions("user", before + wrong)) == postgres.count_sessions("user", before + wrong) == 1
        assert postgres.sweep(before + wrong, limit=10) == 0
        assert postgres.get_session_data(issued.handle, before + wrong) == "{}"
    assert postgres.remove_user("user", system_clock() + 10_000_000) == [issued.handle]
