# SPDX-License-Identifier: Apache-2.0
"""ASGI applications with sessions: in both topologies, and on a store that can stand still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from supertokens.asgi import SuperTokens
from supertokens.asgi.requests import ASGIApp
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.testing import FakeClock, KeysOnce
from tests.topologies import (
    clock,
    make_core,
    no_service_is_asked_on_the_loop,
    pytest_generate_tests,
    topology,
)

from .still import StillStore

__all__ = [
    "clock", "make_core", "no_service_is_asked_on_the_loop", "pytest_generate_tests", "store", "topology",
]  # fmt: skip

Around = Callable[..., SuperTokens]


@pytest.fixture
def store(clock: FakeClock) -> StillStore:
    store = StillStore()
    KeysOnce.put_into(store, clock())
    return store


@pytest.fixture
def around(store: StillStore, clock: FakeClock) -> Around:
    """Gives an application sessions; its core is open, and has read its keys."""

    def around(app: ASGIApp, *, threads: int = 2, max_waiting: int = 500, routes: bool = False, **options: Any) -> Any:
        core = EmbeddedCore(Config(**options), store, clock=clock)
        sessions = SuperTokens(app, core=core, threads=threads, max_waiting=max_waiting, routes=routes, **options)
        assert sessions.core is core
        core.authentic_access_token("none")
        return sessions

    return around
