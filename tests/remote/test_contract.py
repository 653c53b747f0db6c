# SPDX-License-Identifier: Apache-2.0
"""The contract of cores, by a `RemoteCore` and a real service process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.remote import RemoteCore
from supertokens.stores.sqlite import SqliteStore
from tests.core.core_contract import CoreContract, MakeCore, OtherProcess
from tests.service.clocked import ClockedService, Services, SharedClock


class TestRemoteCore(CoreContract):
    @pytest.fixture
    def used(self) -> dict[Core, ClockedService]:
        """The service of each core."""
        return {}

    @pytest.fixture
    def connect(self, used: dict[Core, ClockedService], clock: SharedClock) -> Callable[[ClockedService], Core]:
        def connect(service: ClockedService) -> Core:
            core = RemoteCore(Config(hosts=service.url), clock=clock)
            used[core] = service
            return core

        return connect

    @pytest.fixture
    def make_core(self, services: Services, connect: Callable[[ClockedService], Core]) -> MakeCore:
        services.forget_sessions()
        return lambda **settings: connect(services.with_settings(**settings))

    @pytest.fixture
    def new_core(self, services: Services, connect: Callable[[ClockedService], Core]) -> MakeCore:
        return lambda **settings: connect(services.new(**settings))

    @pytest.fixture
    def other_process(
        self, used: dict[Core, ClockedService], connect: Callable[[ClockedService], Core]
    ) -> OtherProcess:
        return lambda core: connect(used[core])

    @pytest.fixture
    def drop_keys(self, used: dict[Core, ClockedService], clock: SharedClock) -> Callable[[Core], None]:
        def drop(core: Any) -> None:
            store = SqliteStore(used[core].database)
            EmbeddedCore(Config(), store, clock=clock).keys.rotate(clock(), drop_old=True)
            store.close()

        return drop
