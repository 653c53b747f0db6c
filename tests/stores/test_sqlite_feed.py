# SPDX-License-Identifier: Apache-2.0
"""What a reader of a SQLite file finds out: beyond the contract, what is particular to files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_feed
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_feed import SqliteFeedReader
from supertokens.testing.feed_contract import announced
from supertokens.testing.store_contract import a_record

NOW = 1_700_000_000_000
LEASE = 60_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path, synchronous="normal")
    for number in (1, 2, 3, 4):
        made.create(a_record(number), "{}")
    yield made
    made.close()


@pytest.fixture
def reader(store: SqliteStore) -> Iterator[SqliteFeedReader]:
    made = SqliteFeedReader(store._database, 0.25)
    made.lease(NOW, LEASE)
    made.start()
    yield made
    made.close()


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_statements_of_other_programs_are_announced(path: Path, reader: SqliteFeedReader) -> None:
    execute(path, "DELETE FROM session")
    assert sorted(announced(reader) or []) == [(a_record(number).handle, "ended") for number in (1, 2, 3, 4)]


def test_while_nothing_is_committed_nothing_is_read(
    reader: SqliteFeedReader, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert announced(reader) == []
    monkeypatch.setattr(sqlite_feed, "_ENTRIES", "no statement")
    assert announced(reader) == []
    store.remove([a_record(1).handle], NOW)
    with pytest.raises(SuperTokensGeneralError, match="syntax error"):
        reader.read()


def test_a_connection_that_was_closed_around_a_fork_hides_nothing(reader: SqliteFeedReader, store: SqliteStore) -> None:
    for number in (1, 2, 3, 4):
        assert announced(reader) == []
        store.remove([a_record(number).handle], NOW)
        reader.close_idle()
        assert announced(reader) == [(a_record(number).handle, "ended")]


def test_a_reader_that_is_too_far_behind_is_told_to_begin_anew(
    reader: SqliteFeedReader, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_feed, "MAX_ENTRIES", 2)
    store.remove([a_record(number).handle for number in (1, 2)], NOW)
    assert len(announced(reader) or []) == 2
    store.create(a_record(5), "{}")
    store.remove([a_record(number).handle for number in (3, 4, 5)], NOW)
    assert reader.read() is None
    assert reader.read() is None, "until it does"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM feed",
        "UPDATE feed SET leased_until = NULL",
        "UPDATE feed SET generation = generation / 2",
        "DELETE FROM sqlite_sequence",
        "UPDATE feed SET forgotten = 100",
    ],
)
def test_a_reader_of_tables_that_somebody_has_put_back_is_told(
    path: Path, reader: SqliteFeedReader, store: SqliteStore, statement: str
) -> None:
    store.remove([a_record(1).handle], NOW)
    assert len(announced(reader) or []) == 1
    execute(path, statement)
    assert reader.read() is None


def test_a_file_that_was_replaced_is_not_followed(path: Path, reader: SqliteFeedReader, store: SqliteStore) -> None:
    assert announced(reader) == []
    path.rename(path.with_name("elsewhere"))
    look: Callable[[], None] = store._database.watch.check
    with pytest.raises(SuperTokensGeneralError):
        look()
    reader.close_idle()
    with pytest.raises(SuperTokensGeneralError):
        reader.read()
