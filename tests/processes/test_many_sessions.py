# SPDX-License-Identifier: Apache-2.0
"""A user with very many sessions is revoked while others log in, in other processes too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from supertokens.core import system_clock
from supertokens.stores.sqlite import ROW, SqliteStore, row_of
from supertokens.testing import KeysOnce
from supertokens.testing.store_contract import a_record, handles_of

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


@pytest.mark.xdist_group("processes")
def test_log_ins_go_on_while_a_user_with_very_many_sessions_is_revoked(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite3"
    store = SqliteStore(path)
    now = system_clock()
    KeysOnce.put_into(store, now)
    table, columns = ROW
    rows = (row_of(a_record(number, user_id="many", expires_at=now + 10**9), "{}") for number in range(SESSIONS))
    store._database.write(
        lambda connection: connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
    )
    with subprocess.Popen(
        [sys.executable, "-c", LOGS_IN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        assert len(store.remove_user("many", now)) == SESSIONS
        said, _ = other.communicate("\n", DEADLINE_S)
    took = json.loads(said)
    assert len(took) > 10
    assert max(took) < 1.0
    assert handles_of(store, "many", now) == []
    store.close()
