# SPDX-License-Identifier: Apache-2.0
"""Waiting for a lock that another process has: how often is looked, and who else can run meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores import sqlite_waiting
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_waiting import connect, waiting_in_sqlite
from supertokens.testing.store_contract import a_record, handles_of

NOW = 1_700_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


@pytest.fixture
def blocker(path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection that has the lock for writes."""
    SqliteStore(path).create(a_record(1), "{}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.mark.parametrize("held", [0.0003, 0.004, 0.05, 0.7, 9.9])
def test_a_writer_sees_soon_that_the_lock_is_free_and_does_not_look_all_the_time(
    path: Path, blocker: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, held: float
) -> None:
    """By a clock that moves only while it sleeps: soon is a fiftieth of the time that the lock was held."""
    now, looks = 0.0, 0

    def sleep(seconds: float) -> None:
        nonlocal now, looks
        now, looks = now + seconds, looks + 1
        if now >= held and blocker.in_transaction:
            blocker.execute("COMMIT")

    monkeypatch.setattr(sqlite_waiting, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: now))
    monkeypatch.setattr(sqlite_waiting, "_sleep_was_replaced", lambda: False)  # it is so without gevent, too
    store = SqliteStore(path)
    store.create(a_record(2), "{}")
    assert held <= now <= held + max(0.0001, min(held / 50, 0.025)) * 1.0001
    assert looks <= 700
    store.close()


STOPPED = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM session")
print("writes", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def another_process_that_writes(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", STOPPED, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "writes\n"
            yield process
        finally:
            process.kill()


def goes_on(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGCONT)
    assert process.stdin is not None
    process.stdin.close()


@pytest.mark.parametrize("end", [goes_on, subprocess.Popen.kill])
def test_a_process_that_is_stopped_while_it_writes_holds_up_writes_only_and_until_it_goes_on_or_dies(
    path: Path, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    impatient, patient = SqliteStore(path, busy_timeout=50), SqliteStore(path, busy_timeout=60_000)
    for store in (impatient, patient):
        store.create(a_record(1 if store is impatient else 2), "{}")
    with another_process_that_writes(path) as process, ThreadPoolExecutor(1) as threads:
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        with pytest.raises(SuperTokensGeneralError, match="locked"):
            impatient.create(a_record(3), "{}")
        assert handles_of(impatient, "user", NOW) == [a_record(1).handle, a_record(2).handle]
        waiting = threads.submit(patient.create, a_record(4), "{}")
        end(process)
        assert waiting.result(timeout=60) == []
        impatient.create(a_record(5), "{}")
    assert handles_of(impatient, "user", NOW) == [a_record(number).handle for number in (1, 2, 4, 5)]
    for store in (impatient, patient):
        store.close()


def test_a_checkpoint_waits_in_sqlite_on_a_connection_that_looks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(connection: sqlite3.Connection) -> object:
        return connection.execute("PRAGMA busy_timeout").fetchone()[0]

    with closing(connect(f"file:{path}", 900, writes=True)) as looks, closing(connect(f"file:{path}", 900)) as does_not:
        with waiting_in_sqlite(looks, 250), waiting_in_sqlite(does_not, 250):
            assert (waits(looks), waits(does_not)) == (250, 900)
        assert (waits(looks), waits(does_not)) == (0, 900)
        monkeypatch.setattr(sqlite_waiting, "_sleep_was_replaced", lambda: True)
        with waiting_in_sqlite(looks, 250):
            assert waits(looks) == 0, "it would stop all greenlets"


def test_others_run_while_a_write_waits(
    path: Path, blocker: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 8:
            blocker.execute("COMMIT")  # in this very thread: a wait in C would never see it

    monkeypatch.setattr(time, "sleep", sleep)
    store = SqliteStore(path)
    store.create(a_record(2), "{}")
    assert handles_of(store, "user", NOW) == [a_record(1).handle, a_record(2).handle]
    assert len(slept) == 8
    assert max(slept) <= 0.025
    store.close()


def test_the_wait_ends_with_an_error_all_the_same(
    path: Path, blocker: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds))
    store = SqliteStore(path, busy_timeout=100)
    with pytest.raises(SuperTokensGeneralError, match="locked"):
        store.create(a_record(2), "{}")
    with pytest.raises(SuperTokensGeneralError, match="locked"):
        store.prove_writable(50)
    blocker.execute("COMMIT")
    store.create(a_record(2), "{}")
    store.close()


GREENLETS = """
from gevent import monkey
monkey.patch_all()

import sqlite3, sys, time
from pathlib import Path
import gevent
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record, handles_of

store = SqliteStore(Path(sys.argv[1]))
store.create(a_record(1), "{}")
blocker = sqlite3.connect(sys.argv[1], isolation_level=None)
blocker.execute("BEGIN IMMEDIATE")
ticks = 0

def tick():
    global ticks
    while ticks < 20:
        gevent.sleep(0.01)
        ticks += 1
    blocker.execute("COMMIT")

writers = [gevent.spawn(store.create, a_record(number), "{}") for number in range(2, 12)]
gevent.joinall([gevent.spawn(tick), *writers], raise_error=True)
print(ticks, len(handles_of(store, "user", 1_700_000_000_000)))
"""


def test_greenlets_go_on_while_others_wait_for_a_lock(path: Path) -> None:
    pytest.importorskip("gevent", reason="install gevent: pip install '.[dev]'")
    command = [sys.executable, "-W", "ignore", "-c", GREENLETS, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr) == ("20 11\n", "")
