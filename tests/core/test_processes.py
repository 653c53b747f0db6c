# SPDX-License-Identifier: Apache-2.0
"""Worker processes on one database: at once, and killed. Here it is a SQLite file."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supertokens.core import EmbeddedCore, system_clock
from supertokens.stores.opening import open_store
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import KeysOnce

from . import worker
from .worker import CONFIG, Jar

pytestmark = pytest.mark.slow
PROCESSES, THREADS, ROUNDS = 8, 4, 12
KILLS = 50


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.sqlite3"
    KeysOnce.put_into(SqliteStore(path), system_clock())
    return path


def said(what: str, events: list[dict[str, Any]]) -> list[Any]:
    return [event[what] for event in events if what in event]


def tabs_in_a_process(path: Path, database: str, folder: str, seed: int, meeting: worker.Meeting) -> None:
    with path.open("wb") as spoken:
        worker.speak_to(spoken.fileno())
        worker.tabs(database, folder, seed, THREADS, ROUNDS, meeting)


@pytest.mark.xdist_group("processes")
def test_eight_processes_of_four_threads_share_sessions_without_theft_lost_revokes_or_locks(
    database: Path, tmp_path: Path
) -> None:
    share_sessions(str(database), tmp_path)


def share_sessions(database: str, tmp_path: Path) -> None:
    """Let eight processes of four threads share sessions, and assert that nothing is lost."""
    core = EmbeddedCore(CONFIG, open_store(database))
    shared = [core.create_session("shared", {}, {}, anti_csrf=False) for _ in range(2)]
    doomed = [core.create_session("doomed", {}, {}, anti_csrf=False) for _ in range(ROUNDS)]
    for number, issued in enumerate(shared):
        Jar(tmp_path / f"shared-{number}.json").write(issued.refresh_token.text, issued.access_token.text)
    (tmp_path / "doomed.json").write_text(json.dumps([[i.handle, i.refresh_token.text] for i in doomed]))
    spawn = multiprocessing.get_context("spawn")
    meeting = spawn.Barrier(PROCESSES * THREADS)
    logs = [tmp_path / f"log-{seed}" for seed in range(PROCESSES)]
    workers = [
        spawn.Process(target=tabs_in_a_process, args=(log, database, str(tmp_path), seed, meeting))
        for seed, log in enumerate(logs)
    ]
    for process in workers:
        process.start()
    for process in workers:
        process.join(240)
    assert [process.exitcode for process in workers] == [0] * PROCESSES
    events = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert said("failed", events) == []
    assert sorted(said("revoked", events)) == sorted(issued.handle for issued in doomed), "each by exactly one"
    assert core.session_handles("doomed") == []
    assert sorted(core.session_handles("shared")) == sorted(issued.handle for issued in shared)
    for issued in shared:
        found = core.store.get(issued.handle, system_clock())
        assert found is not None
        assert found.record.lineage.current == ROUNDS + 1, "one child a round, for all tabs"
    rows = [row for counts in said("rows", events) for row in counts]
    assert {"2", "3"} <= set(rows), "tabs did refresh at once"
    assert all(core.session_handles(f"own-{number}") == [] for number in range(PROCESSES * THREADS))
    core.close()


def log_ins_in_a_process(path: Path, database: str, seed: int, meeting: worker.Meeting, evicts: bool) -> None:
    with path.open("wb") as spoken:
        worker.speak_to(spoken.fileno())
        worker.log_ins(database, seed, THREADS, meeting, evicts=evicts)


@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("evicts", [True, False], ids=["oldest", "refuse"])
def test_of_sixteen_that_log_in_at_once_in_four_processes_no_more_stay_than_may(
    database: Path, tmp_path: Path, evicts: bool
) -> None:
    log_in_at_once(str(database), tmp_path, evicts=evicts)


def log_in_at_once(database: str, tmp_path: Path, *, evicts: bool) -> None:
    """Let four processes of four threads log one user in at the same moment, and assert that three sessions stay."""
    spawn = multiprocessing.get_context("spawn")
    processes = 4
    meeting = spawn.Barrier(processes * THREADS)
    logs = [tmp_path / f"log-{seed}" for seed in range(processes)]
    workers = [
        spawn.Process(target=log_ins_in_a_process, args=(log, database, seed, meeting, evicts))
        for seed, log in enumerate(logs)
    ]
    for process in workers:
        process.start()
    for process in workers:
        process.join(120)
    assert [process.exitcode for process in workers] == [0] * processes
    events = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    assert said("failed", events) == []
    began, refused = said("began", events), said("refused", events)
    assert (len(began), len(refused)) == ((16, 0) if evicts else (3, 13))
    core = EmbeddedCore(CONFIG, open_store(database))
    left = core.session_handles("ada")
    core.close()
    assert len(left) == 3
    assert set(left) <= set(began)


@pytest.mark.xdist_group("processes")
def test_what_was_acknowledged_survives_fifty_kills_in_the_middle_of_writing(database: Path) -> None:
    survive_kills(str(database), KILLS)
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def survive_kills(database: str, kills: int) -> None:
    """Kill a process that writes, again and again, and assert that what it was told is there.

    A server may still do what the process had asked of it before it was killed, at any time.
    """
    rng = random.Random(7)
    core = EmbeddedCore(CONFIG, open_store(database))
    created: set[str] = set()
    revoked: set[str] = set()
    undecided: set[str] = set()
    for number in range(kills):
        events = events_until_killed(database, number, after=rng.randrange(1, 120))
        created |= set(said("created", events))
        revoked |= set(said("revoked", events))
        undecided = (undecided | set(said("revoking", events))) - revoked
        alive = set(core.session_handles("user"))
        assert not alive & revoked, "an acknowledged revoke was lost"
        assert created - revoked - undecided <= alive, "an acknowledged create was lost"
        revoked |= undecided - alive
        for handle in alive - undecided:
            assert core.session(handle).user_id == "user"
            assert set(core.session_data(handle)) == {"x"}
    assert len(created) > kills
    assert len(revoked) > kills // 2
    core.close()


def events_until_killed(database: str, seed: int, *, after: int) -> list[dict[str, Any]]:
    """What a writing process said before it was killed, `after` that many lines at the earliest."""
    command = [sys.executable, worker.__file__, database, str(seed)]
    # Unbuffered, so that nothing that was said is left in a buffer of ours.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        assert process.stderr.read() == b""
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
