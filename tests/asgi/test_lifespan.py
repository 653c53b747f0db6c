# SPDX-License-Identifier: Apache-2.0
"""The store is opened by the first request that needs it, and closed at the end of the lifespan."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from supertokens.asgi import SuperTokens, create_new_session
from supertokens.asgi.requests import ASGIApp, Message, Receive, Scope, Send
from supertokens.config import ConfigError
from supertokens.core import EmbeddedCore

from .calling import call, http_scope, reply_of, responding
from .conftest import Around


async def log_in(scope: Scope) -> str:
    return (await create_new_session(scope, "ada")).get_user_id()


def with_lifespan(app: ASGIApp, ended: str = "lifespan.shutdown.complete") -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": ended})

    return application


async def serve(app: ASGIApp, requests: int) -> list[Message]:
    """Do what a server does: start the lifespan, send requests, end it."""
    events: asyncio.Queue[Message] = asyncio.Queue()
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    lifespan = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, events.get, send))  # type: ignore[arg-type]
    events.put_nowait({"type": "lifespan.startup"})
    for _ in range(requests):
        assert reply_of(await call(app, http_scope("POST", "/login"))).status == 200
    events.put_nowait({"type": "lifespan.shutdown"})
    await lifespan
    return sent


@pytest.mark.parametrize("ended", ["lifespan.shutdown.complete", "lifespan.shutdown.failed"])
def test_the_store_is_opened_on_first_use_and_closed_at_the_end(tmp_path: Path, ended: str) -> None:
    file = tmp_path / "sessions.sqlite3"
    sessions = SuperTokens(with_lifespan(responding(log_in), ended), database=file)

    async def main() -> None:
        assert [message["type"] for message in await serve(sessions, 0)] == ["lifespan.startup.complete", ended]
        assert not file.exists()
        await serve(sessions, 1)
        assert file.exists()
        assert open_files_of(file) == []
        await serve(sessions, 1)  # a server that begins again
        assert len(await sessions.get_all_session_handles_for_user("ada")) == 2
        await sessions.close()
        assert open_files_of(file) == []

    asyncio.run(main())


def open_files_of(file: Path) -> list[str]:
    """Return the descriptors of this process that are open on a database."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return []
    links = []
    for descriptor in folder.iterdir():
        try:
            links.append(os.readlink(descriptor))
        except FileNotFoundError:  # that of the listing itself
            continue
    return [link for link in links if link.startswith(str(file))]


def test_a_core_of_the_callers_own_is_left_open(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []
    monkeypatch.setattr(EmbeddedCore, "close", closed.append)
    sessions = around(with_lifespan(responding(log_in)))
    asyncio.run(serve(sessions, 1))
    assert closed == []


def test_an_application_that_knows_no_lifespan_says_so_to_the_server(around: Around) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await responding(log_in)(scope, receive, send)

    sessions = around(app)

    async def main() -> None:
        for kind in ("lifespan", "something new"):
            with pytest.raises(NotImplementedError, match=kind):
                await sessions({"type": kind}, asyncio.Queue().get, asyncio.Queue().put)
        assert reply_of(await call(sessions, http_scope("POST", "/login"))).status == 200
        await sessions.close()

    asyncio.run(main())


APP = """
import asyncio
from pathlib import Path

from supertokens.asgi import SuperTokens

async def app(scope, receive, send):
    ...

sessions = SuperTokens(app)
if __name__ == "__main__":
    asyncio.run(sessions.get_all_session_handles_for_user("ada"))
"""


def test_an_app_that_names_no_database_keeps_it_beside_its_module(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for file in (tmp_path / "main.py", tmp_path / "shop" / "web.py"):
        file.write_text(APP, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUPERTOKENS_")}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip

    assert run("main.py").returncode == 0
    assert (tmp_path / "instance" / "supertokens.sqlite3").exists()
    refused = run("-m", "shop.web")
    assert refused.returncode == 1
    assert "has the sessions of another app, 'main.py', and this is 'shop/web.py'" in refused.stderr
    assert run("main.py").returncode == 0


def test_a_log_in_page_is_named_by_its_path() -> None:
    with pytest.raises(ConfigError, match="must be a path"):
        SuperTokens(responding(log_in), login_url="login")


@pytest.mark.parametrize(("threads", "max_waiting"), [(0, 1), (-1, 1), (1, -1)])
def test_there_is_at_least_one_thread(threads: int, max_waiting: int) -> None:
    with pytest.raises(ValueError, match="threads has to be at least 1"):
        SuperTokens(responding(log_in), threads=threads, max_waiting=max_waiting)


def test_a_forked_child_starts_threads_of_its_own(around: Around) -> None:
    """As a server does whose master has run the application before it forks its workers."""
    sessions = around(responding(log_in))

    async def main() -> None:
        assert reply_of(await call(sessions, http_scope("POST", "/login"))).status == 200

    asyncio.run(main())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that this process has threads is the point
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.run(asyncio.wait_for(main(), 20))
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    asyncio.run(sessions.close())
