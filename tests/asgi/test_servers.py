# SPDX-License-Identifier: Apache-2.0
"""The servers that people use: requests at once, a handshake, and an end that loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.real_servers import WITHIN_S, Server, check_end, check_sessions, serving

APP: Final = "tests.asgi.served:application"
WITHOUT_LIFESPAN: Final = "tests.asgi.served:without_lifespan"
UVICORN: Final = ("uvicorn", APP, "--log-level", "warning", "--port", "{port}")
HYPERCORN: Final = ("hypercorn", "--bind", "127.0.0.1:{port}")
GRANIAN: Final = ("granian", APP, "--port", "{port}", "--no-log")
SERVERS: Final = {
    "uvicorn": (*UVICORN, "--loop", "asyncio"),
    "uvicorn and uvloop": (*UVICORN, "--loop", "uvloop"),
    "hypercorn": (*HYPERCORN, APP),
    "hypercorn and uvloop": (*HYPERCORN, APP, "--worker-class", "uvloop"),
    "granian": (*GRANIAN, "--interface", "asgi", "--loop", "asyncio"),
    "granian and uvloop": (*GRANIAN, "--interface", "asgi", "--loop", "uvloop"),
}
"""The end of the lifespan closes the store."""

WITHOUT: Final = {
    "uvicorn": (*UVICORN, "--lifespan", "off"),
    "hypercorn": (*HYPERCORN, WITHOUT_LIFESPAN),
    "granian": (*GRANIAN, "--interface", "asginl"),
}
"""The server, or the application, knows no lifespan."""


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with serving(request.param, tmp_path) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS, indirect=True)
def test_a_server_has_sessions(server: Server) -> None:
    cookie = check_sessions(server)
    address = f"ws://127.0.0.1:{server.port}/socket"
    with connect(address, additional_headers={"Cookie": cookie}) as opened:
        assert opened.recv(WITHIN_S) == "ada"
    with pytest.raises(InvalidStatus) as refused, connect(address):
        pass
    assert refused.value.response.status_code in (401, 403)
    check_end(server)
    assert not server.database.with_name(f"{server.database.name}-wal").exists(), "the end of the lifespan closed it"


@pytest.mark.slow
@pytest.mark.parametrize("server", WITHOUT.values(), ids=WITHOUT, indirect=True)
def test_a_server_without_lifespan_loses_nothing(server: Server) -> None:
    check_sessions(server)
    check_end(server)
