# SPDX-License-Identifier: Apache-2.0
"""Cases of several threads: checks, which must not get slower, and creates, which share their fsync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from uuid import uuid4

from msgspec.structs import replace

from benchmarks import names
from benchmarks.apps import PAYLOAD, USER_ID, LoggedIn, cores_in, open_benchmark_core, sessions_app
from benchmarks.records import INSERT, row
from benchmarks.rounds import Case, Team
from benchmarks.units import fsync_case
from benchmarks.wsgi import Client, browser_request, require_ok
from supertokens.core import EmbeddedCore
from supertokens.engine.session import SessionRecord

__all__ = ["create_cases", "verify_cases"]

_SESSIONS = 64
_MANY = 16


@contextmanager
def verify_cases(folder: Path) -> Iterator[list[Case]]:
    """Checks of tokens seen before, of many sessions, by 1, 4 and 16 threads of one process."""
    core = open_benchmark_core(folder, "verify")
    app = sessions_app(core)
    browsers = [LoggedIn(app) for _ in range(_SESSIONS)]
    tokens = [browser.cookies["sAccessToken"] for browser in browsers]
    environs = [browser.request("GET", "/me") for browser in browsers]

    def verifier(number: int) -> Callable[[int], None]:
        def work(count: int) -> None:
            for step in range(number, number + count):
                core.verify(tokens[step % _SESSIONS], check_anti_csrf=False)

        return work

    def visitor(number: int) -> Callable[[int], None]:
        client = Client(app)

        def work(count: int) -> None:
            for step in range(number, number + count):
                require_ok([client(dict(environs[step % _SESSIONS]))])

        return work

    yield [
        *(Team(names.with_threads(names.VERIFY, threads), threads, verifier) for threads in (1, 4, 16)),
        *(Team(names.with_threads(names.PROTECTED, threads), threads, visitor) for threads in (1, 4, 16)),
    ]
    core.close()


@contextmanager
def create_cases(folder: Path) -> Iterator[list[Case]]:
    """New sessions, with synchronous=FULL.

    One fsync per create: a single thread, which waits for each commit before its next create. For comparison also
    16 threads that are let into the store one at a time, so that no two writes ever share a commit; and one thread that
    commits 16 rows at a time, with nobody to hand them over.
    """
    with ExitStack() as stack:
        opened_core = cores_in(folder, stack)

        def core(name: str) -> EmbeddedCore:
            opened = opened_core(f"create-{name}")
            opened.create_session(USER_ID, PAYLOAD, {}, anti_csrf=False)  # makes the tables and the keys
            return opened

        cases: list[Case] = []
        for threads in (1, _MANY):
            cases.append(_at_the_store(names.STORE_CREATE, core(f"store-{threads}"), threads, alone=False))
            cases.append(_at_the_core(core(f"core-{threads}"), threads))
            cases.append(_logins(core(f"login-{threads}"), threads))
        cases.append(_at_the_store(names.STORE_CREATE_ALONE, core("alone"), _MANY, alone=True))
        cases.append(_in_batches(core("batches")))
        cases.append(stack.enter_context(fsync_case(folder / "fsync-of-creates")))
        yield cases


def _at_the_store(name: str, core: EmbeddedCore, threads: int, *, alone: bool) -> Team:
    like, one_at_a_time = _record_of(core), threading.Lock()

    def worker(_: int) -> Callable[[int], None]:
        def work(count: int) -> None:
            for another in _records(like, count):
                if alone:
                    with one_at_a_time:
                        core.store.create(another, "{}")
                else:
                    core.store.create(another, "{}")

        return work

    return Team(names.with_threads(name, threads), threads, worker)


def _in_batches(core: EmbeddedCore) -> Team:
    """What no hand-over between threads could be faster than: one thread that has all the rows."""
    database = core.store._database  # type: ignore[attr-defined]
    like = _record_of(core)

    def work(count: int) -> None:
        records = _records(like, count)
        while some := [row(record) for record in islice(records, _MANY)]:
            database.write(lambda connection, rows=some: connection.executemany(INSERT, rows))

    return Team(names.with_threads(names.STORE_CREATE_BATCHES, 1), 1, lambda _: work)


def _record_of(core: EmbeddedCore) -> SessionRecord:
    """That of its one session."""
    [handle] = core.session_handles(USER_ID)
    found = core.store.get(handle, 0)
    assert found is not None
    return found.record


def _records(like: SessionRecord, count: int) -> Iterator[SessionRecord]:
    return (replace(like, handle=str(uuid4())) for _ in range(count))


def _at_the_core(core: EmbeddedCore, threads: int) -> Team:
    def worker(_: int) -> Callable[[int], None]:
        def work(count: int) -> None:
            for _ in range(count):
                core.create_session(USER_ID, PAYLOAD, {}, anti_csrf=False)

        return work

    return Team(names.with_threads(names.CORE_CREATE, threads), threads, worker)


def _logins(core: EmbeddedCore, threads: int) -> Team:
    app = sessions_app(core)

    def worker(_: int) -> Callable[[int], None]:
        client = Client(app)

        def work(count: int) -> None:
            for _ in range(count):
                require_ok([client(browser_request("POST", "/login"))])

        return work

    return Team(names.with_threads(names.LOGIN, threads), threads, worker)
