# SPDX-License-Identifier: Apache-2.0
"""`revocation: push`, step by step: when a token counts without the store being asked, and when it does not."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from supertokens.config import Config, ConfigError
from supertokens.core import EmbeddedCore, feed
from supertokens.core.feed import Feed
from supertokens.engine.session import IssuedSession
from supertokens.errors import SuperTokensGeneralError, SuperTokensUnauthorisedError
from supertokens.stores.base import Announcing, FeedEntry, FeedReader, Store, TimestampedRecord
from supertokens.stores.memory import MemoryStore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce
from tests.core.core_contract import create

PUSH = Config(access_token_blacklisting=True, revocation="push", revocation_max_lag=0.25)
LAG = 0.25
SOON_S = 20.0


class Counting:
    """A store that counts how often it is asked for a session, and does `meanwhile` in the middle of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def get(self, handle: str, now: int) -> TimestampedRecord | None:
        self.asked += 1
        found = self._store.get(handle, now)
        self.meanwhile()
        return found

    def feed_reader(self, max_lag_s: float) -> FeedReader:
        assert isinstance(self._store, Announcing)
        return self._store.feed_reader(max_lag_s)

    def sweep_feed(self, now: int, *, kept_for: int, limit: int) -> int:
        assert isinstance(self._store, Announcing)
        return self._store.sweep_feed(now, kept_for=kept_for, limit=limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Reader:
    """A reader that can fail, be slow, and believe that it missed something."""

    def __init__(self, reader: FeedReader, worker: Worker) -> None:
        self._reader = reader
        self._worker = worker
        self.failure: SuperTokensGeneralError | None = None
        self.takes_s = 0.0
        self.missed = False
        self.leases = 0

    def lease(self, now: int, lasts: int) -> None:
        if self.failure is not None:
            raise self.failure
        self.leases += 1
        self._reader.lease(now, lasts)

    def start(self) -> None:
        self._reader.start()
        self._worker.seconds += self.takes_s

    def read(self) -> list[FeedEntry] | None:
        if self.failure is not None:
            raise self.failure
        entries = self._reader.read()
        self._worker.seconds += self.takes_s
        return None if self.missed else entries

    def wait(self, stopped: threading.Event) -> None:
        raise AssertionError("no thread reads")

    def close(self) -> None:
        self._reader.close()


class Worker:
    """A process with `revocation: push` whose feed is read when a test says so, on a clock of its own."""

    made: ClassVar[list[Worker]] = []

    def __init__(self, store: Store, clock: FakeClock, config: Config = PUSH) -> None:
        self.seconds = 1000.0
        self.store = Counting(store)
        self.core = EmbeddedCore(config, cast("Store", self.store), clock=clock, monotonic=lambda: self.seconds)
        assert self.core._comparisons.feed is not None
        self.feed: Feed = self.core._comparisons.feed
        self.reader = Reader(self.store.feed_reader(LAG), self)
        self.made.append(self)

    def turn(self) -> bool:
        """Read the feed once."""
        return self.feed.take_in(self.reader)

    def check(self, issued: IssuedSession | str) -> str | None:
        """Check a token; return the new one that came with it."""
        text = issued if isinstance(issued, str) else issued.access_token.text
        session = self.core.verify(text, check_anti_csrf=False, check_database=True)
        return None if session.new_access_token is None else session.new_access_token.text

    def lets_in(self, issued: IssuedSession) -> bool:
        try:
            self.check(issued)
        except SuperTokensUnauthorisedError:
            return False
        return True

    def asks_for(self, issued: IssuedSession | str) -> int:
        """Check a token, and return how often the store was asked for its record."""
        before = self.store.asked
        self.check(issued)
        return self.store.asked - before


@pytest.fixture(params=["memory", "sqlite"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Any:
    made = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "db.sqlite3", synchronous="normal")
    KeysOnce.put_into(made, clock())
    yield made
    made.close()


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Feed, "_start", lambda self: None)
    yield
    while Worker.made:
        Worker.made.pop().reader.close()


@pytest.fixture
def worker(shared: Store, clock: FakeClock, no_thread: None) -> Worker:
    return Worker(shared, clock)


@pytest.fixture
def other(shared: Store, clock: FakeClock) -> EmbeddedCore:
    """The core of another process."""
    return EmbeddedCore(Config(), shared, clock=clock)


def test_the_store_is_asked_once_for_each_token_and_then_no_more(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.turn()
    assert [worker.asks_for(issued) for _ in range(4)] == [1, 0, 0, 0]
    worker.turn()
    assert worker.asks_for(issued) == 0
    assert worker.asks_for(create(other)) == 1


def test_what_was_revoked_is_refused_once_the_feed_was_read_and_at_the_latest_when_it_is_too_old(
    worker: Worker, other: EmbeddedCore
) -> None:
    read, unread = create(other), create(other)
    worker.turn()
    assert worker.lets_in(read)
    assert worker.lets_in(unread)
    other.revoke_sessions([read.handle])
    worker.turn()
    assert not worker.lets_in(read)
    other.revoke_sessions([unread.handle])
    worker.seconds += LAG
    assert worker.lets_in(unread), "which is what the lag allows"
    worker.seconds += 0.001
    assert not worker.lets_in(unread)


def test_while_the_feed_is_cut_off_every_check_asks_the_store(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    worker.reader.failure = SuperTokensGeneralError("the database is away")
    worker.seconds += LAG + 0.001
    assert worker.turn() is False
    assert [worker.lets_in(issued) for _ in range(3)] == [True] * 3
    other.revoke_sessions([issued.handle])
    assert not worker.lets_in(issued)


def test_an_outage_of_the_feed_is_logged_once_and_so_is_its_end(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "supertokens"):
        worker.turn()
        worker.reader.failure = SuperTokensGeneralError("the database is away")
        assert [worker.turn() for _ in range(3)] == [False] * 3
        worker.reader.failure = None
        assert [worker.turn() for _ in range(2)] == [True, True]
    said = [(record.levelname, record.getMessage()) for record in caplog.records if "feed" in record.getMessage()]
    assert said == [
        ("WARNING", "the feed of revocations cannot be read, so each check asks the store: the database is away"),
        ("INFO", "the feed of revocations is read again"),
    ]


def test_what_was_compared_before_an_outage_is_compared_once_more(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    worker.reader.failure = SuperTokensGeneralError("the database is away")
    worker.turn()
    other.revoke_sessions([issued.handle])
    worker.reader.failure = None
    worker.turn()
    assert not worker.lets_in(issued)


def test_a_reader_that_may_have_missed_something_has_every_token_compared_once_more(
    worker: Worker, other: EmbeddedCore
) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    worker.reader.missed = True
    worker.turn()
    worker.reader.missed = False
    assert [worker.asks_for(issued) for _ in range(2)] == [1, 0]


def test_what_was_compared_before_there_was_a_lease_does_not_count(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.check(issued)
    other.revoke_sessions([issued.handle])
    worker.turn()
    assert not worker.lets_in(issued)


def test_a_worker_that_starts_after_a_revocation_refuses_the_token(
    worker: Worker, other: EmbeddedCore, shared: Store, clock: FakeClock
) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    other.revoke_sessions([issued.handle])
    late = Worker(shared, clock)
    assert not late.lets_in(issued), "before it has begun"
    late.turn()
    assert not late.lets_in(issued)


def test_the_age_of_what_was_read_counts_from_before_the_reading(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    worker.reader.takes_s = 5
    worker.turn()
    other.revoke_sessions([issued.handle])
    assert not worker.lets_in(issued), "for all it knows that was five seconds ago"
    late = create(other)
    worker.reader.missed = True
    worker.turn()
    assert worker.feed.position() is None
    assert worker.lets_in(late)


def test_what_is_revoked_while_the_store_is_asked_is_refused_by_the_next_check(
    worker: Worker, other: EmbeddedCore
) -> None:
    issued = create(other)
    worker.turn()

    def meanwhile() -> None:
        other.revoke_sessions([issued.handle])
        worker.turn()

    worker.store.meanwhile = meanwhile
    assert worker.lets_in(issued)
    worker.store.meanwhile = lambda: None
    assert not worker.lets_in(issued)


def test_a_feed_that_begins_anew_while_the_store_is_asked_has_it_asked_again(
    worker: Worker, other: EmbeddedCore
) -> None:
    issued = create(other)
    worker.turn()

    def meanwhile() -> None:
        worker.reader.missed = True
        worker.turn()
        worker.reader.missed = False

    worker.store.meanwhile = meanwhile
    worker.check(issued)
    worker.store.meanwhile = lambda: None
    assert [worker.asks_for(issued) for _ in range(2)] == [1, 0]


def test_a_changed_payload_is_seen_as_under_query(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    other.update_jwt_payload(issued.handle, {"role": "none"})
    worker.turn()
    renewed = worker.check(issued)
    assert renewed is not None
    assert worker.check(issued) is not None, "each check with the old token brings the new payload"
    assert [worker.asks_for(renewed) for _ in range(3)] == [1, 0, 0]
    session = worker.core.verify(renewed, check_anti_csrf=False, check_database=True)
    assert session.jwt_payload == {"role": "none"}


def test_a_session_under_a_new_handle_is_refused_under_the_old_one(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    renewed = other.renew_session(issued.handle, anti_csrf=False)
    worker.turn()
    assert not worker.lets_in(issued)
    assert worker.lets_in(renewed)


def test_a_session_that_may_end_before_its_token_is_asked_about_each_time(
    shared: Store, clock: FakeClock, no_thread: None
) -> None:
    generous = EmbeddedCore(Config(access_token_validity=3600), shared, clock=clock)
    strict = Config(
        access_token_blacklisting=True, revocation="push", access_token_validity=60, refresh_token_validity=10
    )
    worker, issued = Worker(shared, clock, strict), create(generous)
    worker.turn()
    assert [worker.asks_for(issued) for _ in range(3)] == [1, 1, 1]
    clock.advance(minutes=10)
    assert not worker.lets_in(issued)


def test_very_many_changes_take_no_more_memory_than_few(
    worker: Worker, other: EmbeddedCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_MAX_SESSIONS", 10)
    issued, doomed = create(other), create(other)
    worker.turn()
    worker.check(issued)
    worker.check(doomed)
    other.revoke_sessions([doomed.handle])
    for _ in range(25):
        other.revoke_sessions([create(other).handle])
        worker.turn()
        assert len(worker.feed._announced.by_handle) <= 10
    assert not worker.lets_in(doomed)
    assert [worker.asks_for(issued) for _ in range(2)] == [1, 0]


def test_the_lease_is_renewed_long_before_it_runs_out(worker: Worker) -> None:
    for _ in range(600):
        worker.turn()
        worker.seconds += 0.1
    assert worker.reader.leases == 3


def test_a_lease_that_a_clock_ahead_ended_is_taken_again_and_nothing_is_missed(
    worker: Worker, other: EmbeddedCore, clock: FakeClock
) -> None:
    issued = create(other)
    worker.turn()
    worker.check(issued)
    clock.advance(hours=2)
    other.sweep()
    other.revoke_sessions([issued.handle])
    clock.advance(hours=-2)
    worker.turn()
    assert not worker.lets_in(issued)


def test_a_check_without_check_database_asks_neither_feed_nor_store(worker: Worker, other: EmbeddedCore) -> None:
    issued = create(other)
    worker.core.verify(issued.access_token.text, check_anti_csrf=False)
    assert worker.store.asked == 0


def test_whatever_happens_nothing_revoked_is_let_in_after_the_greatest_lag(
    shared: Store, clock: FakeClock, no_thread: None
) -> None:
    rng = random.Random(5)
    other = EmbeddedCore(Config(), shared, clock=clock)
    now = 0.0
    workers = [Worker(shared, clock) for _ in range(3)]
    living = [create(other) for _ in range(6)]
    dead: list[tuple[IssuedSession, float]] = []
    refused = let_in = 0
    for _ in range(3000):
        worker, step = rng.choice(workers), rng.random()
        if step < 0.4:
            worker.turn()
        elif step < 0.5:
            delay = rng.choice((0.01, 0.1, 0.2))
            now += delay
            for each in workers:
                each.seconds += delay
        elif step < 0.55 and len(dead) < 200:
            gone = living.pop(rng.randrange(len(living)))
            other.revoke_sessions([gone.handle])
            dead.append((gone, now))
            living.append(create(other))
        elif step < 0.6:
            down = SuperTokensGeneralError("away") if rng.random() < 0.5 else None
            worker.reader.failure = down
        elif step < 0.62:
            assert isinstance(shared, Announcing)
            ahead = rng.choice((0, 61_000))
            shared.sweep_feed(clock() + ahead, kept_for=0, limit=rng.randrange(5))
        elif step < 0.8:
            assert worker.lets_in(rng.choice(living))
        elif dead:
            gone, at = rng.choice(dead[-5:])
            if worker.lets_in(gone):
                let_in += 1
                assert now - at <= LAG + 1e-9
            else:
                refused += 1
    assert refused > 100
    assert let_in > 5, "or else nothing was pushed at all"


def test_a_store_that_announces_nothing_is_refused(store: SqliteStore) -> None:
    class Silent:
        """All of a store but its feed."""

        def __getattr__(self, name: str) -> Any:
            if "feed" in name:
                raise AttributeError(name)
            return getattr(store, name)

    with pytest.raises(
        ConfigError, match=r"'revocation' \('push'\) cannot be combined with Silent, which announces nothing"
    ):
        EmbeddedCore(PUSH, cast("Store", Silent()))


# The thread


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "supertokens-feed"]


def pushing(store: Store) -> tuple[EmbeddedCore, Counting]:
    counting = Counting(store)
    return EmbeddedCore(PUSH, cast("Store", counting)), counting


def lets_in(core: EmbeddedCore, issued: IssuedSession) -> bool:
    try:
        core.verify(issued.access_token.text, check_anti_csrf=False, check_database=True)
    except SuperTokensUnauthorisedError:
        return False
    return True


def is_vouched_for(core: EmbeddedCore, counting: Counting, issued: IssuedSession) -> bool:
    """Check a token until the store is not asked any more, which the first reading of the feed brings about."""
    before = counting.asked
    return (
        lets_in(core, issued)
        and counting.asked == before
        and core._comparisons.feed is not None
        and (core._comparisons.feed.position() is not None)
    )


def test_a_thread_reads_the_feed_from_the_first_check_on_until_the_core_is_closed(shared: Store) -> None:
    core, counting = pushing(shared)
    other = EmbeddedCore(Config(), shared)
    issued, doomed = create(other), create(other)
    assert threads() == [], "nothing is started before it is used"
    for _ in range(2):
        eventually(lambda: is_vouched_for(core, counting, issued))
        [thread] = threads()
        assert thread.daemon
        core.close()
        assert threads() == []
    eventually(lambda: is_vouched_for(core, counting, doomed))
    other.revoke_sessions([doomed.handle])
    eventually(lambda: not lets_in(core, doomed))
    core.close()


def test_the_thread_ends_with_its_core(shared: Store) -> None:
    core, _ = pushing(shared)
    issued = create(core)
    assert lets_in(core, issued)
    assert len(threads()) == 1
    del core
    gc.collect()
    eventually(lambda: threads() == [])


def test_a_forked_child_reads_the_feed_anew_and_the_parent_goes_on(shared: Store) -> None:
    if isinstance(shared, MemoryStore):
        return  # whose child has sessions of its own
    core, counting = pushing(shared)
    other = EmbeddedCore(Config(), shared)
    first, second = create(other), create(other)
    for each in (first, second):
        eventually(lambda each=each: is_vouched_for(core, counting, each))  # type: ignore[misc]
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        verdict = 1
        try:
            for each in (first, second):
                eventually(lambda each=each: is_vouched_for(core, counting, each))  # type: ignore[misc]
            assert len(threads()) == 1
            EmbeddedCore(Config(), shared).revoke_sessions([first.handle])
            eventually(lambda: not lets_in(core, first))
            verdict = 0
        finally:
            os._exit(verdict)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    eventually(lambda: not lets_in(core, first))
    assert lets_in(core, second)
    core.close()


def test_a_fork_that_runs_no_hooks_is_noticed_by_the_process_id(shared: Store) -> None:
    core, counting = pushing(shared)
    issued = create(core)
    eventually(lambda: is_vouched_for(core, counting, issued))
    [of_the_parent] = threads()
    feed = core._comparisons.feed
    assert feed is not None
    of_before, feed._pid = feed._stop, 0
    assert lets_in(core, create(core))
    assert len(threads()) == 2
    of_before.set()
    of_the_parent.join()
    eventually(lambda: is_vouched_for(core, counting, issued))
    core.close()
    assert threads() == []


ENDING = """
import sys
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore

core = EmbeddedCore(
    Config(access_token_blacklisting=True, revocation="push"), SqliteStore(sys.argv[1], synchronous="normal")
)
issued = core.create_session("ada", {}, {}, anti_csrf=False)
while core._comparisons.feed.position() is None:
    core.verify(issued.access_token.text, check_anti_csrf=False, check_database=True)
print(core._comparisons.feed._thread.is_alive())
"""


def test_a_process_ends_although_the_feed_is_being_read(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", ENDING, str(tmp_path / "db.sqlite3")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("True\n", "", 0)


GREENLETS = """
from gevent import monkey
monkey.patch_all()

import sys, time
import gevent
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.errors import SuperTokensUnauthorisedError
from supertokens.stores.opening import open_store

push = Config(access_token_blacklisting=True, revocation="push")
core, other = EmbeddedCore(push, open_store(sys.argv[1])), EmbeddedCore(Config(), open_store(sys.argv[1]))
issued = other.create_session("ada", {}, {}, anti_csrf=False)
longest = 0.0

def tick():
    global longest
    while True:
        before = time.monotonic()
        gevent.sleep(0.01)
        longest = max(longest, time.monotonic() - before)

def check():
    return core.verify(issued.access_token.text, check_anti_csrf=False, check_database=True)

check()
ticking = gevent.spawn(tick)
deadline = time.monotonic() + 20
while core._comparisons.feed.position() is None and time.monotonic() < deadline:
    gevent.sleep(0.01)
for _ in range(50):
    check()
    gevent.sleep(0.01)
print(core._comparisons.feed.position() is not None)
other.revoke_sessions([issued.handle])
while True:
    try:
        check()
    except SuperTokensUnauthorisedError:
        break
    assert time.monotonic() < deadline
    gevent.sleep(0.001)
core.close()
print("refused", longest < 1)
"""


def pushes_among_greenlets(database: str) -> None:
    """Assert that the feed is read in a process of greenlets, which it never stops."""
    pytest.importorskip("gevent", reason="install gevent: pip install '.[dev]'")
    command = [sys.executable, "-W", "ignore", "-c", GREENLETS, database]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr) == ("True\nrefused True\n", "")


def test_greenlets_go_on_while_the_feed_is_read(tmp_path: Path) -> None:
    pushes_among_greenlets(str(tmp_path / "db.sqlite3"))
