# SPDX-License-Identifier: Apache-2.0
"""A core service as processes of its own, started by the command line, with its defaults: `supertokens start`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from benchmarks.real_server import free_port

__all__ = ["CoreService", "Memory", "running_service"]

_START_WITHIN: Final = 20.0  # seconds
_LOOK_EVERY: Final = 0.002  # seconds


@dataclass(frozen=True)
class Memory:
    """Bytes of one process. `resident` counts shared pages in full (RSS), `proportional` by its part of them (PSS)."""

    resident: int
    proportional: int


@dataclass(frozen=True)
class CoreService:
    """`ready_after`: seconds from the start of the process to the first reply."""

    port: int
    pid: int
    ready_after: float

    def ask(self, path: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """The reply to a POST. Raises RuntimeError unless it is OK."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_START_WITHIN)
        try:
            connection.request("POST", path, json.dumps(body), {"cdi-version": version})
            reply = connection.getresponse()
            text = reply.read()
        finally:
            connection.close()
        content: dict[str, Any] = json.loads(text) if reply.status == HTTPStatus.OK else {}
        if content.get("status") != "OK":
            raise RuntimeError(f"the service answered {reply.status}")
        return content

    def memory_of_workers(self) -> list[Memory]:
        return [_memory(pid) for pid in _children(self.pid)]


@contextmanager
def running_service(folder: Path, **settings: str) -> Iterator[CoreService]:
    """A service that ends with the block, on the database `service.sqlite3` in `folder`; by `settings` otherwise."""
    port = free_port()
    log = folder / "service.log"
    command = [sys.executable, "-m", "supertokens.cli", "start", "--foreground", "--port", str(port)]
    environ = {
        **os.environ,
        "SUPERTOKENS_DATABASE": str(folder / "service.sqlite3"),
        **{f"SUPERTOKENS_{name.upper()}": value for name, value in settings.items()},
    }
    with log.open("ab") as output:
        start = time.monotonic()
        service = subprocess.Popen(  # noqa: S603 - our own arguments
            command, cwd=folder, env=environ, stdout=output, stderr=output
        )
    with service:
        try:
            _wait_for_reply(port, service, log)
            yield CoreService(port, service.pid, time.monotonic() - start)
        finally:
            service.terminate()
            try:
                service.wait(_START_WITHIN)
            except subprocess.TimeoutExpired:
                service.kill()


def _wait_for_reply(port: int, service: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_WITHIN
    while time.monotonic() < deadline and service.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=_START_WITHIN)
        with suppress(OSError):
            connection.request("GET", "/ready")
            status = connection.getresponse().status
            connection.close()
            if status == HTTPStatus.OK:
                return
            raise RuntimeError(f"the service answered {status}")
        time.sleep(_LOOK_EVERY)
    raise RuntimeError(f"the service did not start within {_START_WITHIN:.0f} seconds\n{log.read_text('utf-8')}")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]


def _memory(pid: int) -> Memory:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
    sizes = {
        name: int(kilobytes) * 1024 for name, kilobytes in re.findall(r"^(Rss|Pss): +(\d+) kB$", text, re.MULTILINE)
    }
    return Memory(resident=sizes["Rss"], proportional=sizes["Pss"])
