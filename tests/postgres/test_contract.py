# SPDX-License-Identifier: Apache-2.0
"""The contract of stores, on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from supertokens.config.databases import parse_database
from supertokens.stores.base import Store
from supertokens.stores.postgres import PostgresStore
from supertokens.testing import StoreContract

from .conftest import MakeDatabase


@pytest.fixture(scope="module")
def shared(make_database: MakeDatabase) -> Iterator[PostgresStore]:
    """A store that goes by the time that the tests pass."""
    named = parse_database(make_database()).server
    assert named is not None
    store = PostgresStore(named, uses_own_clock=False)
    yield store
    store.close()


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def store(self, shared: PostgresStore) -> Store:
        with shared._database._connections.borrowed(5) as connection:
            connection.execute("TRUNCATE supertokens.session, supertokens.key")
            connection.execute("DELETE FROM supertokens.property WHERE name IN ('sealed_with', 'v2_minted')")
        return shared
