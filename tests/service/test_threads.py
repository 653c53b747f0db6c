# SPDX-License-Identifier: Apache-2.0
"""Threads that work for a loop: what they return and raise reaches whoever asked, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from supertokens.service.threads import Threads

WITHIN = 20.0  # seconds


def on_a_loop(count: int, use: Callable[[Threads], Awaitable[None]]) -> None:
    async def run() -> None:
        threads = Threads(count)
        threads.start(asyncio.get_running_loop())
        try:
            async with asyncio.timeout(WITHIN):
                await use(threads)
        finally:
            threads.stop()

    with ThreadPoolExecutor(1) as other:  # the browser tests leave a loop running in the main thread
        other.submit(lambda: asyncio.run(run())).result()


def test_each_caller_gets_what_its_own_call_returned() -> None:
    async def use(threads: Threads) -> None:
        assert await asyncio.gather(*(threads.run(pow, number, 2) for number in range(1000))) == [
            number**2 for number in range(1000)
        ]

    on_a_loop(4, use)


def test_what_is_raised_in_a_thread_is_raised_where_it_was_asked_for() -> None:
    async def use(threads: Threads) -> None:
        failing, fine = threads.run(int, "not a number"), threads.run(int, "1")
        with pytest.raises(ValueError, match="not a number"):
            await failing
        assert await fine == 1

    on_a_loop(1, use)


def test_as_many_calls_run_at_a_time_as_there_are_threads() -> None:
    async def use(threads: Threads) -> None:
        together = threading.Barrier(3)
        waits = [threads.run(together.wait, WITHIN) for _ in range(3)]
        assert sorted(await asyncio.gather(*waits)) == [0, 1, 2]

    on_a_loop(3, use)


def test_a_caller_that_has_gone_costs_no_other_its_result() -> None:
    async def use(threads: Threads) -> None:
        go = threading.Event()
        gone, stays = threads.run(go.wait, WITHIN), threads.run(int, "1")
        gone.cancel()
        go.set()
        assert await stays == 1
        assert await threads.run(int, "2") == 2

    on_a_loop(1, use)


def test_what_was_asked_for_before_the_stop_is_done() -> None:
    done: list[int] = []

    async def use(threads: Threads) -> None:
        for number in range(20):
            threads.run(done.append, number)

    on_a_loop(1, use)
    assert done == list(range(20))
