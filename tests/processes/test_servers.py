# SPDX-License-Identifier: Apache-2.0
"""Servers that load the application and fork, each in its own way."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from .looking_in import DEADLINE_S, RUNS, check_nothing_lost, look_in

ROOT = Path(__file__).parent.parent.parent
APP = "tests.processes.serving:app"


class Http(http.client.HTTPConnection):
    """HTTP over a socket in the file system, of which no other process of this machine can be the owner."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=DEADLINE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Server:
    """A server that runs, reached at `path`."""

    def __init__(self, path: Path, database: Path) -> None:
        self.path = path
        self.database = database
        self.events: list[dict[str, Any]] = []

    def post(self, url: str) -> dict[str, Any]:
        connection = Http(self.path)
        connection.request("POST", url, headers={"Connection": "close"})
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        assert reply.status == 200, text
        event: dict[str, Any] = json.loads(text)
        self.events.append(event)
        return event

    def log_in_from_many_threads(self, *urls: str) -> None:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(self.post, urls * (24 // len(urls))))

    def said(self, what: str) -> list[Any]:
        return [event[what] for event in self.events if what in event]


@contextmanager
def serving(folder: Path, *command: str, at_import: bool = False) -> Iterator[Server]:
    """Run a server until its last process is killed. `at_import`: the application uses a session while it is loaded."""
    path = folder / "socket"
    command = tuple(word.replace("SOCKET", str(path)).replace("LOG", str(folder / "log")) for word in command)
    environment = os.environ | {"SESSIONS_FOLDER": str(folder), "LOG_IN_AT_IMPORT": "1" if at_import else ""}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(path, folder / "supertokens.sqlite3")
    try:
        wait_for(path, process, folder)
        yield server
    finally:
        pids = {process.pid, *server.said("pid"), *masters(folder / "log")}
        for pid in pids:
            with suppress(ProcessLookupError):
                os.killpg(os.getpgid(pid), signal.SIGKILL)
        process.wait()


def wait_for(path: Path, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(path))
            return
        assert time.monotonic() < deadline, (folder / "output").read_text()
        assert process.poll() in (None, 0), (folder / "output").read_text()


def masters(log: Path) -> set[int]:
    """Return the processes that uWSGI says it has started."""
    text = log.read_text() if log.exists() else ""
    return {int(pid) for pid in re.findall(r"spawned uWSGI .*?\(pid: (\d+)", text)}


GUNICORN = (sys.executable, "-m", "gunicorn", "--bind", "unix:SOCKET", "--workers", "2", APP)
UWSGI = (
    str(Path(sys.executable).with_name("uwsgi")), "--http-socket", "SOCKET", "--module", APP, "--master",
    "--processes", "2", "--need-app", "--daemonize2", "LOG",
)  # fmt: skip

needs_gunicorn = pytest.mark.skipif(
    subprocess.run([sys.executable, "-m", "gunicorn", "--version"], capture_output=True, check=False).returncode != 0,
    reason="install gunicorn and gevent: pip install '.[dev]'",
)
needs_uwsgi = pytest.mark.skipif(
    not Path(UWSGI[0]).exists(), reason="install uWSGI, which needs a C compiler: pip install uwsgi"
)

pytestmark = pytest.mark.xdist_group("servers")


def check_log_ins(server: Server, url: str) -> None:
    """Log in before and after another process has looked in, and again after all were killed."""
    server.log_in_from_many_threads("/login")
    for _ in range(3):
        server.log_in_from_many_threads("/login", "/login", url)
        look_in(server.database)


@needs_gunicorn
@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("more", [
    ("--preload",),
    ("--preload", "--worker-class", "gthread", "--threads", "8"),
    ("--worker-class", "gthread", "--threads", "8"),
    ("--worker-class", "gevent"),
], ids=" ".join)  # fmt: skip
def test_gunicorn_loses_no_log_in(tmp_path: Path, run: int, more: tuple[str, ...]) -> None:
    # A child that a greenlet forks goes on with copies of all other greenlets, which is no way to serve requests.
    url = "/login" if "gevent" in more else "/login-in-a-child"
    with serving(tmp_path, *GUNICORN, *more, at_import=True) as server:
        check_log_ins(server, url)
    assert server.said("hung") == []
    refused = server.said("refused")
    assert len(server.said("created")) + len(refused) == 96
    assert all("multiprocessing" in text for text in refused)
    assert len(refused) < 10, "a fork waits for what is under way, and refuses only what takes longer"
    check_nothing_lost(server.database, set(server.said("created")))


@needs_uwsgi
@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("more", [(), ("--enable-threads", "--threads", "4")], ids=["", "threads"])
def test_uwsgi_refuses_what_was_opened_before_it_forked(tmp_path: Path, run: int, more: tuple[str, ...]) -> None:
    with serving(tmp_path, *UWSGI, *more, at_import=True) as server:
        check_log_ins(server, "/login")
    assert server.said("created") == []
    assert all("lazy-apps" in text for text in server.said("refused"))
    check_nothing_lost(server.database, set())


@needs_uwsgi
@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize(("more", "at_import"), [
    (("--lazy-apps",), True),
    (("--lazy-apps", "--enable-threads", "--threads", "4"), True),
    ((), False),
], ids=["lazy-apps", "lazy-apps threads", "first used in a request"])  # fmt: skip
def test_uwsgi_loses_no_log_in_with_the_cure(tmp_path: Path, run: int, more: tuple[str, ...], at_import: bool) -> None:
    with serving(tmp_path, *UWSGI, *more, at_import=at_import) as server:
        check_log_ins(server, "/login")
    assert server.said("refused") == []
    assert len(server.said("created")) == 96
    check_nothing_lost(server.database, set(server.said("created")))
