# SPDX-License-Identifier: Apache-2.0
"""Waiting for a lock, where `time.sleep` lets others run in the same thread."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite import SqliteStore
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
