# SPDX-License-Identifier: Apache-2.0
"""Servers that people use, each in a process of its own, and what has to be true with all of them."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import Browser, FakeClock

from .conftest import ROOT

__all__ = ["WITHIN_S", "Server", "check_end", "check_sessions", "serving"]

WITHIN_S: Final = 30


class Server(NamedTuple):
    """A server that runs. Its application has `/`, `/login`, `/me`, and the ready-made routes."""

    port: int
    database: Path
    process: subprocess.Popen[bytes]
    log: Path

    def call(self, method: str, path: str, cookie: str = "") -> tuple[int, list[tuple[str, str]], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        with contextlib.closing(connection):
            connection.request(method, path, headers={"Cookie": cookie, "User-Agent": "test"} if cookie else {})
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read().decode()


@contextmanager
def serving(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run `command`, a module of a server and its arguments, until the end of the block. `{port}` stands for a port."""
    port, database, log = _free_port(), folder / "sessions.sqlite3", folder / "log"
    words = [part.format(port=port) for part in command]
    places = {"DATABASE_OF_THE_TEST": str(database), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=folder, env={**os.environ, **places, **(environment or {})},
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    running = Server(port, database, process, log)
    try:
        _wait_until_answered(running)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(WITHIN_S)


def check_sessions(server: Server) -> str:
    """Log in, refresh, and ask by many threads at once. Return the cookie header of a browser that is logged in."""
    browser = _browser_of_now()
    assert _call(server, browser, "GET", "/me")[0] == 401
    assert _call(server, browser, "POST", "/login") == (200, "in")
    assert _call(server, browser, "POST", "/session/refresh") == (200, '{"status": "OK"}')
    cookie = browser.cookie_header("/me")
    with ThreadPoolExecutor(16) as browsers:
        answers = list(browsers.map(lambda _: server.call("GET", "/me", cookie)[::2], range(100)))
    assert answers == [(200, "ada")] * 100
    return cookie


def check_end(server: Server) -> None:
    """Sign a browser out while another stays, and end the server: the other's session is in its database."""
    leaving, staying = _browser_of_now(), _browser_of_now()
    for browser in (leaving, staying):
        assert _call(server, browser, "POST", "/login") == (200, "in")
    before = set(_handles_in(server.database))
    assert _call(server, leaving, "POST", "/signout")[0] == 200
    assert _call(server, leaving, "GET", "/me")[0] == 401
    os.kill(server.process.pid, signal.SIGTERM)
    server.process.wait(WITHIN_S)
    assert "Traceback" not in server.log.read_text(), server.log.read_text()
    after = set(_handles_in(server.database))
    assert after < before
    assert len(before - after) == 1


def _handles_in(database: Path) -> list[str]:
    with contextlib.closing(SqliteStore(database)) as store:
        return EmbeddedCore(Config(), store).session_handles("ada")


def _browser_of_now() -> Browser:
    clock = FakeClock()
    clock.now = round(time.time() * 1000)
    return Browser(clock)


def _call(server: Server, browser: Browser, method: str, path: str) -> tuple[int, str]:
    status, headers, text = server.call(method, path, browser.cookie_header(path))
    browser.take(headers)
    return status, text


def _wait_until_answered(server: Server) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        assert server.process.poll() is None, server.log.read_text()
        try:
            server.call("GET", "/")
        except OSError:
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
