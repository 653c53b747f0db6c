# SPDX-License-Identifier: Apache-2.0
"""Through a real server: gunicorn with 2 workers of its default kind, wrk, and sockets on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from benchmarks import names
from benchmarks.apps import LoggedIn, open_benchmark_core, sessions_app
from benchmarks.environment import ROOT
from benchmarks.rounds import Case
from benchmarks.wrk import Load, asked, load_cases
from benchmarks.wsgi import HEADERS

__all__ = ["free_port", "server_cases"]

_WORKERS: Final = 2
_START_WITHIN: Final = 20.0  # seconds


@contextmanager
def server_cases(folder: Path) -> Iterator[list[Case]]:
    """Two servers side by side, of which one at a time is asked; both get the same requests, cookies included."""
    core = open_benchmark_core(folder, "served")
    cookies = LoggedIn(sessions_app(core)).cookies
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items() if name != "sRefreshToken")
    core.close()
    headers = {name: value for name, value in HEADERS.items() if name != "Host"} | {"Cookie": cookie}
    database = {"SUPERTOKENS_DATABASE": str(folder / "served.sqlite3")}
    with ExitStack() as stack:
        bare = stack.enter_context(_gunicorn("bare", folder, headers, {}))
        protected = stack.enter_context(_gunicorn("protected", folder, headers, database))
        yield [*_cases(names.SERVER_BARE, bare, headers), *_cases(names.SERVER_PROTECTED, protected, headers)]


def _cases(name: str, url: str, headers: Mapping[str, str]) -> list[Case]:
    """A batch is one run of wrk; it takes whole seconds."""
    options = [word for header, value in headers.items() for word in ("--header", f"{header}: {value}")]
    length = [1]

    def measure() -> Load:
        return asked(name, url, length[0], options)

    def calibrate(seconds: float) -> None:
        measure()
        length[0] = max(1, round(seconds))

    return load_cases(name, measure, calibrate)


@contextmanager
def _gunicorn(application: str, folder: Path, headers: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[str]:
    """The URL of the view that is measured, on a server that ends with the block. `settings`: environment variables."""
    port = free_port()
    log = folder / f"gunicorn-{application}.log"
    command = [
        sys.executable, "-m", "gunicorn", "--workers", str(_WORKERS), "--bind", f"127.0.0.1:{port}",
        "--log-level", "warning", "--log-file", str(log), "--no-control-socket",
        f"benchmarks.served:{application}()",
    ]  # fmt: skip
    environ = {**os.environ, **settings}
    with subprocess.Popen(command, cwd=ROOT, env=environ) as server:  # noqa: S603 - our own arguments
        try:
            _wait_for_answer(port, headers, server, log)
            yield f"http://127.0.0.1:{port}/me"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_answer(port: int, headers: Mapping[str, str], server: subprocess.Popen[bytes], log: Path) -> None:
    """Until a worker answers: the port is open some time before that."""
    deadline = time.monotonic() + _START_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=_START_WITHIN)
        try:
            connection.request("GET", "/me", headers=dict(headers))
            status = connection.getresponse().status
        except OSError:
            time.sleep(0.1)
            continue
        finally:
            connection.close()
        if status == HTTPStatus.OK:
            return
        raise RuntimeError(f"gunicorn answered {status} instead of 200")
    words = log.read_text("utf-8") if log.exists() else ""
    raise RuntimeError(f"gunicorn did not start within {_START_WITHIN:.0f} seconds\n{words}")
