# SPDX-License-Identifier: Apache-2.0
"""A child may be forked while another thread of its parent holds a lock, also by C, where no hook of Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import supertokens
from tests.remote.faulty import FaultyHost, reply

from . import forking


@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize("fork", forking.FORKS)
def test_no_lock_that_is_held_across_a_fork_holds_up_the_child(tmp_path: Path, fork: str) -> None:
    with FaultyHost(reply({"status": "OK"})) as host:
        command = [sys.executable, "-m", "tests.processes.holding", fork, str(tmp_path / "sessions.sqlite3"), host.url]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (run.returncode, run.stderr) == (0, "")
        said, locks = run.stdout.split()
        assert said == "served"
        assert int(locks) >= 17, "of keys, tokens, stores, edges, and of what is known of hosts"
        told = [(request.fields["userDataInDatabase"]["who"], request.peer) for request in host.requests]
        assert [who for who, _ in told] == ["parent", "child", "child", "child"]
        assert len({peer for _, peer in told}) == 2, "the child has a connection of its own, which is kept open"


def test_no_other_kind_of_lock_is_used() -> None:
    """Elsewhere a child could wait for ever: the queue of commits is replaced as a whole (`sqlite_forks`).

    What asyncio has is no lock of a process: a task that waits for it is on a loop, and no loop goes on in a child.
    """
    package = Path(supertokens.__file__).parent
    others = re.compile(r"(?<!asyncio\.)\b(R?Lock|Condition|Semaphore|Barrier)\(\)?")
    used = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if others.search(path.read_text("utf-8").replace("ProcessLock(", ""))
    }
    assert used == {"forks.py", "stores/sqlite_commits.py"}
