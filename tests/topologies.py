# SPDX-License-Identifier: Apache-2.0
"""Both topologies, for the tests of integrations: the core inside the app, and a real service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.remote import RemoteCore
from supertokens.remote.calls import Calls
from supertokens.testing import FakeClock

from .service.clocked import Services, core_settings

__all__ = ["clock", "make_core", "no_service_is_asked_on_the_loop", "pytest_generate_tests", "topology"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What an app does is tested with the core inside of it and with a real service, unless a test says why not."""
    if "make_core" in metafunc.fixturenames:
        only_embedded = metafunc.definition.get_closest_marker("embedded_only")
        metafunc.parametrize("topology", ["embedded"] if only_embedded else ["embedded", "remote"], indirect=True)


@pytest.fixture
def topology(request: pytest.FixtureRequest) -> str:
    """Where the core runs."""
    return str(getattr(request, "param", "embedded"))


@pytest.fixture
def clock(topology: str, request: pytest.FixtureRequest) -> FakeClock:
    if topology == "embedded":
        return FakeClock()
    services: Services = request.getfixturevalue("services")
    return services.clock_of_a_test()


@pytest.fixture
def make_core(topology: str, clock: FakeClock, request: pytest.FixtureRequest) -> Callable[..., tuple[Core, Any]]:
    """The core that goes with options, and what of the options the app is told."""
    if topology == "embedded":
        store = request.getfixturevalue("store")
        return lambda **options: (EmbeddedCore(Config(**options), store, clock=clock), options)
    services: Services = request.getfixturevalue("services")
    services.forget_sessions()

    def remote(**options: Any) -> tuple[Core, Any]:
        of_core, of_app = core_settings(options)
        of_app["hosts"] = services.with_settings(**of_core).url
        return RemoteCore(Config(**of_app), clock=clock), of_app

    return remote


@pytest.fixture
def no_service_is_asked_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a `StillStore` in the app looks after itself."""
    send = Calls._send

    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        assert asyncio._get_running_loop() is None, "a service was asked on the event loop"
        return send(self, *args, **kwargs)

    monkeypatch.setattr(Calls, "_send", checked)
