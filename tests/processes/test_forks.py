# SPDX-License-Identifier: Apache-2.0
"""Forks of a process that has the database open: nothing that was acknowledged is lost, and nothing is damaged."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record

from . import forking
from .looking_in import DEADLINE_S, RUNS, check_nothing_lost, look_in


class Forked:
    """A process of `forking` and its child, until they are killed."""

    def __init__(self, database: Path, fork: str, parent: str) -> None:
        childs_orders, self._to_child = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, forking.__file__, str(database), fork, parent, str(childs_orders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=[childs_orders],
        )
        os.close(childs_orders)
        self.events: list[dict[str, Any]] = []
        self._rest = b""

    def wait_for(self, *whose: str) -> None:
        """Read what they say until each of `whose` waits."""
        missing = set(whose)
        deadline = time.monotonic() + DEADLINE_S
        while missing:
            event = self._next(deadline)
            assert event is not None, (missing, self._process.stderr.read())
            if "waiting" in event:
                missing.discard(event["who"])

    def go_on(self, *whose: str) -> None:
        for who in whose:
            os.write(self._to_child if who == "child" else self._process.stdin.fileno(), b".")
        self.wait_for(*whose)

    def kill(self) -> bytes:
        """Kill them all; return what was on standard error."""
        for pid in {event["pid"] for event in self.events} | {self._process.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to_child)
        while self._next(time.monotonic() + DEADLINE_S):
            pass
        with self._process:
            return self._process.stderr.read()

    def said(self, what: str) -> list[Any]:
        return [event[what] for event in self.events if what in event]

    def _next(self, deadline: float) -> dict[str, Any] | None:
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"silent for {DEADLINE_S} seconds"
            got = os.read(self._process.stdout.fileno(), 65536)
            if not got:
                return None
            self._rest += got
        line, _, self._rest = self._rest.partition(b"\n")
        self.events.append(json.loads(line))
        return self.events[-1]


def lockers(database: Path) -> set[int]:
    """Return the processes that hold a lock on the file."""
    inode = database.stat().st_ino
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return {int(lock[4]) for lock in locks if int(lock[5].rpartition(":")[2]) == inode}


@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("parent", forking.PARENTS)
@pytest.mark.parametrize("fork", forking.FORKS)
@pytest.mark.parametrize("run", range(RUNS))
def test_a_fork_loses_nothing_and_damages_nothing(tmp_path: Path, run: int, fork: str, parent: str) -> None:
    database = tmp_path / "sessions.sqlite3"
    forked = Forked(database, fork, parent)
    whose = ("child",) if parent == "exiting" else ("child", "parent")
    try:
        forked.wait_for(*whose)
        look_in(database)
        forked.go_on(*whose)
        assert {event["pid"] for event in forked.events[-2:] if "created" in event} <= lockers(database)
        look_in(database)
        forked.go_on(*whose)
    finally:
        errors = forked.kill()
    assert errors == b""
    assert forked.said("lost") == []
    check_nothing_lost(database, set(forked.said("created")))
    refused = {event["who"]: event["refused"] for event in forked.events if "refused" in event}
    if fork == "os.fork" and parent in ("idle", "exiting"):
        assert refused == {}
    else:
        assert set(refused) <= {"child"}
    assert all("lazy-apps" in text and "close()" in text for text in refused.values()), "a refusal names the cures"


@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("in_the_child", [None, lambda: None], ids=["", "preexec_fn"])
def test_starting_another_program_loses_no_lock_and_no_session(
    tmp_path: Path, in_the_child: Callable[[], object] | None
) -> None:
    database = tmp_path / "sessions.sqlite3"
    store = SqliteStore(database)
    created = [a_record(number) for number in range(6)]
    for before, after in pairwise(created):
        store.create(before, "{}")
        assert os.getpid() in lockers(database)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # this process has threads
            subprocess.run([sys.executable, "-S", "-c", ""], check=True, preexec_fn=in_the_child)
        assert in_the_child or os.getpid() in lockers(database), "no hook runs, and nothing is closed"
        look_in(database)
        assert store.get(before.handle, forking.NOW) is not None
        assert store.get(after.handle, forking.NOW) is None
        assert os.getpid() in lockers(database)
    store.create(created[-1], "{}")
    check_nothing_lost(database, {record.handle for record in created})
    store.close()
