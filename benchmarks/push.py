# SPDX-License-Identifier: Apache-2.0
"""How late `revocation: push` is: two workers check tokens whose sessions a third process revokes, one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from tests.postgres.server import running_server
from tests.processes.pushing import lags_of_workers

from benchmarks import names
from benchmarks.rounds import Case, Joint

__all__ = ["push_cases"]

_WORKERS: Final = 2
_PAUSE_S: Final = 0.02


@contextmanager
def push_cases(folder: Path, revokes: int = 200) -> Iterator[list[Case]]:
    """Yield the lags on a file in `folder`, and on a server that is started for them, over so many revocations."""
    with running_server() as server:
        numbers = count(1)

        def on_sqlite() -> tuple[float, float]:
            return _lag(str(folder / f"push-{next(numbers)}.sqlite3"), revokes)

        def on_postgres() -> tuple[float, float]:
            database = f"push_{next(numbers)}"
            with server.administrator() as administrator:
                administrator.execute(f"CREATE DATABASE {database}")
            return _lag(server.url(database), revokes)

        yield [
            *Joint.cases(_percentiles(names.PUSH_LAG_SQLITE), on_sqlite),
            *Joint.cases(_percentiles(names.PUSH_LAG_POSTGRES), on_postgres),
        ]


def _percentiles(name: str) -> tuple[str, str]:
    return names.p50(name), names.p99(name)


def _lag(database: str, revokes: int) -> tuple[float, float]:
    """Return the median, and what 99 of 100 stay below (µs)."""
    with tempfile.TemporaryDirectory() as folder:
        lags = lags_of_workers(database, Path(folder), workers=_WORKERS, revokes=revokes, pause_s=_PAUSE_S)
    return 1e6 * max(lags.percentile(50), 0.0), 1e6 * max(lags.percentile(99), 0.0)
