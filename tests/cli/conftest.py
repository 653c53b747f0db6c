# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("click", reason="install the extra: pip install 'supertokens-sessions[cli]'")

from click.testing import CliRunner, Result

from supertokens.cli.commands import supertokens
from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import KeysOnce

Run = Callable[..., Result]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a command finds around it: nothing of whoever runs the tests, and a state folder of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SUPERTOKENS_", "COLUMNS", "LINES"))}
    return kept | {"SUPERTOKENS_STATE_FOLDER": str(tmp_path / "state")}


@pytest.fixture
def run(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in this process, in a folder without anything; nobody is there to be asked."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SUPERTOKENS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SUPERTOKENS_STATE_FOLDER", environment["SUPERTOKENS_STATE_FOLDER"])

    def run(*arguments: object, **environ: str) -> Result:
        return CliRunner().invoke(
            supertokens, [str(each) for each in arguments], env=environ, catch_exceptions=False, prog_name="supertokens"
        )

    return run


@pytest.fixture
def command(environment: dict[str, str], tmp_path: Path) -> Iterator[Command]:
    """Runs a command as a process of its own; services that are still running are ended with the test."""

    def command(*arguments: object, python: tuple[str, ...] = (), **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *(python or ("-m", "supertokens.cli")), *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment | environ,
            stdin=subprocess.DEVNULL,
            timeout=90,
            check=False,
        )

    yield command
    command("stop")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[EmbeddedCore]:
    """The engine on `sessions.sqlite3`, as an app has it."""
    store = SqliteStore(tmp_path / "sessions.sqlite3", synchronous="normal")
    KeysOnce.put_into(store, system_clock() - 3_600_000)
    core = EmbeddedCore(Config(), store)
    yield core
    core.close()


@pytest.fixture
def database(core: EmbeddedCore, tmp_path: Path) -> str:
    """The option that names the database of `core`."""
    return f"--database={tmp_path / 'sessions.sqlite3'}"
