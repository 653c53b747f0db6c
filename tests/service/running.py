# SPDX-License-Identifier: Apache-2.0
"""A service in processes of its own, for tests: start with a configuration, kill, stop, start again.

with Service(tmp_path, {"enable_anti_csrf": True}) as service:
    reply = service.request("POST", "/recipe/session", {...}, version="5.4")
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

__all__ = ["Answer", "Service", "without_room_on_the_disk"]

_MAIN = """
import json, logging, os, sys
from supertokens.config import Config
from supertokens.service import Limits, serve
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
given = json.loads(sys.argv[1])
serve(
    Config(**given["config"]),
    ready=lambda port: os.write(1, b"%d\\n" % port),
    config_path=given["config_path"],
    limits=Limits(**given["limits"]),
)
"""
START_WITHIN = 30.0  # seconds
STOP_WITHIN = 20.0  # seconds


class Answer(NamedTuple):
    """A reply: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Service:
    """A service on a free port of 127.0.0.1, its database and log in `folder`.

    `config`: keys of Config. `limits`: of `supertokens.service.Limits`. The port stays the same over a restart.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any] | None = None,
        *,
        limits: Mapping[str, float] | None = None,
        config_path: str | None = None,
        api_key: str | None = None,
    ) -> None:
        self.folder = folder
        self.port = _free_port()
        self.config: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "workers": 1,
            "database": f"sqlite:///{folder / 'sessions.sqlite3'}",
            **(config or {}),
        }
        self.port = self.config["port"]
        self.limits = dict(limits or {})
        self.config_path = config_path
        self.api_key = api_key
        self.log = folder / f"service-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        """Start it, and wait until it accepts requests. Says what it logged if it does not come up."""
        given = json.dumps({"config": self.config, "config_path": self.config_path, "limits": self.limits})
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SUPERTOKENS_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, given],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        output = select.poll()  # which, other than select(), takes file descriptors above 1023
        output.register(self._process.stdout, select.POLLIN | select.POLLHUP)
        if not output.poll(START_WITHIN * 1000) or not self._process.stdout.readline():
            self.kill()
            raise AssertionError(f"the service did not start:\n{self.log.read_text()}")
        return self

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM), without waiting."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end; its exit status."""
        assert self._process is not None
        status = self._process.wait(STOP_WITHIN)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    def stop(self) -> int:
        self.terminate()
        return self.wait()

    def kill(self) -> None:
        """End all its processes at once (SIGKILL)."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process is not None:
            self.wait()

    def restart(self) -> Self:
        """Start it again, on the same port and database."""
        self.kill()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.kill()

    def worker_pids(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children]

    def connection(self, timeout: float = 20.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        version: str | None = "5.4",
        headers: Sequence[tuple[str, str | bytes]] = (),
        query: Mapping[str, str] | None = None,
        timeout: float = 20.0,
    ) -> Answer:
        """One request on a connection of its own. `body`: bytes as they are, anything else as JSON.

        A header `host` takes the place of the usual one; several may be given.
        """
        connection = self.connection(timeout)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.putrequest(
                method,
                f"{path}?{urlencode(query)}" if query else path,
                skip_host=any(name.lower() == "host" for name, _ in headers),
                skip_accept_encoding=True,
            )
            if version is not None:
                connection.putheader("cdi-version", version)
            if self.api_key is not None:
                connection.putheader("api-key", self.api_key)
            for name, value in headers:
                connection.putheader(name, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            reply = connection.getresponse()
            names = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, names, reply.read())
        finally:
            connection.close()

    def create(self, user_id: str = "user", payload: object = None, data: object = None, **more: object) -> Any:
        """A session by the modern family: the reply as it came."""
        body = {"userId": user_id, "userDataInJWT": payload or {}, "userDataInDatabase": data or {}}
        reply = self.request("POST", "/recipe/session", body | {"enableAntiCsrf": False} | more)
        assert reply.status == 200, reply.text
        return reply.json()


@contextmanager
def without_room_on_the_disk(service: Service) -> Iterator[None]:
    """No worker can write to a file any more, as when the disk is full."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in service.worker_pids()}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
