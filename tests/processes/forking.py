# SPDX-License-Identifier: Apache-2.0
"""A process that uses a store, forks in the middle of it, and says what was acknowledged.

Run as a program: ``forking.py DATABASE FORK PARENT DESCRIPTOR``, where FORK is a name in `FORKS` and PARENT one in
`PARENTS`. Parent and child each write some sessions, say ``waiting``, and write again for every byte that they get,
the parent on standard input and the child on DESCRIPTOR, until they are killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record, handles_of

__all__ = ["FORKS", "PARENTS", "SESSIONS_AT_ONCE"]

SESSIONS_AT_ONCE: Final = 5
STUCK_AFTER_S: Final = 2.0
NOW: Final = 1_700_000_000_000


def say(**event: Any) -> None:
    """Write one line in one system call: what was said before a kill is in the pipe."""
    os.write(1, json.dumps(event | {"pid": os.getpid()}).encode() + b"\n")


def write_some(store: SqliteStore, who: str) -> bool:
    """Create a few sessions and say each; return False once the store refuses."""
    for _ in range(SESSIONS_AT_ONCE):
        record = a_record(int.from_bytes(os.urandom(6)))
        try:
            store.create(record, "{}")
            found = store.get(record.handle, NOW)
        except SuperTokensGeneralError as error:
            say(who=who, refused=str(error))
            return False
        say(**{"who": who, "created" if found else "lost": record.handle})
    return True


def serve(store: SqliteStore, who: str, orders: int) -> None:
    """Write, and again for each byte that comes from `orders`."""
    write_some(store, who)
    say(who=who, waiting=True)
    while os.read(orders, 1):
        write_some(store, who)
        say(who=who, waiting=True)


def in_threads(action: Callable[[], object]) -> None:
    def run() -> None:
        while True:
            action()
            time.sleep(0.001)  # so that not all of them wait for the interpreter all the time

    for _ in range(4):
        threading.Thread(target=run, daemon=True).start()


def idle(store: SqliteStore) -> None:
    pass


def reading(store: SqliteStore) -> None:
    in_threads(lambda: handles_of(store, "user", NOW))


def writing(store: SqliteStore) -> None:
    in_threads(lambda: write_some(store, "parent"))


def exiting(store: SqliteStore) -> None:
    """The parent ends right after the fork, as that of a daemon does."""


def c_fork() -> int:
    """Fork as a C library does, until there is a child in which Python runs.

    The interpreter's lock stays as it was, too: the child waits for ever for threads of the parent that waited for it
    just then, at once or when another thread of its own has waited for it (glibc's `pthread_cond_signal` waits for all
    that waited earlier; only `os.fork` makes the lock anew). That is the end of any Python in the child, and nothing
    that a store could change.
    """
    sys.setswitchinterval(1000)  # nor does the child have to hand the lock to a thread that asked for it
    while True:
        runs, says_so = os.pipe()
        pid = int(ctypes.PyDLL(None).fork())
        if pid == 0:
            other = threading.Thread(target=_give_the_lock_away)
            other.start()
            _give_the_lock_away()
            other.join()
            os.write(says_so, b".")
            return 0
        os.close(says_so)
        if select.select([runs], [], [], STUCK_AFTER_S)[0]:
            os.close(runs)
            sys.setswitchinterval(0.005)
            return pid
        os.close(runs)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _give_the_lock_away() -> None:
    """Give the interpreter's lock away and take it again, a hundred times."""
    for _ in range(100):
        time.sleep(0)


FORKS: Final[dict[str, Callable[[], int]]] = {"os.fork": os.fork, "C fork": c_fork}
"""Python's, with its hooks, and that of C, which no hook hears of."""

PARENTS: Final[dict[str, Callable[[SqliteStore], None]]] = {
    each.__name__: each for each in (idle, reading, writing, exiting)
}


def main(database: str, fork: str, parent: str, childs_orders: str) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # that this process has threads is the point
    store = SqliteStore(Path(database))
    write_some(store, "parent")
    PARENTS[parent](store)
    if FORKS[fork]() == 0:
        serve(store, "child", int(childs_orders))
    elif parent != "exiting":
        serve(store, "parent", 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
