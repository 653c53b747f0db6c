# SPDX-License-Identifier: Apache-2.0
"""What another process does with a database in use, and what has to be in it in the end."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

__all__ = ["DEADLINE_S", "RUNS", "check_nothing_lost", "look_in"]

RUNS: Final = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 10
"""How often each order of events is tried, since what goes wrong does so by chance."""

DEADLINE_S: Final = 60


def look_in(database: Path) -> None:
    """Open, read, write and close the database in another process, as the command line does."""
    program = (
        "import sys, sqlite3; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('SELECT count(*) FROM session').fetchone();"
        "c.execute('CREATE TABLE IF NOT EXISTS looked_in (n)');"
        "c.execute('INSERT INTO looked_in VALUES (1)'); c.close()"
    )
    subprocess.run([sys.executable, "-c", program, str(database)], check=True, timeout=DEADLINE_S)


def check_nothing_lost(database: Path, acknowledged: set[str]) -> None:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        kept = {handle for (handle,) in connection.execute("SELECT handle FROM session")}
    assert acknowledged - kept == set(), "acknowledged, and lost"
