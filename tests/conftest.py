# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("supertokens.testing", "tests.core.core_contract")

from supertokens.config import Config  # noqa: E402
from supertokens.core import EmbeddedCore  # noqa: E402
from supertokens.stores.sqlite import SqliteStore  # noqa: E402
from supertokens.testing import FakeClock, KeysOnce  # noqa: E402

from . import matrix, places  # noqa: E402
from .model import tally  # noqa: E402
from .service.clocked import Services  # noqa: E402

ROOT = Path(__file__).parent.parent

# Examples are found by search, so a run may take longer than the last; none of them waits for anything.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("quick", settings.get_profile("default"), max_examples=15)
settings.register_profile("deep", settings.get_profile("default"), max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


SLOW_FOLDERS = {
    "benchmarks", "browser", "cli", "clients", "docs", "integration", "model", "postgres", "processes", "remote",
    "service", "typing",
}  # fmt: skip


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare `make quick` the imports of tests that it would leave out anyway."""
    return True if config.option.markexpr == "not slow" and collection_path.name in SLOW_FOLDERS else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        in_folder = SLOW_FOLDERS & set(item.path.relative_to(ROOT).parts)
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        with_service = (
            "services" in getattr(item, "fixturenames", ()) or params.get("topology", "embedded") != "embedded"
        )
        if in_folder or with_service:
            item.add_marker(pytest.mark.slow)
    # What interrupts a store at every line comes last: a process that forks would wait for what that leaves behind.
    items.sort(key=lambda item: item.path.name == "test_error_reports.py")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteStore]:
    """A SQLite store with keys in it; a power cut is not what these tests are about."""
    made = SqliteStore(tmp_path / "sessions.sqlite3", synchronous="normal")
    KeysOnce.put_into(made, clock())
    yield made
    made.close()


@pytest.fixture
def core(store: SqliteStore, clock: FakeClock) -> EmbeddedCore:
    """A core with the default configuration."""
    return EmbeddedCore(Config(), store, clock=clock)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Service processes on one clock, each started when the first test asks for it."""
    running = Services(tmp_path_factory.mktemp("services"))
    yield running
    running.stop()


def pytest_configure(config: pytest.Config) -> None:
    # Here and not beside the model: over xdist, the process that prints the last lines collects no tests.
    config.pluginmanager.register(tally, "model tally")
    config.pluginmanager.register(matrix, "matrix of integrations")
    config.pluginmanager.register(places, "places of integrations")


@pytest.fixture(autouse=True, scope="module")
def open_files_go_with_their_module() -> Iterator[None]:
    """Collect stores that are in reference cycles: thousands of tests would otherwise keep a thousand files open."""
    yield
    gc.collect()
