# SPDX-License-Identifier: Apache-2.0
"""What an error tracker gets to know of failures in the store: neither a token nor a key, as tests/core has it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from supertokens.core import EmbeddedCore
from supertokens.engine.signing_keys import StoredKey
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore
from supertokens.testing import FakeClock
from tests.core.error_reports import Position, Reports, leaks
from tests.core.test_error_reports import ACTIONS, assert_nothing_leaks, fresh, secrets, signing_keys

from .conftest import empty, store_by_the_callers_clock
from .server import PostgresServer

__all__ = ["secrets", "signing_keys"]


@pytest.fixture(scope="module")
def reports() -> Reports:
    return Reports()


@pytest.fixture
def shared(url: str) -> Iterator[PostgresStore]:
    store = store_by_the_callers_clock(url)
    store.read_keys(0)
    yield store
    store.close()


# An exception between the lines that take a connection and those that give it back leaves it to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["refresh, verify, theft", "rotate", "seal"])
def test_no_report_of_an_exception_in_the_store_has_a_token_or_a_key(
    reports: Reports,
    secrets: dict[str, str | bytes],
    name: str,
    url: str,
    shared: PostgresStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    with ExitStack() as opened:

        def new_core() -> EmbeddedCore:
            opened.close()  # the store before, since the server has fewer connections than there are lines
            empty(shared)
            store = store_by_the_callers_clock(url)
            opened.callback(store.close)
            return fresh(store, FakeClock())

        def in_stores(position: Position) -> bool:
            return Path(position[0]).name.startswith("postgres")

        assert assert_nothing_leaks(reports, secrets, new_core, ACTIONS[name], in_stores) > 20


def test_no_report_of_a_connection_that_fails_has_the_password(reports: Reports) -> None:
    def password() -> str:
        return "-".join(["correct", "horse", "battery", "staple"] * 3)  # put together: reports show lines of source

    store = open_store(f"postgresql://app:{password()}@127.0.0.1:1/x")
    with pytest.raises(SuperTokensGeneralError) as failed:
        store.read_keys(0)
    assert leaks(reports.of(failed.value), {"password": password()}) == set()


def test_no_report_of_a_failure_of_the_driver_has_the_values_of_the_statement(
    reports: Reports, shared: PostgresStore, server: PostgresServer, url: str
) -> None:
    """The driver's frames have them, under names that nothing hides."""
    key = StoredKey("d-1", "dynamic", 1, b"the material of a key, which is long enough to be found " * 2)
    with server.administrator(url.rpartition("/")[2]) as administrator:
        administrator.execute("ALTER TABLE supertokens.key RENAME TO other")
    with pytest.raises(SuperTokensGeneralError) as failed:
        shared.add_key(key, None, None)
    assert failed.value.__cause__ is not None
    assert leaks(reports.of(failed.value), {"material": key.material}) == set()
