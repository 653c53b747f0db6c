# SPDX-License-Identifier: Apache-2.0
"""The servers that people use: processes, threads and greenlets that ask at once, and an end that loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.real_servers import check_end, check_sessions, serving

APP: Final = "tests.wsgi.served:application"
GUNICORN: Final = ("gunicorn", APP, "--bind", "127.0.0.1:{port}", "--workers", "2")
SERVERS: Final = {
    "gunicorn": GUNICORN,
    "gunicorn with threads": (*GUNICORN, "--worker-class", "gthread", "--threads", "8"),
    "gunicorn with gevent": (*GUNICORN, "--worker-class", "gevent"),
    "waitress": ("waitress", "--listen", "127.0.0.1:{port}", APP),
    "granian": ("granian", APP, "--interface", "wsgi", "--port", "{port}", "--no-log"),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", SERVERS.values(), ids=SERVERS)
def test_a_server_has_sessions(command: tuple[str, ...], tmp_path: Path) -> None:
    with serving(command, tmp_path) as server:
        check_sessions(server)
        check_end(server)
