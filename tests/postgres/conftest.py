# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from supertokens.config.databases import parse_database
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore

from .pooler import PROGRAM, Pooler
from .proxy import Proxy
from .server import PostgresServer, Programs

MakeDatabase = Callable[[], str]
without_pooler = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed: apt-get install pgbouncer")
_TEMPLATE = "template_of_tests"


def store_by_the_callers_clock(url: str) -> PostgresStore:
    """Return a store that goes by the time that its caller passes, as the clocks of tests want it."""
    named = parse_database(url).server
    assert named is not None
    return PostgresStore(named, uses_own_clock=False)


def empty(store: PostgresStore) -> None:
    """Delete all sessions, keys, entries and leases."""
    with store._database._connections.borrowed(5) as connection:
        connection.execute("TRUNCATE supertokens.session, supertokens.key, supertokens.feed_entry")
        connection.execute("UPDATE supertokens.feed SET leased_until = NULL, generation = generation + 1")
        connection.execute("DELETE FROM supertokens.property WHERE name IN ('sealed_with', 'v2_minted')")


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


@pytest.fixture
def proxy(server: PostgresServer) -> Iterator[Proxy]:
    """A way to the server that can be cut, or be slow."""
    made = Proxy(server.port)
    yield made
    made.end()


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


@pytest.fixture(scope="session")
def pooler(server: PostgresServer) -> Iterator[Pooler]:
    running = Pooler(server)
    yield running
    running.end()


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
