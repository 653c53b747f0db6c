# SPDX-License-Identifier: Apache-2.0
"""Writes of two worker processes on one SQLite file beside those of a single one: throughput, and the slowest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import names
from benchmarks.core_service import running_service
from benchmarks.records import add_sessions, new_record
from benchmarks.rounds import Case
from benchmarks.service import Posts, new_sessions

__all__ = ["worker_cases"]

_WORKERS: Final = (1, 2)
_VERSION: Final = "5.4"


@contextmanager
def worker_cases(folder: Path) -> Iterator[list[Case]]:
    """Two services side by side, of which one at a time is asked, as fast as it answers."""
    with ExitStack() as stack:
        cases: list[Case] = []
        for workers in _WORKERS:
            place = folder / f"workers-{workers}"
            place.mkdir()
            service = stack.enter_context(running_service(place, workers=str(workers)))
            if len(service.memory_of_workers()) != workers:
                raise RuntimeError(f"a service that was to have {workers} workers has others")
            url = f"http://127.0.0.1:{service.port}/recipe/session"
            create = names.with_workers(names.WORKERS_CREATE, workers)
            revoke = names.with_workers(names.WORKERS_REVOKE, workers)
            database = place / "service.sqlite3"
            cases += Posts(create, url, _VERSION, _complete(new_sessions), once=False).cases()
            cases += Posts(revoke, f"{url}/remove", _VERSION, _revocations(database), once=True).cases()
        yield cases


def _complete(bodies: Callable[[int], Sequence[dict[str, Any]]]) -> Callable[[int], Sequence[dict[str, Any]]]:
    more = {"enableAntiCsrf": False, "useDynamicSigningKey": True}
    return lambda count: [body | more for body in bodies(count)]


def _revocations(database: Path) -> Callable[[int], Sequence[dict[str, Any]]]:
    """Each of a session that is there, put into the file beside the service."""

    def bodies(count: int) -> Sequence[dict[str, Any]]:
        records = [new_record() for _ in range(count)]
        add_sessions(database, records)
        return [{"sessionHandles": [record.handle]} for record in records]

    return bodies
