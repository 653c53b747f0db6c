# SPDX-License-Identifier: Apache-2.0
"""Ways to the server that are cut, silent, slow or half closed; servers that come back; locks that others hold."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine.session import SessionRecord
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import SessionLimit
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore
from supertokens.stores.postgres_database import _first_of
from supertokens.testing import KeysOnce
from supertokens.testing.store_contract import a_record

from .conftest import MakeDatabase, without_pooler
from .pooler import Pooler
from .proxy import Proxy, executes
from .server import PostgresServer

SLACK_S = 5.0
"""What a busy machine may add to a time."""


@pytest.fixture
def store(proxy: Proxy, url: str, server: PostgresServer) -> Iterator[PostgresStore]:
    """A store by way of the proxy, with a connection open."""
    made = open_store(url.replace(f":{server.port}/", f":{proxy.port}/"), timeout_s=1.0)
    assert isinstance(made, PostgresStore)
    KeysOnce.put_into(made, system_clock())
    yield made
    proxy.cut_when = None
    proxy.silent = False
    made.close()


def living(number: int = 1) -> SessionRecord:
    now = system_clock()
    return a_record(number, created_at=now, last_seen_at=now, expires_at=now + 600_000)


def cut_once(proxy: Proxy, *, answer: bool) -> None:
    """Cut the way at the next statement: before it arrives, or, with `answer`, when it was executed."""
    once = [True]
    proxy.cut_answers = answer
    proxy.cut_when = lambda data: executes(data) and bool(once) and once.pop()


@pytest.fixture(params=[False, True], ids=["the question is lost", "the answer is lost"])
def answer(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_read_is_asked_again_when_its_connection_was_cut(store: PostgresStore, proxy: Proxy, answer: bool) -> None:
    record = living()
    store.create(record, '{"a":1}')
    reads: list[Callable[[], object]] = [
        lambda: store.get(record.handle, 0),
        lambda: store.get_session_data(record.handle, 0),
        lambda: store.sessions("user", 0),
        lambda: store.count_sessions("user", 0),
        lambda: store.read_keys(0).keys,
        lambda: store.sweep(0, limit=5) == 0,
    ]
    for read in reads:
        cut_once(proxy, answer=answer)
        assert read()
    assert proxy.cuts == len(reads)


def test_a_write_whose_connection_was_cut_happened_whole_or_not_at_all_and_says_that_nobody_knows(
    store: PostgresStore, proxy: Proxy, answer: bool
) -> None:
    kept, other, new = living(1), living(2), living(3)
    limit = SessionLimit(1, evicts=True)
    store.create(kept, "{}")
    store.create(replace(other, user_id="other"), "{}")
    writes: list[tuple[Callable[[], object], Callable[[], bool]]] = [
        (lambda: store.create(new, "{}"), lambda: store.get(new.handle, 0) is not None),
        (
            lambda: store.create(replace(living(4), user_id="other"), "{}", limit=limit),
            lambda: [each.handle for each in store.sessions("other", 0)] == [living(4).handle],
        ),
        (
            lambda: store.update(kept.handle, 0, session_data="[1]", if_session_data="{}"),
            lambda: store.get_session_data(kept.handle, 0) == "[1]",
        ),
        (lambda: store.remove([kept.handle], 0), lambda: store.get(kept.handle, 0) is None),
        (lambda: store.remove_user("other", 0), lambda: store.count_sessions("other", 0) == 0),
    ]
    for write, happened in writes:
        cut_once(proxy, answer=answer)
        with pytest.raises(SuperTokensGeneralError, match="It is not known whether it was written"):
            write()
        assert happened() is answer
    assert len(store.sessions("other", 0)) == (0 if answer else 1), "of one that takes another's place, both or neither"


def test_an_answer_without_the_word_that_it_was_committed_acknowledges_nothing(
    store: PostgresStore, proxy: Proxy
) -> None:
    """The server says what a statement did before it commits, which may fail, or wait for a standby."""
    store.create(living(), "{}")
    writes: list[Callable[[], object]] = [
        lambda: store.create(living(2), "{}"),
        lambda: store.create(living(3), "{}", limit=SessionLimit(9, evicts=True)),
        lambda: store.remove([living().handle], 0),
        lambda: store.remove_all_keys(),
    ]
    proxy.cut_before_ready = True
    for write in writes:
        store.get(living().handle, 0)  # a connection is open
        cut_once(proxy, answer=True)
        with pytest.raises(SuperTokensGeneralError, match="not known"):
            write()
    assert proxy.cuts == len(writes)


def test_an_error_that_the_caller_was_handling_is_not_taken_for_one_of_the_store(
    store: PostgresStore, proxy: Proxy
) -> None:
    cut_once(proxy, answer=True)
    try:
        raise psycopg.errors.DeadlockDetected
    except psycopg.Error:
        with pytest.raises(SuperTokensGeneralError, match="not known"):
            store.create(living(), "{}")
    assert store.get(living().handle, 0) is not None


def test_a_commit_that_is_refused_counts_and_not_that_the_driver_then_fails_to_leave_its_pipeline() -> None:
    refused, clumsy = psycopg.errors.SerializationFailure(), psycopg.OperationalError("cannot exit pipeline mode")
    clumsy.__context__ = refused
    assert _first_of(clumsy, None) is refused
    assert _first_of(clumsy, refused) is clumsy, "which the caller was handling"
    assert _first_of(refused, None) is refused


def test_a_pooler_that_does_not_show_itself_is_found_out_by_what_it_loses(store: PostgresStore) -> None:
    record = living()
    store.create(record, "{}")
    assert store.get(record.handle, 0) is not None
    [cursor] = store._database._connections._own.idle
    cursor.connection.pgconn.exec_(b"DEALLOCATE ALL")  # as if the next statement were another session's
    assert store.get(record.handle, 0) is not None
    [cursor] = store._database._connections._own.idle
    assert not cursor.connection.is_direct


def test_a_limit_holds_where_somebody_has_emptied_the_table_of_mutexes(store: PostgresStore) -> None:
    with store._database._connections.borrowed(5) as connection:
        connection.execute("DELETE FROM supertokens.mutex")
    limit = SessionLimit(2, evicts=True)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: store.create(living(number), "{}", limit=limit), range(1, 17)))
    assert store.count_sessions("user", 0) == 2


def test_a_rotation_whose_connection_was_cut_is_tried_again_and_found_out(
    store: PostgresStore, proxy: Proxy, answer: bool
) -> None:
    """If it had been written, that counts as a race that was lost: the caller decides again, on what it then finds."""
    seen = living()
    store.create(seen, "{}")
    becomes = replace(seen, lineage=seen.lineage._replace(newest=2, handed_out_at=5, fingerprint=b"x"))
    cut_once(proxy, answer=answer)
    assert store.rotate(seen, becomes, durable=False) is not answer
    found = store.get(seen.handle, 0)
    assert found is not None
    assert found.record == becomes
    moved = replace(becomes, handle=living(2).handle)
    cut_once(proxy, answer=answer)
    with pytest.raises(SuperTokensGeneralError, match="not known"):  # under another handle, nobody would find it
        store.rotate(becomes, moved, durable=True)


def test_an_honest_client_stays_logged_in_whatever_is_cut_during_its_refreshes(
    store: PostgresStore, proxy: Proxy
) -> None:
    core = EmbeddedCore(Config(refresh_token_rotation_grace_period=60), store)
    issued = core.create_session("user", {}, {}, anti_csrf=False)
    for number in range(24):
        asked = 0

        def cut(_: bytes, at: int = number % 4) -> bool:
            nonlocal asked
            asked += 1
            return asked == at + 1

        proxy.cut_answers, proxy.cut_when = number % 2 == 0, cut
        issued = core.refresh(issued.refresh_token.text, anti_csrf=False, client="Firefox")
        verified = core.verify(issued.access_token.text, check_anti_csrf=False, check_database=True, client="Firefox")
        assert verified.handle == issued.handle
    assert proxy.cuts > 12


def test_a_server_that_no_longer_answers_is_waited_for_no_longer_than_was_said(
    store: PostgresStore, proxy: Proxy
) -> None:
    record = living()
    store.create(record, "{}")
    for _ in range(2):  # on a connection that is open, and while another is opened
        proxy.silent = True
        began = time.monotonic()
        with pytest.raises(SuperTokensGeneralError):
            store.get(record.handle, 0)
        assert time.monotonic() - began < 1 + 1 + 2 + SLACK_S
    proxy.silent = False
    assert store.get(record.handle, 0) is not None


def test_a_slow_way_is_only_slow_and_a_half_closed_one_is_left(store: PostgresStore, proxy: Proxy) -> None:
    record = living()
    store.create(record, "{}")
    proxy.delay_s = 0.05
    assert store.get(record.handle, 0) is not None
    proxy.delay_s = 0
    proxy.half_close()
    assert store.update(record.handle, 0, session_data="[1]", if_session_data="{}") is True


def test_connections_that_were_cut_while_nobody_used_them_fail_nobody(store: PostgresStore, proxy: Proxy) -> None:
    for number in range(1, 9):
        proxy.cut()
        assert store.create(living(number), "{}") == []


def test_a_server_that_is_away_fails_at_once_after_a_second_and_is_used_as_soon_as_it_is_back(
    store: PostgresStore, proxy: Proxy
) -> None:
    record = living()
    store.create(record, "{}")
    proxy.refuses = True
    proxy.cut()
    began = time.monotonic()
    with pytest.raises(SuperTokensGeneralError, match="connection"):
        store.create(living(2), "{}")
    first = time.monotonic() - began
    assert 0.9 < first < 1.5 + SLACK_S, "a restart is waited for"
    began = time.monotonic()
    for _ in range(5):
        with pytest.raises(SuperTokensGeneralError):
            store.get(record.handle, 0)
    assert (time.monotonic() - began) / 5 < first / 2, "nobody waits for what is known to be away"
    proxy.refuses = False
    assert store.get(record.handle, 0) is not None


def test_a_server_that_restarts_within_a_second_is_noticed_by_no_request(store: PostgresStore, proxy: Proxy) -> None:
    store.create(living(), "{}")
    proxy.refuses = True
    proxy.cut()
    back = threading.Timer(0.4, lambda: setattr(proxy, "refuses", False))
    back.start()
    assert store.create(living(2), "{}") == []
    back.join()


# Locks, and connections that are in use


def test_a_lock_that_another_holds_is_waited_for_no_longer_than_was_said(
    make_database: MakeDatabase, server: PostgresServer, request: pytest.FixtureRequest
) -> None:
    ports = [server.port]
    if not without_pooler.args[0]:
        pooler: Pooler = request.getfixturevalue("pooler")
        ports.append(pooler.port)
    for port in ports:
        url = make_database()
        store = open_store(url.replace(f":{server.port}/", f":{port}/"), timeout_s=0.5)
        record = living()
        store.create(record, "{}")
        with server.administrator(url.rpartition("/")[2]) as other, other.transaction():
            other.execute("SELECT FROM supertokens.session FOR UPDATE")
            began = time.monotonic()
            with pytest.raises(SuperTokensGeneralError, match="lock timeout"):
                store.remove([record.handle], 0)
            assert time.monotonic() - began < 0.5 + SLACK_S
            assert store.get(record.handle, 0) is not None, "the connection can be used again"
            other.execute("LOCK TABLE supertokens.property")
            with pytest.raises(SuperTokensGeneralError, match="timeout"):
                store.prove_writable(100)  # type: ignore[attr-defined]
        assert store.remove([record.handle], 0) == [record.handle]
        store.close()


def test_what_waits_for_a_connection_of_its_process_too_long_is_told_which_setting_helps(
    url: str, server: PostgresServer
) -> None:
    store = open_store(url, pool_size=1, timeout_s=1.0)
    record = living()
    store.create(record, "{}")
    with server.administrator(url.rpartition("/")[2]) as other, ThreadPoolExecutor(2) as threads:
        with other.transaction():
            other.execute("SELECT FROM supertokens.session FOR UPDATE")
            waiting = [threads.submit(store.remove, [record.handle], 0) for _ in range(2)]
            errors = {str(each.exception(20)) for each in waiting}
        assert any("'database_pool_size'" in error or "lock timeout" in error for error in errors)
    assert store.remove([record.handle], 0) == [record.handle]
    store.close()


def test_more_threads_than_connections_take_turns(url: str) -> None:
    store = open_store(url, pool_size=2)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: store.create(living(number), "{}"), range(1, 200)))
    assert store.count_sessions("user", 0) == 199
    store.close()


@without_pooler
def test_a_limit_holds_where_the_database_makes_every_transaction_serializable(
    url: str, server: PostgresServer, pooler: Pooler
) -> None:
    """Behind a pooler its setting counts; what the server undoes is begun again."""
    with server.administrator() as administrator:
        name = url.rpartition("/")[2]
        administrator.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    store = open_store(url.replace(f":{server.port}/", f":{pooler.port}/"), timeout_s=20)
    for evicts in (True, False):
        limit, user = SessionLimit(3, evicts=evicts), f"evicts {evicts}"

        def log_in(number: int, limit: SessionLimit = limit, user: str = user) -> Any:
            return store.create(replace(living(number + 100 * limit.evicts), user_id=user), "{}", limit=limit)

        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(log_in, range(1, 17)))
        assert store.count_sessions(user, 0) == 3
        assert outcomes.count(None) == (0 if evicts else 13)
    store.close()


# Forks


def child_writes(store: PostgresStore, number: int) -> int:
    """Fork; let the child write and read with `store`; return its exit status."""
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # of a child that waits for ever
        done = 1
        try:
            store.create(living(number), "{}")
            done = 0 if store.get(living(number).handle, 0) is not None else 2
        finally:
            os._exit(done)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own_and_its_parent_keeps_its(postgres: PostgresStore) -> None:
    postgres.create(living(), "{}")
    [cursor] = postgres._database._connections._own.idle
    for number in range(2, 5):
        assert child_writes(postgres, number) == 0
    assert postgres.count_sessions("user", 0) == 4
    assert postgres._database._connections._own.idle == [cursor], "whose connection no child has closed or used"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_while_threads_write_can_write(url: str) -> None:
    store = open_store(url, pool_size=2)
    assert isinstance(store, PostgresStore)
    store.create(living(), "{}")
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            store.update(living().handle, 0, session_data="[1]")

    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write) for _ in range(4)]
        try:
            assert [child_writes(store, number) for number in range(2, 8)] == [0] * 6
        finally:
            ended.set()
        for each in writing:
            each.result(20)
    assert store.count_sessions("user", 0) == 7
    store.close()


# Sweeping


def test_sweeping_waits_for_nobody_and_passes_over_what_others_are_at(url: str, server: PostgresServer) -> None:
    store = open_store(url, timeout_s=2.0)
    now = system_clock()
    for number in range(1, 21):
        store.create(a_record(number, expires_at=now + 50_000 if number > 15 else now - number), "{}")
    with server.administrator(url.rpartition("/")[2]) as other, other.transaction():
        other.execute(
            "SELECT FROM supertokens.session WHERE expires_at <= %s ORDER BY handle LIMIT 3 FOR UPDATE", (now,)
        )
        began = time.monotonic()
        assert store.sweep(now, limit=500) == 12
        assert time.monotonic() - began < 0.5 + SLACK_S
    assert [store.sweep(now, limit=2), store.sweep(now, limit=2), store.sweep(now, limit=2)] == [2, 1, 0]
    assert store.count_sessions("user", now) == 5
    store.close()


def test_a_session_whose_life_is_extended_while_it_is_swept_stays(url: str, server: PostgresServer) -> None:
    store = open_store(url)
    now = system_clock()
    store.create(a_record(1, expires_at=now - 1), "{}")
    with server.administrator(url.rpartition("/")[2]) as other, other.transaction():
        other.execute("UPDATE supertokens.session SET expires_at = %s", (now + 99_999,))
        assert store.sweep(now, limit=500) == 0
    assert store.sweep(now, limit=500) == 0
    assert store.count_sessions("user", now) == 1
    store.close()


def test_many_that_sweep_at_once_delete_each_session_once(url: str) -> None:
    store = open_store(url)
    for number in range(1, 201):
        store.create(a_record(number), "{}")  # which expired years ago
    with ThreadPoolExecutor(8) as threads:
        swept = sum(threads.map(lambda _: store.sweep(0, limit=30), range(16)))
        swept += sum(store.sweep(0, limit=500) for _ in range(2))
    assert swept == 200
    store.close()
