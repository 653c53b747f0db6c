# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .running import Service

StartService = Callable[..., Service]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the default configuration, for all tests of a module: they use users of their own."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[StartService]:
    """Starts services as `Service` does, in the test's folder, and ends them after the test."""
    started: list[Service] = []

    def start(config: dict[str, Any] | None = None, **more: Any) -> Service:
        running = Service(tmp_path, config, **more)
        started.append(running)
        return running.start()

    yield start
    for running in started:
        running.kill()
