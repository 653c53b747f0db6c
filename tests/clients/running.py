# SPDX-License-Identifier: Apache-2.0
"""The apps of this folder in processes of their own, each in the environment that `make clients` has made for it."""

from __future__ import annotations

import json
import os
import select
import subprocess
from pathlib import Path
from typing import Any, Final, Self

import pytest

__all__ = ["LOOPBACK_ONLY", "App", "environment"]

HERE: Final = Path(__file__).parent
ENVIRONMENTS: Final = HERE.parent.parent / ".venv-clients"
LOOPBACK_ONLY: Final = HERE / "loopback_only"
"""What keeps an app's process on 127.0.0.1, or tells that it was not there."""
START_WITHIN: Final = 60.0  # seconds: the first start of a fresh environment compiles a good deal of Python
STOP_WITHIN: Final = 10.0  # seconds


def environment(sdk: str) -> Path:
    """The folder of its environment. Skips the test where there is none; fails it where CI is set."""
    folder = ENVIRONMENTS / sdk
    if not folder.with_name(f"{sdk}.stamp").exists():
        what = "Node.js with npm, and the npm registry" if sdk == "supertokens-node" else "the Python package index"
        why = f"the real {sdk} is not installed: run `make clients`, which needs {what}"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    return folder


class App:
    """One of the apps, on a port of its own, with what it said in `log`. It may speak to 127.0.0.1 only."""

    def __init__(self, sdk: str, folder: Path, **given: Any) -> None:
        installed = environment(sdk)
        self.log = folder / "app.log"
        self._left_loopback = folder / "left-loopback"
        self._left_loopback.touch()
        if sdk == "supertokens-node":
            program = ["node", "--require", str(LOOPBACK_ONLY / "watch.js"), str(HERE / sdk / "app.js")]
            more = {"NODE_PATH": str(installed / "node_modules")}
        else:
            program = [str(installed / "bin" / "python"), str(HERE / sdk / "app.py")]
            more = {"PYTHONPATH": str(LOOPBACK_ONLY), "PYTHONDONTWRITEBYTECODE": "1"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SUPERTOKENS_")}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*program, json.dumps(given)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=inherited | more | {"LEFT_LOOPBACK": str(self._left_loopback)},
            )
        self.port = self._port_when_ready()

    def _port_when_ready(self) -> int:
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_WITHIN)
        line = self._process.stdout.readline() if readable else b""
        if not line.strip().isdigit():
            self._end()
            raise AssertionError(f"the app did not start: {line!r}\n{self.log.read_text()}")
        return int(line)

    def stop(self) -> None:
        """End it. Raises AssertionError if it has asked for anything beyond 127.0.0.1."""
        self._end()
        assert self._left_loopback.read_text() == ""

    def _end(self) -> None:
        self._process.kill()
        self._process.wait(STOP_WITHIN)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
