# SPDX-License-Identifier: Apache-2.0
"""`revocation: push` across processes on one SQLite file: how late it is, and who may revoke."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine.session import IssuedSession
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import KeysOnce
from tests.service.running import Service

from .forking import FORKS
from .pushing import MAX_LAG_S, PUSH, lags_of_workers, lets_in, until_it_is_told

DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
REVOKES: Final = 1000 if DEEP else 150
WORKERS: Final = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "supertokens.sqlite3"
    KeysOnce.put_into(SqliteStore(made), system_clock())
    return made


def test_eight_workers_see_each_revocation_within_the_greatest_lag(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lags = lags_of_workers(str(path), tmp_path, workers=WORKERS, revokes=REVOKES, pause_s=0.004)
    with capsys.disabled():
        print(f"\n{lags} (SQLite)")
    assert len(lags.seen_after) == WORKERS * REVOKES
    assert lags.let_in_after <= MAX_LAG_S, "which no load of the machine excuses"


def refused_in_time(core: EmbeddedCore, issued: IssuedSession, revoke: Callable[[], object]) -> None:
    """Revoke a session that `core` is told about, and assert that it is refused from the greatest lag on."""
    until_it_is_told(core, [issued.access_token.text])
    revoke()
    returned, began = time.monotonic(), time.monotonic()
    while lets_in(core, issued):
        assert began - returned <= MAX_LAG_S
        began = time.monotonic()


def test_what_the_command_line_revokes_is_refused(path: Path) -> None:
    core = EmbeddedCore(PUSH, SqliteStore(path))
    of_one, of_ada = (core.create_session(user, {}, {}, anti_csrf=False) for user in ("bob", "ada"))
    for issued, options in ((of_one, [of_one.handle]), (of_ada, ["--user", "ada"])):
        command = [
            sys.executable,
            "-m",
            "supertokens.cli",
            "sessions",
            "revoke",
            *options,
            "--yes",
            "--database",
            str(path),
        ]
        refused_in_time(core, issued, lambda command=command: subprocess.run(command, check=True, capture_output=True))  # type: ignore[misc]
    core.close()


def test_what_a_service_revokes_or_changes_is_seen_and_so_is_a_statement_typed_into_the_file(
    path: Path, tmp_path: Path
) -> None:
    core = EmbeddedCore(PUSH, SqliteStore(path))
    revoked, changed, deleted = (core.create_session("ada", {}, {}, anti_csrf=False) for _ in range(3))
    with Service(tmp_path, {"database": str(path)}) as service:
        body = {"sessionHandles": [revoked.handle]}
        refused_in_time(
            core, revoked, lambda: service.request("POST", "/recipe/session/remove", body, version="5.0").json()
        )
        until_it_is_told(core, [changed.access_token.text])
        told = service.request(
            "PUT", "/recipe/jwt/data", {"sessionHandle": changed.handle, "userDataInJWT": {"a": 1}}, version="5.0"
        )
        assert told.json() == {"status": "OK"}
        deadline = time.monotonic() + MAX_LAG_S
        while True:
            began = time.monotonic()
            session = core.verify(changed.access_token.text, check_anti_csrf=False, check_database=True)
            if session.jwt_payload == {"a": 1}:
                break
            assert began <= deadline
    typed = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('DELETE FROM session WHERE handle = ?',"
    command = [sys.executable, "-c", f"{typed} ({deleted.handle!r},)); c.commit(); c.close()"]
    refused_in_time(core, deleted, lambda: subprocess.run(command, check=True))
    core.close()


def test_what_was_revoked_before_a_backup_was_restored_is_refused_or_alive_as_the_store_says(
    path: Path, tmp_path: Path
) -> None:
    core = EmbeddedCore(PUSH, SqliteStore(path))
    kept = core.create_session("ada", {}, {}, anti_csrf=False)
    until_it_is_told(core, [kept.access_token.text])
    other = SqliteStore(path)
    copy = tmp_path / "copy.sqlite3"
    other.back_up(copy, overwrite=False, progress=lambda *_: None)
    since = core.create_session("ada", {}, {}, anti_csrf=False)
    refused_in_time(core, since, lambda: other.restore(copy, progress=lambda *_: None))
    assert lets_in(core, kept)
    core.close()
    other.close()


@pytest.mark.parametrize("fork", ["C fork", "os.fork"])
def test_a_child_that_was_forked_while_the_feed_was_read_lets_nothing_in_that_was_revoked(
    path: Path, fork: str
) -> None:
    """After a fork in C the file may be refused altogether, since a connection was open: that lets nobody in either."""
    core = EmbeddedCore(PUSH, SqliteStore(path))
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    until_it_is_told(core, [issued.access_token.text])
    told, tells = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that this process has threads is the point
        child = FORKS[fork]()
    if child == 0:
        signal.alarm(15)
        verdict = 1
        try:
            os.read(told, 1)
            returned = time.monotonic()
            while time.monotonic() - returned <= 2 * MAX_LAG_S:
                began = time.monotonic()
                try:
                    is_in = lets_in(core, issued)
                except Exception:  # noqa: BLE001 - whatever it says, it lets nobody in
                    is_in = False
                assert not (is_in and began - returned > MAX_LAG_S)
            verdict = 0
        finally:
            os._exit(verdict)
    other = EmbeddedCore(Config(), SqliteStore(path))
    other.revoke_sessions([issued.handle])
    os.write(tells, b".")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    other.close()
    os.close(told)
    os.close(tells)
    core.close()
