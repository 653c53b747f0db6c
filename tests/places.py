# SPDX-License-Identifier: Apache-2.0
"""The stores that apps, and services of apps, are tested on in the whole matrix (`tests.matrix`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .service.clocked import ClockedService, Services, SharedClock

if TYPE_CHECKING:
    from pathlib import Path

    from supertokens.stores.postgres import PostgresStore

    from .postgres.server import PostgresServer


@pytest.fixture
def sqlite_of_apps(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "apps.sqlite3", synchronous="normal")
    KeysOnce.put_into(store, clock())
    yield store
    store.close()


@pytest.fixture(scope="session")
def server_of_apps() -> Iterator[PostgresServer]:
    """A server of PostgreSQL that runs as long as the tests do."""
    from .postgres.server import running_server

    with running_server() as server:
        yield server


@pytest.fixture
def postgres_of_apps(server_of_apps: PostgresServer, clock: FakeClock) -> Iterator[PostgresStore]:
    from .postgres.conftest import empty, store_by_the_callers_clock

    store = store_by_the_callers_clock(server_of_apps.url())
    store.read_keys(clock())  # which makes the tables
    empty(store)
    KeysOnce.put_into(store, clock())
    yield store
    store.close()


class ServiceOnPostgres(ClockedService):
    """A service whose sessions are in PostgreSQL, and go by the clock of the test."""

    def start(self) -> ServiceOnPostgres:
        os.environ["CALLERS_CLOCK_COUNTS"] = "1"
        try:
            super().start()
        finally:
            del os.environ["CALLERS_CLOCK_COUNTS"]
        return self

    def forget_sessions(self) -> None:
        import psycopg

        with psycopg.connect(self.config["database"]) as connection:
            connection.execute("TRUNCATE supertokens.session")


class ServicesOnPostgres(Services):
    """Services that have a database each."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        super().__init__(folder)
        self._server = server

    def make(self, folder: Path, config: Mapping[str, Any], clock: SharedClock) -> ClockedService:
        name = folder.name.replace("-", "_")
        with self._server.administrator() as administrator:
            administrator.execute(f"CREATE DATABASE {name}")
        return ServiceOnPostgres(folder, {**config, "database": self._server.url(name)}, clock)

    def put_keys(self, service: ClockedService) -> None:
        from .postgres.conftest import store_by_the_callers_clock

        store = store_by_the_callers_clock(service.config["database"])
        KeysOnce.put_into(store, self.clock())
        store.close()


@pytest.fixture(scope="session")
def services_on_postgres(
    tmp_path_factory: pytest.TempPathFactory, server_of_apps: PostgresServer
) -> Iterator[Services]:
    running = ServicesOnPostgres(tmp_path_factory.mktemp("services-on-postgres"), server_of_apps)
    yield running
    running.stop()
