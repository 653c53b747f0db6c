# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.service.clocked import Services, SharedClock


@pytest.fixture
def clock(services: Services) -> SharedClock:
    """The clock of this process and of all services."""
    return services.clock_of_a_test()
