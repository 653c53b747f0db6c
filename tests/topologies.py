# SPDX-License-Identifier: Apache-2.0
"""Where the core runs, for the tests of integrations: inside the app, or in a real service, on one store or another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.remote import RemoteCore
from supertokens.remote.client import CoreClient
from supertokens.testing import FakeClock, IntegrationContract

from .matrix import COVERED, PLACES, is_whole
from .service.clocked import Services, core_settings

__all__ = ["clock", "make_core", "no_service_is_asked_on_the_loop", "pytest_generate_tests", "topology"]

_STORES: Final = {"embedded": "store", "app_sqlite": "sqlite_of_apps", "app_postgres": "postgres_of_apps"}
_SERVICES: Final = {"remote": "services", "service_sqlite": "services", "service_postgres": "services_on_postgres"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What an app does is tested with the core inside of it and with a real service, unless a test says why not.

    What every integration has to show is tested on each store, too, where the whole matrix is wanted.
    """
    if "make_core" in metafunc.fixturenames:
        only_embedded = metafunc.definition.get_closest_marker("embedded_only")
        where = ["embedded"] if only_embedded else ["embedded", "remote"]
        if metafunc.cls is not None and issubclass(metafunc.cls, IntegrationContract):
            where = [*PLACES] if is_whole() else [*where, *COVERED.get(metafunc.cls.__name__, ())]
        metafunc.parametrize("topology", where, indirect=True)


@pytest.fixture
def topology(request: pytest.FixtureRequest) -> str:
    """Where the core runs: "embedded" and "remote" have the store of their folder's tests, others one of `PLACES`."""
    return str(getattr(request, "param", "embedded"))


@pytest.fixture
def clock(topology: str, request: pytest.FixtureRequest) -> FakeClock:
    if topology in _STORES:
        return FakeClock()
    services: Services = request.getfixturevalue(_SERVICES[topology])
    return services.clock_of_a_test()


@pytest.fixture
def make_core(topology: str, clock: FakeClock, request: pytest.FixtureRequest) -> Callable[..., tuple[Core, Any]]:
    """The core that goes with options, and what of the options the app is told."""
    if topology in _STORES:
        store = request.getfixturevalue(_STORES[topology])
        return lambda **options: (EmbeddedCore(Config(**options), store, clock=clock), options)
    services: Services = request.getfixturevalue(_SERVICES[topology])
    services.forget_sessions()

    def remote(**options: Any) -> tuple[Core, Any]:
        of_core, of_app = core_settings(options)
        of_app["hosts"] = services.with_settings(**of_core).url
        return RemoteCore(Config(**of_app), clock=clock), of_app

    return remote


@pytest.fixture
def no_service_is_asked_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a `StillStore` in the app looks after itself."""
    send = CoreClient._send

    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        assert asyncio._get_running_loop() is None, "a service was asked on the event loop"
        return send(self, *args, **kwargs)

    monkeypatch.setattr(CoreClient, "_send", checked)
