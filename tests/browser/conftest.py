# SPDX-License-Identifier: Apache-2.0
"""A real, headless Chromium, and a place for screenshots."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from werkzeug.serving import make_server

from supertokens.testing import FakeClock

from . import website_library
from .deployment import Deploy, Deployment, InService, Inside
from .website_library import Version
from .window import Window

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Names of test hosts, which no resolver knows.
    "--host-resolver-rules=MAP localhost.org 127.0.0.1, MAP *.localhost.org 127.0.0.1",
)


def executable() -> str:
    """Return where Chromium is; without one, the test fails."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("these tests drive a real browser: apt-get install chromium")
    return found


@pytest.fixture(scope="package")  # its event loop runs in this thread, where other packages want one of their own
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """The folder for screenshots, kept after the run."""
    folder = Path(os.environ.get("SUPERTOKENS_TEST_ARTIFACTS", "test-artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def clock() -> FakeClock:
    """A clock that starts now: browsers have one of their own for their cookies."""
    return FakeClock(round(time.time() * 1000))


@pytest.fixture
def browser(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser with a jar of its own, which lets the certificates of tests pass."""
    with closing(chromium.new_context(ignore_https_errors=True)) as opened:
        opened.set_default_timeout(20_000)
        yield opened


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What is stopped after the test."""
    with ExitStack() as stack:
        yield stack


Serve = Callable[[Flask], AbstractContextManager[int]]


@pytest.fixture
def serve() -> Serve:
    """`with serve(app) as port:` — the app on a free port of the loopback interface, each request in a thread."""

    @contextmanager
    def running(app: Flask) -> Iterator[int]:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return running


@pytest.fixture(scope="session")
def libraries() -> dict[Version, str]:
    """The browser library of each generation, as a script."""
    try:
        return website_library.scripts()
    except website_library.NoWebsiteLibraryError as error:
        pytest.fail(str(error))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "deploy" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("both_topologies")
        metafunc.parametrize("topology", ["embedded", "remote"] if both else ["embedded"], indirect=True)


@pytest.fixture
def topology(request: pytest.FixtureRequest) -> str:
    """Where the core runs."""
    return str(request.param)


@pytest.fixture
def deploy(tmp_path: Path, serve: Serve, libraries: dict[Version, str], topology: str) -> Iterator[Deploy]:
    """`deploy(access_token_validity=…, …)` — the contract app, served for the time of the test.

    Its time is that of a `FakeClock`, which starts now: browsers have a clock of their own for their cookies.
    """
    numbers = count(1)
    with ExitStack() as running:

        def start(*, clock: Callable[[], int] | None = None, **keys: Any) -> Deployment:
            folder = tmp_path / f"deployment-{next(numbers)}"
            where = running.enter_context(closing((Inside if topology == "embedded" else InService)(folder, clock)))
            deployment = Deployment(where, libraries, keys)
            deployment.port = running.enter_context(serve(deployment.front))
            return deployment

        yield start


@pytest.fixture
def window(chromium: Browser) -> Iterator[Window]:
    """A fresh browser window. The test fails if its console has said more than is expected."""
    opened = Window(chromium.new_context())
    yield opened
    opened.close()
    assert opened.complaints == []
