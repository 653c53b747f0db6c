# SPDX-License-Identifier: Apache-2.0
"""A Django project with sessions, in both topologies."""

from __future__ import annotations

from .project import set_up

set_up()

from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import ExitStack  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import override_settings  # noqa: E402

from supertokens.config import Config  # noqa: E402
from supertokens.core import EmbeddedCore  # noqa: E402
from supertokens.django.test import Client  # noqa: E402
from supertokens.testing import FakeClock, KeysOnce  # noqa: E402
from tests.asgi.still import StillStore  # noqa: E402
from tests.topologies import (  # noqa: E402
    clock,
    make_core,
    no_service_is_asked_on_the_loop,
    pytest_generate_tests,
    topology,
)

from .project import MIDDLEWARE  # noqa: E402
from .sites import Views, urls  # noqa: E402

__all__ = [
    "Project", "clock", "make_core", "no_service_is_asked_on_the_loop", "pytest_generate_tests", "store", "topology",
]  # fmt: skip

Project = Callable[..., Client]


@pytest.fixture
def store(clock: FakeClock) -> StillStore:
    """A store that no event loop may ask."""
    store = StillStore()
    KeysOnce.put_into(store, clock())
    return store


@pytest.fixture
def project(store: StillStore, clock: FakeClock) -> Iterator[Project]:
    """Make the process's project one of `views` and options, and give a browser in front of it."""
    with ExitStack() as overridden:

        def project(views: Views, *, own: dict[str, Any] | None = None, routes: bool = False, **options: Any) -> Client:
            core = EmbeddedCore(Config(**options), store, clock=clock)
            changed = {"SUPERTOKENS": {"core": core, "routes": routes, **options}, "ROOT_URLCONF": urls(views)}
            overridden.enter_context(override_settings(MIDDLEWARE=MIDDLEWARE, **changed))
            overridden.enter_context(override_settings(**(own or {})))
            return Client()

        yield project


@pytest.fixture(scope="session")
def tables() -> Iterator[None]:
    """The tables of the project's database, in memory as long as a connection is open."""
    call_command("migrate", verbosity=0)
    yield
    connections.close_all()


@pytest.fixture
def database(tables: None) -> Iterator[None]:
    """The project's database, empty but for its tables."""
    yield
    call_command("flush", verbosity=0, interactive=False)
