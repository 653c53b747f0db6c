# SPDX-License-Identifier: Apache-2.0
"""PgBouncer in transaction mode, as Debian has it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .server import PostgresServer, free_port

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

_CONFIG = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
"""


class Pooler:
    """A pooler in front of `server`, which has `size` sessions there for all clients of a database."""

    def __init__(self, server: PostgresServer, size: int = 4) -> None:
        assert PROGRAM is not None
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="supertokens-pooler-"))
        self._folder.chmod(0o755)
        config = self._folder / "pgbouncer.ini"
        config.write_text(_CONFIG.format(server=server.port, port=self.port, size=size))
        user = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen([PROGRAM, str(config)], stdout=log, stderr=log, cwd="/", **user)  # type: ignore[call-overload]
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.01)
            else:
                return

    def end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)
