# SPDX-License-Identifier: Apache-2.0
"""Fixtures for tests of apps with sessions. In the `conftest.py` of the tests' root folder:

pytest_plugins = ["supertokens.testing.plugin"]

It has to be enabled explicitly: otherwise pytest would import it in every project of the environment, and add fixtures
with common names to their tests.
"""

from __future__ import annotations

from collections.abc import Callable

try:
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "supertokens.testing.plugin needs pytest: pip install 'supertokens-sessions[testing]'"
    ) from error

from supertokens.config import Options
from supertokens.core import EmbeddedCore
from supertokens.testing.apps import in_memory_core
from supertokens.testing.browser import Browser
from supertokens.testing.clock import FakeClock, SkewedClock
from supertokens.testing.login import login_as as log_client_in
from supertokens.testing.tab import Tab

__all__ = ["browser", "clock", "core", "login_as", "server_clock", "session_options", "tab"]


@pytest.fixture
def clock() -> FakeClock:
    """Return a frozen clock: `clock.advance(hours=2)`."""
    return FakeClock()


@pytest.fixture
def server_clock(clock: FakeClock) -> SkewedClock:
    """Return the clock of the core, which may be skewed from `clock`: `server_clock.skew(minutes=5)`."""
    return SkewedClock(clock)


@pytest.fixture
def session_options() -> Options:
    """Return the settings of the core: none. Override this fixture to return those of your app."""
    return {}


@pytest.fixture
def core(server_clock: SkewedClock, session_options: Options) -> EmbeddedCore:
    """Return a core with `session_options` that keeps its sessions in memory, and uses `server_clock`."""
    return in_memory_core(server_clock, **session_options)


@pytest.fixture
def login_as() -> Callable[..., str]:
    """Return the function `login_as(client, user_id, **payload)`."""
    return log_client_in


@pytest.fixture
def browser(clock: FakeClock, request: pytest.FixtureRequest) -> Browser:
    """Return a browser, on `clock`, connected to the app that your fixture `app` returns."""
    return Browser(clock, request.getfixturevalue("app"))


@pytest.fixture
def tab(browser: Browser) -> Tab:
    """Return a tab of `browser`, on a page of the app."""
    return browser.tab()
