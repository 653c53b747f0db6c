# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .core_contract import CoreContract, MakeCore, OtherProcess


class TestEmbeddedCore(CoreContract):
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def make_core(self, store: SqliteStore, clock: FakeClock) -> MakeCore:
        return lambda **settings: EmbeddedCore(Config(**self.settings, **settings), store, clock=clock)

    @pytest.fixture
    def new_core(self, tmp_path: Path, clock: FakeClock) -> MakeCore:
        def make(**settings: Any) -> Core:
            store = SqliteStore(tmp_path / "new.sqlite3", synchronous="normal")
            return EmbeddedCore(Config(**self.settings, **settings), store, clock=clock)

        return make

    @pytest.fixture
    def other_process(self, clock: FakeClock) -> OtherProcess:
        return lambda core: EmbeddedCore(Config(**self.settings), core.store, clock=clock)  # type: ignore[attr-defined]

    @pytest.fixture
    def drop_keys(self, other_process: OtherProcess, clock: FakeClock) -> Callable[[Core], None]:
        def drop(core: Core) -> None:
            other_process(core).keys.rotate(clock(), drop_old=True)  # type: ignore[attr-defined]

        return drop


class TestEmbeddedCoreThatSignsWithEs256(TestEmbeddedCore):
    settings: ClassVar[dict[str, Any]] = {"access_token_signing_algorithm": "ES256"}
