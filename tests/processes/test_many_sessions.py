# SPDX-License-Identifier: Apache-2.0
"""Very many sessions, of one user or of everybody, are revoked while others log in, in other processes too."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from supertokens.core import system_clock
from supertokens.core.everybody import revoke_everybody
from supertokens.engine.session import new_handle
from supertokens.stores.sqlite import SqliteStore
from supertokens.stores.sqlite_rows import ROW, row_of
from supertokens.testing import KeysOnce
from supertokens.testing.store_contract import a_record

from .looking_in import DEADLINE_S

DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
SESSIONS: Final = 300_000 if DEEP else 60_000

LOGS_IN: Final = """
import json, select, sys, time
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore

core = EmbeddedCore(Config(), SqliteStore(sys.argv[1]))
core.create_session("ada", {}, {}, anti_csrf=False)
print("ready", flush=True)
took = []
while not select.select([sys.stdin], [], [], 0.02)[0]:
    began = time.monotonic()
    core.create_session("ada", {}, {}, anti_csrf=False)
    took.append(time.monotonic() - began)
print(json.dumps(took))
"""


def of_one_user(store: SqliteStore, now: int) -> int:
    return len(store.remove_user("many", now))


def of_everybody(store: SqliteStore, now: int) -> int:
    return sum(revoke_everybody(store, now))


@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("revoke", [of_one_user, of_everybody])
def test_log_ins_go_on_while_very_many_sessions_are_revoked(
    tmp_path: Path, revoke: Callable[[SqliteStore, int], int]
) -> None:
    path = tmp_path / "sessions.sqlite3"
    store = SqliteStore(path)
    now = system_clock()
    KeysOnce.put_into(store, now)
    table, columns = ROW
    # Handles as they are in reality, in no order: those of everybody are revoked in the order of their handles.
    chance = random.Random(7)
    rows = (
        row_of(
            a_record(
                user_id="many",
                handle=new_handle(chance.randbytes(16)),
                created_at=now - number,
                expires_at=now + 10**9,
            ),
            "{}",
        )
        for number in range(1, SESSIONS + 1)
    )
    store._database.write(
        lambda connection: connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
    )
    with subprocess.Popen(
        [sys.executable, "-c", LOGS_IN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        began = time.monotonic()
        assert revoke(store, now) == SESSIONS
        lasted = time.monotonic() - began
        said, _ = other.communicate("\n", DEADLINE_S)
    took = json.loads(said)
    p99 = sorted(took)[len(took) * 99 // 100]
    print(f"{SESSIONS} sessions were revoked in {lasted:.1f} s")
    print(f"meanwhile {len(took)} log-ins in another process: p99 {p99:.3f} s, the slowest {max(took):.3f} s")
    assert len(took) > 10
    assert max(took) < 1.0
    assert store.count_sessions("many", now) == 0
    assert store.count_sessions("ada", now) >= len(took), "sessions that began meanwhile live on"
    store.close()
