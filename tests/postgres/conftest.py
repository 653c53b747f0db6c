# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore

from .server import PostgresServer, Programs

MakeDatabase = Callable[[], str]
_TEMPLATE = "template_of_tests"


@pytest.fixture(scope="session")
def programs() -> Iterator[Programs]:
    found = Programs()
    yield found
    found.remove()


@pytest.fixture(scope="session")
def server(programs: Programs) -> Iterator[PostgresServer]:
    """The server that most tests share. It has a database with tables, of which the others are copies."""
    running = PostgresServer(programs)
    running.make()
    running.start()
    with running.administrator() as administrator:
        administrator.execute(f"CREATE DATABASE {_TEMPLATE}")
    store = open_store(running.url(_TEMPLATE))
    store.read_keys(0)
    store.close()
    yield running
    running.remove()


@pytest.fixture(scope="session")
def make_database(server: PostgresServer) -> MakeDatabase:
    """Make a database with empty tables. Return its URL."""
    numbers = count(1)

    def make() -> str:
        name = f"test_{next(numbers)}"
        with server.administrator() as administrator:
            administrator.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        return server.url(name)

    return make


@pytest.fixture
def url(make_database: MakeDatabase) -> str:
    """A database with empty tables."""
    return make_database()


@pytest.fixture
def postgres(url: str) -> Iterator[PostgresStore]:
    """A store in such a database, by the server's clock, as applications have it."""
    store = open_store(url)
    assert isinstance(store, PostgresStore)
    yield store
    store.close()
