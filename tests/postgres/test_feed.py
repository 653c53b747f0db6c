# SPDX-License-Identifier: Apache-2.0
"""`revocation: push` on PostgreSQL: notifications, poolers, ways that are cut or slow, and changes that overlap."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

import psycopg
import pytest

from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine.session import IssuedSession
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import postgres_schema
from supertokens.stores.base import FeedReader, Store
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore
from supertokens.testing import KeysOnce
from supertokens.testing.feed_contract import announced
from supertokens.testing.store_contract import a_record
from tests.core.test_feed import pushes_among_greenlets
from tests.processes.pushing import MAX_LAG_S, PUSH, lags_of_workers, lets_in, until_it_is_told

from .conftest import MakeDatabase, without_pooler
from .pooler import Pooler
from .proxy import Proxy
from .server import PostgresServer

DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
REVOKES: Final = 1000 if DEEP else 100
WORKERS: Final = 8
LONG: Final = 2**60
LEASE: Final = 60_000


def following(store: PostgresStore) -> FeedReader:
    reader = store.feed_reader(MAX_LAG_S)
    reader.lease(0, LEASE)
    reader.start()
    return reader


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


# How soon


def test_eight_workers_see_each_revocation_within_the_greatest_lag(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_of(url) as store:
        KeysOnce.put_into(store, system_clock())
    lags = lags_of_workers(url, tmp_path, workers=WORKERS, revokes=REVOKES, pause_s=0.02)
    with capsys.disabled():
        print(f"\n{lags} (PostgreSQL)")
    assert len(lags.seen_after) == WORKERS * REVOKES
    assert lags.let_in_after <= MAX_LAG_S, "which no load of the machine excuses"


def test_a_notification_ends_the_wait_of_a_reader(postgres: PostgresStore) -> None:
    postgres.create(a_record(expires_at=LONG), "{}")
    reader = postgres.feed_reader(600.0)
    reader.lease(0, LEASE)
    reader.start()
    waited = threading.Event()
    thread = threading.Thread(target=lambda: (reader.wait(threading.Event()), waited.set()))
    thread.start()
    postgres.remove([a_record().handle], 0)
    assert waited.wait(20), "a third of the greatest lag is 200 seconds"
    thread.join()
    assert announced(reader) == [(a_record().handle, "ended")]
    reader.close()


def test_a_notification_that_comes_with_the_answer_to_another_question_ends_the_next_wait(
    postgres: PostgresStore,
) -> None:
    postgres.create(a_record(expires_at=LONG), "{}")
    reader = postgres.feed_reader(600.0)
    reader.lease(0, LEASE)
    reader.start()
    postgres.remove([a_record().handle], 0)
    assert announced(reader) == [(a_record().handle, "ended")]
    began = time.monotonic()
    reader.wait(threading.Event())
    assert time.monotonic() - began < 20
    reader.close()


@without_pooler
def test_behind_a_pooler_it_is_looked_at_often_and_no_connection_is_kept(
    url: str, server: PostgresServer, pooler: Pooler
) -> None:
    with open_of(url.replace(f":{server.port}/", f":{pooler.port}/")) as store:
        KeysOnce.put_into(store, system_clock())
        core = EmbeddedCore(PUSH, store)
        issued = core.create_session("ada", {}, {}, anti_csrf=False)
        refused_in_time(core, store, issued)
        core.close()


def test_an_engine_that_has_no_notifications_is_looked_at_often(
    postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute_as_before = psycopg.Connection.execute

    def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        if "LISTEN" in str(query):
            raise psycopg.NotSupportedError("unimplemented: LISTEN")
        return execute_as_before(self, query, *arguments, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    KeysOnce.put_into(postgres, system_clock())
    core = EmbeddedCore(PUSH, postgres)
    refused_in_time(core, postgres, core.create_session("ada", {}, {}, anti_csrf=False))
    core.close()


def refused_in_time(core: EmbeddedCore, other: Store, issued: IssuedSession) -> None:
    """Revoke a session that `core` is told about, and assert that it is refused from the greatest lag on."""
    until_it_is_told(core, [issued.access_token.text])
    other.remove([issued.handle], system_clock())
    returned, began = time.monotonic(), time.monotonic()
    while lets_in(core, issued):
        assert began - returned <= MAX_LAG_S
        began = time.monotonic()


class open_of:  # noqa: N801 - it is used as a function
    """Open the store of a URL for a while."""

    def __init__(self, url: str) -> None:
        store = open_store(url)
        assert isinstance(store, PostgresStore)
        self._store = store

    def __enter__(self) -> PostgresStore:
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()


# Ways that are cut, or slow


class TwoWays:
    """A store whose feed comes by another way than all else."""

    def __init__(self, store: PostgresStore, feed: PostgresStore) -> None:
        self._store = store
        self.feed_reader = feed.feed_reader
        self.sweep_feed = store.sweep_feed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def pushing(postgres: PostgresStore, proxy: Proxy, url: str, server: PostgresServer) -> Iterator[EmbeddedCore]:
    """A core whose feed, and nothing else, comes by way of the proxy."""
    KeysOnce.put_into(postgres, system_clock())
    feed = open_store(url.replace(f":{server.port}/", f":{proxy.port}/"))
    assert isinstance(feed, PostgresStore)
    core = EmbeddedCore(PUSH, cast("Store", TwoWays(postgres, feed)))
    yield core
    proxy.silent = proxy.refuses = False
    core.close()
    feed.close()


def never_let_in_late(core: EmbeddedCore, revoked: dict[str, float]) -> int:
    """Check tokens whose sessions were revoked, by the time at which that had returned. Return how many got in."""
    let_in = 0
    for text, returned in revoked.items():
        began = time.monotonic()
        if lets_in(core, text):
            let_in += 1
            assert began - returned <= MAX_LAG_S
    return let_in


def test_nothing_revoked_is_let_in_while_a_proxy_holds_the_feed_back_for_five_seconds(
    pushing: EmbeddedCore, postgres: PostgresStore, proxy: Proxy
) -> None:
    sessions = [pushing.create_session("ada", {}, {}, anti_csrf=False) for _ in range(40)]
    living, doomed = sessions[0].access_token.text, sessions[1:]
    until_it_is_told(pushing, [issued.access_token.text for issued in sessions])
    began = time.monotonic()
    proxy.silent = True
    revoked: dict[str, float] = {}
    while (passed := time.monotonic() - began) < 6.5:
        proxy.silent = passed < 5
        if doomed and passed > 0.15 * (len(sessions) - len(doomed)):
            issued = doomed.pop()
            postgres.remove([issued.handle], 0)
            revoked[issued.access_token.text] = time.monotonic()
        never_let_in_late(pushing, revoked)
        assert lets_in(pushing, living)
    assert len(revoked) == 39
    until_it_is_told(pushing, [living])


def test_while_the_feed_is_cut_nothing_revoked_is_let_in_at_all_and_it_comes_back_by_itself(
    pushing: EmbeddedCore, postgres: PostgresStore, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    kept, lost, later = (pushing.create_session("ada", {}, {}, anti_csrf=False) for _ in range(3))
    until_it_is_told(pushing, [issued.access_token.text for issued in (kept, lost, later)])
    proxy.refuses = True
    proxy.cut()
    assert pushing._comparisons.feed is not None
    eventually(lambda: pushing._comparisons.feed.position() is None)  # type: ignore[union-attr]
    postgres.remove([lost.handle], 0)
    assert not lets_in(pushing, lost)
    assert lets_in(pushing, kept)
    proxy.refuses = False
    until_it_is_told(pushing, [kept.access_token.text])
    assert not lets_in(pushing, lost)
    postgres.remove([later.handle], 0)
    eventually(lambda: not lets_in(pushing, later))
    said = [record.getMessage() for record in caplog.records if "feed" in record.getMessage()]
    assert len([text for text in said if "cannot be read" in text]) == 1


def test_a_feed_whose_server_was_restarted_begins_anew(url: str, programs: Any) -> None:
    server = PostgresServer(programs)
    server.make()
    server.start()
    try:
        with open_of(server.url()) as store:
            KeysOnce.put_into(store, system_clock())
            core = EmbeddedCore(PUSH, store)
            issued = core.create_session("ada", {}, {}, anti_csrf=False)
            until_it_is_told(core, [issued.access_token.text])
            server.kill()
            server.start()
            returned = revoke_when_it_is_back(store, issued.handle)
            while lets_in_or_fails(core, issued):
                assert time.monotonic() - returned <= MAX_LAG_S + 1
            other = core.create_session("ada", {}, {}, anti_csrf=False)
            until_it_is_told(core, [other.access_token.text])
            core.close()
    finally:
        server.remove()


def revoke_when_it_is_back(store: PostgresStore, handle: str) -> float:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert store.remove([handle], 0) == [handle]
        except SuperTokensGeneralError:
            assert time.monotonic() < deadline
        else:
            return time.monotonic()


def lets_in_or_fails(core: EmbeddedCore, issued: IssuedSession) -> bool:
    try:
        return lets_in(core, issued)
    except SuperTokensGeneralError:
        return False


def test_greenlets_go_on_while_the_feed_is_read(url: str) -> None:
    pushes_among_greenlets(url)


# Changes that overlap


def test_a_lease_waits_for_a_change_that_has_not_seen_it(postgres: PostgresStore, url: str) -> None:
    postgres.create(a_record(expires_at=LONG), "{}")
    reader = postgres.feed_reader(MAX_LAG_S)
    with psycopg.connect(url) as other, ThreadPoolExecutor() as threads:
        other.execute("DELETE FROM supertokens.session")
        leasing = threads.submit(reader.lease, 0, LEASE)
        with pytest.raises(TimeoutError):
            leasing.result(0.3)
        other.commit()
        leasing.result(20)
    reader.start()
    assert postgres.get(a_record().handle, 0) is None, "so that whoever asks from now on is told"
    reader.close()


def test_a_change_that_began_before_a_lease_and_comes_to_its_end_after_it_is_announced(
    postgres: PostgresStore, url: str
) -> None:
    postgres.create(a_record(expires_at=LONG), "{}")
    with psycopg.connect(url) as other:
        other.execute("SELECT FROM supertokens.session FOR KEY SHARE")  # its transaction is older than the lease
        reader = following(postgres)
        other.execute("DELETE FROM supertokens.session")
        assert announced(reader) == []
        other.commit()
    assert announced(reader) == [(a_record().handle, "ended")]
    reader.close()


def test_a_change_that_commits_late_is_read_although_others_that_began_later_were_read_before(
    postgres: PostgresStore, url: str
) -> None:
    for number in (1, 2):
        postgres.create(a_record(number, expires_at=LONG), "{}")
    reader = following(postgres)
    slow = f"DELETE FROM supertokens.session WHERE handle = '{a_record(1).handle}'"
    with psycopg.connect(url) as other, ThreadPoolExecutor() as threads:
        other.execute(slow)
        removing = threads.submit(postgres.remove, [a_record(2).handle], 0)
        with pytest.raises(TimeoutError):
            removing.result(0.3)
        assert announced(reader) == []
        other.commit()
        removing.result(20)
    assert announced(reader) == [(a_record(1).handle, "ended"), (a_record(2).handle, "ended")]
    reader.close()


def test_a_change_that_is_undone_is_not_announced_and_holds_nothing_back(postgres: PostgresStore, url: str) -> None:
    for number in (1, 2):
        postgres.create(a_record(number, expires_at=LONG), "{}")
    reader = following(postgres)
    with psycopg.connect(url) as other:
        other.execute("DELETE FROM supertokens.session")
        other.rollback()
    postgres.remove([a_record(2).handle], 0)
    assert announced(reader) == [(a_record(2).handle, "ended")]
    reader.close()


def test_without_a_lease_changes_wait_for_no_other_change(postgres: PostgresStore, url: str) -> None:
    for number in (1, 2):
        postgres.create(a_record(number, expires_at=LONG), "{}")
    with psycopg.connect(url) as other:
        other.execute(f"DELETE FROM supertokens.session WHERE handle = '{a_record(1).handle}'")
        assert postgres.remove([a_record(2).handle], 0) == [a_record(2).handle]
        other.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM supertokens.feed",
        "UPDATE supertokens.feed SET leased_until = NULL",
        "UPDATE supertokens.feed SET generation = generation + 1",
        "DELETE FROM supertokens.feed_position",
        "UPDATE supertokens.feed_position SET value = value - 1",
        "TRUNCATE supertokens.session",
    ],
)
def test_a_reader_of_tables_that_somebody_has_put_back_is_told(
    postgres: PostgresStore, url: str, statement: str
) -> None:
    for number in (1, 2):
        postgres.create(a_record(number, expires_at=LONG), "{}")
    reader = following(postgres)
    postgres.remove([a_record(1).handle], 0)
    assert len(announced(reader) or []) == 1
    execute(url, statement)
    assert reader.read() is None
    reader.lease(0, LEASE)
    reader.start()
    postgres.create(a_record(3, expires_at=LONG), "{}")
    postgres.remove([a_record(3).handle], 0)
    assert (announced(reader) or [])[-1:] == [(a_record(3).handle, "ended")], "and can begin anew"
    reader.close()


def test_a_database_of_before_gets_what_announces_and_keeps_its_sessions(
    server: PostgresServer, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.administrator() as administrator:
        administrator.execute("CREATE DATABASE of_schema_1")
    with monkeypatch.context() as before, open_of(server.url("of_schema_1")) as old:
        before.setattr(postgres_schema, "_SCHEMA", postgres_schema._SCHEMA[:1])
        assert old.migrate() == (0, 1)
        old.create(a_record(expires_at=LONG), "{}")
    with open_of(server.url("of_schema_1")) as store:
        assert store.migrate() == (1, 2)
        reader = following(store)
        assert store.remove([a_record().handle], 0) == [a_record().handle]
        assert announced(reader) == [(a_record().handle, "ended")]
        reader.close()
