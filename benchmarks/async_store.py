# SPDX-License-Identifier: Apache-2.0
"""Would an asynchronous twin of the store on PostgreSQL be worth it?

Refreshes that are asked for at the same time, each two statements: by a bounded thread pool, and by psycopg's
AsyncConnection, in turns on one event loop and one server.

    python -m benchmarks.async_store

Needs the tools for work on the project: `make check` makes their environment. Nothing is kept; docs/performance.md has
the figures.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, closing
from typing import Any, Final

import psycopg
from msgspec.structs import replace
from tests.postgres.server import running_server

from benchmarks.records import new_record
from supertokens.engine.session import SessionRecord
from supertokens.stores import postgres as statements
from supertokens.stores.base import Store
from supertokens.stores.opening import open_store
from supertokens.stores.postgres_rows import record_of, values_of

CONCURRENT: Final = 64
CONNECTIONS: Final = 10  # and threads
EACH: Final = 10  # refreshes of one client, one after the other
ROUNDS: Final = 20

Refresh = Callable[[str], Awaitable[None]]


def child_of(record: SessionRecord) -> SessionRecord:
    return replace(record, lineage=record.lineage._replace(newest=record.lineage.newest + 1))


def by_threads(store: Store, stack: ExitStack) -> Refresh:
    """Return a refresh by the store, in one of as many threads as there are connections."""
    threads = stack.enter_context(ThreadPoolExecutor(CONNECTIONS))

    def work(handle: str) -> None:
        found = store.get(handle, 0)
        assert found is not None
        assert store.rotate(found.record, child_of(found.record), durable=False)

    async def refresh(handle: str) -> None:
        await asyncio.get_running_loop().run_in_executor(threads, work, handle)

    return refresh


async def by_connections(url: str, stack: AsyncExitStack) -> Refresh:
    """Return a refresh by the same two statements on one of as many connections, with no store around it."""
    idle: asyncio.LifoQueue[psycopg.AsyncConnection[Any]] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        opened = await psycopg.AsyncConnection.connect(url, autocommit=True)
        stack.push_async_callback(opened.close)
        idle.put_nowait(opened)

    async def refresh(handle: str) -> None:
        connection = await idle.get()
        values = {"handle": handle, "now": None}
        row = await (await connection.execute(statements._GET, values, prepare=True)).fetchone()
        assert row is not None
        found = record_of(handle, row[:-1])
        was = {f"was_{name}": value for name, value in (*found.lineage._asdict().items(), ("handle", handle))}
        changed = values_of(child_of(found)) | was
        done = await connection.execute(statements._ROTATE_HASTILY, changed, prepare=True)
        assert done.rowcount == 1
        idle.put_nowait(connection)

    return refresh


async def per_second(refresh: Refresh, handles: list[str]) -> float:
    """Return how many refreshes are done in a second, if as many are wanted at once as there are `handles`."""

    async def client(handle: str) -> None:
        for _ in range(EACH):
            await refresh(handle)

    start = time.perf_counter()
    await asyncio.gather(*map(client, handles))
    return len(handles) * EACH / (time.perf_counter() - start)


async def compare(store: Store, url: str, handles: list[str]) -> None:
    """Measure both in turns, and print what was found."""
    with ExitStack() as stack:
        async with AsyncExitStack() as connections:
            ways = {"threads": by_threads(store, stack), "AsyncConnection": await by_connections(url, connections)}
            rates: dict[str, list[float]] = {name: [] for name in ways}
            for number in range(ROUNDS + 1):
                for name in list(ways)[:: 1 if number % 2 else -1]:
                    rate = await per_second(ways[name], handles)
                    if number:  # not the first round, which warms up
                        rates[name].append(rate)
    for name, found in rates.items():
        print(f"{name}: {statistics.median(found):,.0f} refreshes per second")
    ratios = [one / other for one, other in zip(rates["AsyncConnection"], rates["threads"], strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    print(f"AsyncConnection has {median:.2f} of the throughput of threads ({low:.2f} … {high:.2f})")


def main() -> None:
    with running_server() as server, closing(open_store(server.url(), pool_size=CONNECTIONS)) as store:
        records = [new_record() for _ in range(CONCURRENT)]
        for record in records:
            store.create(record, "{}")
        asyncio.run(compare(store, server.url(), [record.handle for record in records]))


if __name__ == "__main__":
    main()
