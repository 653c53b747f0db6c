# SPDX-License-Identifier: Apache-2.0
"""What others notice of refreshes that wait for a slow store: a plain endpoint of the same ASGI app, on a real server.

    python -m benchmarks.loop_health [--waiting 200] [--store-s 2] [--seconds 10]

uvicorn runs in a process of its own, on asyncio and on uvloop. Its store takes two seconds for each call, and 200
browsers wait for their refreshes all the while. It needs the package with uvicorn and uvloop: the `dev` extra has them.
Such figures depend on the machine, so no test asserts one: `tests/asgi/test_event_loop.py` counts the turns of the
loop instead.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from benchmarks.environment import ROOT
from supertokens.asgi import SuperTokens, create_new_session
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.memory import MemoryStore

_SLOW_S: Final = "STORE_TAKES_S"
_LOOPS: Final = ("asyncio", "uvloop")
_START_WITHIN_S: Final = 30
_CALLS: Final = frozenset(name for name in vars(MemoryStore) if not name.startswith("_"))


# The application, in the server's process


class SlowStore(MemoryStore):
    """A store in memory whose calls take long from `be_slow` on."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._is_slow = False

    def be_slow(self) -> None:
        self._is_slow = True

    def __getattribute__(self, name: str) -> Any:
        if name in _CALLS and self._is_slow:
            time.sleep(self._seconds)
        return super().__getattribute__(name)


def application() -> SuperTokens:
    """Return an app with `/login`, `/slow`, which makes its store slow, and `/plain`, and the ready-made routes."""
    store = SlowStore(float(os.environ[_SLOW_S]))

    async def app(scope: Any, _: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        if scope["path"] == "/login":
            await create_new_session(scope, "ada")
        elif scope["path"] == "/slow":
            store.be_slow()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return SuperTokens(app, core=EmbeddedCore(Config(), store), routes=True)


# The browsers, in this process


class Browser:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cookies = ""

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, method: str, path: str) -> int:
        """Return the status of the answer, and keep its cookies."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookies}\r\nContent-Length: 0\r\n\r\n"
        self._writer.write(head.encode())
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = [line.partition(": ")[::2] for line in lines[1:] if line]
        await self._reader.readexactly(next(int(value) for name, value in fields if name.lower() == "content-length"))
        pairs = [value.partition(";")[0] for name, value in fields if name.lower() == "set-cookie"]
        self.cookies = "; ".join(pairs) or self.cookies
        return int(lines[0].split()[1])

    def close(self) -> None:
        self._writer.close()


async def measured(port: int, waiting: int, seconds: float) -> dict[str, list[float]]:
    """Return how long each request for the plain endpoint took, in ms: alone, and beside refreshes that wait."""
    plain = Browser(port)
    await plain.open()
    times = {"alone": await _times(plain, seconds)}
    browsers = [Browser(port) for _ in range(waiting)]
    for browser in browsers:
        await browser.open()
        if await browser.ask("POST", "/login") != 200:
            raise RuntimeError("a login was refused")
    await plain.ask("GET", "/slow")
    refreshes = [asyncio.create_task(browser.ask("POST", "/session/refresh")) for browser in browsers]
    await asyncio.sleep(0.5)
    times[f"beside {waiting} refreshes"] = await _times(plain, seconds)
    statuses = [refresh.result() for refresh in refreshes if refresh.done()]
    print(f"  {len(statuses)} of {waiting} refreshes were answered meanwhile: {sorted(set(statuses))}")
    for refresh in refreshes:
        refresh.cancel()
    await asyncio.gather(*refreshes, return_exceptions=True)
    for browser in (plain, *browsers):
        browser.close()
    return times


async def _times(browser: Browser, seconds: float) -> list[float]:
    """Ask every 5 ms, as visitors come, and not as fast as answers do."""
    times: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        if await browser.ask("GET", "/plain") != 200:
            raise RuntimeError("a plain request was refused")
        times.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.005)
    return times


@contextmanager
def serving(loop: str, store_s: float) -> Iterator[int]:
    """Run uvicorn on that loop until the end of the block; give its port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = int(bound.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "benchmarks.loop_health:application", "--factory", "--loop", loop]
    command += ["--port", str(port), "--log-level", "warning"]
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, _SLOW_S: str(store_s)})  # noqa: S603 - our own
    try:
        until = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop_health", description=__doc__)
    parser.add_argument("--waiting", type=int, default=200, help="how many browsers wait for a refresh")
    parser.add_argument("--store-s", type=float, default=2.0, help="how long each call of the store takes")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the plain endpoint is asked")
    options = parser.parse_args()
    for loop in _LOOPS:
        print(f"uvicorn on {loop}, a store that takes {options.store_s:g} s for each call")
        with serving(loop, options.store_s) as port:
            for name, times in asyncio.run(measured(port, options.waiting, options.seconds)).items():
                p50, p99 = _percentile(times, 0.50), _percentile(times, 0.99)
                print(f"  plain endpoint {name}: {len(times)} requests, p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
