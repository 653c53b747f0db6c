# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

pytest.register_assert_rewrite("tests.clients.modern_contract", "tests.clients.visitor")

from tests.service import clocked  # noqa: E402
from tests.service.clocked import ClockedService, Services  # noqa: E402

from .running import App, environment  # noqa: E402
from .visitor import Visitor  # noqa: E402
from .wire import Wire  # noqa: E402

API_KEYS: Final = ("an-old-key-of-many-letters", "a-new-key-of-many-letters")
_BEHIND: Final = 1_800_000  # milliseconds


class Deployment(NamedTuple):
    """An app, its core, and what passes between them."""

    app: App
    wire: Wire
    service: ClockedService
    services: Services

    def visitor(self, mode: str | None = None) -> Visitor:
        return Visitor(self.app.port, self.services.clock, mode)

    def rotate_keys(self, *options: str) -> None:
        """`supertokens keys rotate`, on the service's database."""
        watch = Path(clocked.__file__).with_name("clocked_process")
        command = ["keys", "rotate", "--database", str(self.service.database), *options]
        subprocess.run(
            [sys.executable, "-m", "supertokens.cli", *command],
            env=os.environ | {"PYTHONPATH": str(watch), "CLOCK_OF_THE_TEST": str(self.services.clock.file)},
            check=True,
            capture_output=True,
        )


Deploy = Callable[..., Deployment]


@pytest.fixture(scope="module")
def client_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services on a clock of their own, half an hour behind that of the SDKs: it can be set forward, and what was
    signed before is still good for them."""
    running = Services(tmp_path_factory.mktemp("client-services"))
    running.clock.now = time.time_ns() // 1_000_000 - _BEHIND
    yield running
    running.stop()


@pytest.fixture(scope="module")
def deploy(sdk: str, client_services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deploy]:
    """`deploy(settings, …)`: a core with those keys, and an app with the rest, until the module is through.

    The app is told the core's address as `core`, or as `hosts` where it is of the 1.0 era.
    """
    with ExitStack() as running:

        def start(settings: dict[str, Any], api_key: str | None = None, **given: Any) -> Deployment:
            service = client_services.new(**settings)
            service.api_key = api_key
            wire = running.enter_context(Wire(service.port))
            address = "hosts" if sdk == "supertokens-flask" else "core"
            given = {address: wire.url, "api_key": api_key, **given}
            app = running.enter_context(App(sdk, tmp_path_factory.mktemp(sdk), **given))
            return Deployment(app, wire, service, client_services)

        yield start


@pytest.fixture(scope="module")
def sdk(request: pytest.FixtureRequest) -> str:
    """The SDK that a module is about: its `SDK`. Skips the module's tests if it is not installed."""
    environment(request.module.SDK)
    return str(request.module.SDK)


@pytest.fixture(scope="module")
def plain(deploy: Deploy) -> Deployment:
    """The defaults of both sides."""
    return deploy({}, anti_csrf=None, dynamic_signing_key=True)


@pytest.fixture(scope="module")
def strict(deploy: Deploy) -> Deployment:
    """API keys, anti-CSRF values, and no grace period."""
    settings = {
        "api_keys": ",".join(API_KEYS),
        "enable_anti_csrf": True,
        "refresh_token_rotation_grace_period": 0,
    }
    return deploy(settings, api_key=API_KEYS[1], anti_csrf="VIA_TOKEN", dynamic_signing_key=True)
