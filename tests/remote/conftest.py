# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.clocked import Services, SharedClock


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    running = Services(tmp_path_factory.mktemp("services"))
    yield running
    running.stop()


@pytest.fixture
def clock(services: Services) -> SharedClock:
    """The clock of this process and of all services."""
    return services.clock
