# SPDX-License-Identifier: Apache-2.0
"""A process that forks while another of its threads holds every lock, and whose child uses everything.

Run as a program: ``holding.py FORK DATABASE URL``, where FORK is a name in `forking.FORKS`, and a core that answers
`update_session_data` is at URL. The child says ``served`` and how many locks had been held.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.engine.session import IssuedSession
from supertokens.forks import ProcessLock
from supertokens.remote import RemoteCore
from supertokens.stores.memory import MemoryStore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce
from supertokens.transport import SessionEdge
from tests.processes.forking import FORKS

HANDLE = "7b0aa0a2-3f4c-4f0e-8a43-0123456789ab"


def hold_all(locks: list[threading.Lock]) -> None:
    """Let a thread hold them for as long as the process lives."""
    held = threading.Event()

    def hold() -> None:
        for lock in locks:
            assert lock.acquire(blocking=False)
        held.set()
        threading.Event().wait()

    threading.Thread(target=hold, daemon=True).start()
    held.wait()


def use(core: EmbeddedCore, issued: IssuedSession) -> None:
    """Verify, read the keys again, and write."""
    core.verify(issued.access_token.text, check_anti_csrf=False)
    child = core.refresh(core.create_session("ada", {}, {}, anti_csrf=False).refresh_token.text, anti_csrf=False)
    core.verify(child.access_token.text, check_anti_csrf=False)
    assert len(core.revoke_user("ada")) >= 1


def main(fork: Callable[[], int], database: str, url: str) -> None:
    clock = FakeClock()
    stores = MemoryStore(), SqliteStore(database)
    for store in stores:
        KeysOnce.put_into(store, clock())
    cores = [EmbeddedCore(Config(), store, clock=clock) for store in stores]
    sessions = [core.create_session("ada", {}, {}, anti_csrf=False) for core in cores]
    for core, issued in zip(cores, sessions, strict=True):
        use(core, core.create_session("grace", {}, {}, anti_csrf=False))
        core.verify(issued.access_token.text, check_anti_csrf=False)
    remote = RemoteCore(Config(hosts=url))
    remote.update_session_data(HANDLE, {"who": "parent"})

    def opened() -> Core:
        return cores[0]

    def rewrite(environ: object, change: object) -> None:
        raise AssertionError("nothing is answered")

    edge = SessionEdge(Config(), opened, rewrite=rewrite, clock=clock)
    cores[1].close()  # what is open across a fork is refused, which is another matter
    locks = [each.own for each in gc.get_objects() if isinstance(each, ProcessLock)]
    commits = stores[1]._database.commits
    queues = [connections._pool.pool for connections in remote._client._connections.values()]
    hold_all([*locks, commits._committing, *(queue.mutex for queue in queues)])
    child = fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    signal.alarm(30)  # of a child that waits for ever
    clock.advance(minutes=5)  # the keys have to be read again
    assert edge.core is cores[0]
    for core, issued in zip(cores, sessions, strict=True):
        use(core, issued)
    for _ in range(3):
        remote.update_session_data(HANDLE, {"who": "child"})
    os.write(1, b"served %d" % len(locks))
    os._exit(0)


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # that this process has threads is the point
    main(FORKS[sys.argv[1]], *sys.argv[2:])
