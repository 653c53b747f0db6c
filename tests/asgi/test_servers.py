# SPDX-License-Identifier: Apache-2.0
"""The servers that people use: requests at once, a handshake, and an end that lets go of the store."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from supertokens.testing import Browser, FakeClock
from tests.conftest import ROOT

APP: Final = "tests.asgi.served:application"
UVICORN: Final = ("uvicorn", APP, "--log-level", "warning", "--port", "{port}")
SERVERS: Final = {
    "uvicorn": (*UVICORN, "--loop", "asyncio"),
    "uvicorn and uvloop": (*UVICORN, "--loop", "uvloop"),
    "hypercorn": ("hypercorn", APP, "--bind", "127.0.0.1:{port}"),
    "hypercorn and uvloop": ("hypercorn", APP, "--bind", "127.0.0.1:{port}", "--worker-class", "uvloop"),
    "granian": ("granian", APP, "--interface", "asgi", "--port", "{port}", "--no-log"),
}
WITHIN_S: Final = 30


class Server(NamedTuple):
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


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    port, database, log = free_port(), tmp_path / "sessions.sqlite3", tmp_path / "log"
    command = [part.format(port=port) for part in SERVERS[request.param]]
    environment = {**os.environ, "DATABASE_OF_THE_TEST": str(database), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    running = Server(port, database, process, log)
    try:
        wait_until_answered(running)
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(WITHIN_S)


def wait_until_answered(server: Server) -> None:
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


@pytest.mark.slow
def test_a_server_has_sessions(server: Server) -> None:
    clock = FakeClock()
    clock.now = round(time.time() * 1000)
    browser = Browser(clock)

    def call(method: str, path: str) -> tuple[int, str]:
        status, headers, text = server.call(method, path, browser.cookie_header(path))
        browser.take(headers)
        return status, text

    assert call("GET", "/me")[0] == 401
    assert call("POST", "/login") == (200, "in")
    assert call("POST", "/session/refresh") == (200, '{"status": "OK"}')
    cookie = browser.cookie_header("/me")
    with ThreadPoolExecutor(16) as browsers:
        answers = list(browsers.map(lambda _: server.call("GET", "/me", cookie)[::2], range(100)))
    assert answers == [(200, "ada")] * 100
    address = f"ws://127.0.0.1:{server.port}/socket"
    with connect(address, additional_headers={"Cookie": cookie}) as opened:
        assert opened.recv(WITHIN_S) == "ada"
    with pytest.raises(InvalidStatus) as refused, connect(address):
        pass
    assert refused.value.response.status_code in (401, 403)
    assert call("POST", "/signout")[0] == 200
    assert call("GET", "/me")[0] == 401
    os.kill(server.process.pid, signal.SIGTERM)
    server.process.wait(WITHIN_S)
    assert not server.database.with_name(f"{server.database.name}-wal").exists(), "the end of the lifespan closed it"
    assert "Traceback" not in server.log.read_text(), server.log.read_text()
