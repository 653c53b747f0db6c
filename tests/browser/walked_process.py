# SPDX-License-Identifier: Apache-2.0
"""The walked app in a process that may be killed, and the times of a walk."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .walked_app import Journal, MovedClock

__all__ = ["AppProcess", "Pace"]

_ROOT: Final = Path(__file__).parent.parent.parent
_START_WITHIN_S: Final = 60


@dataclass(frozen=True)
class Pace:
    """How long a walk is, and what the times of its app are, in seconds."""

    steps: int
    access_token_validity: int
    grace_period: int
    pauses: Sequence[float]
    """How long the slow views of the app take."""
    converges: bool = True
    """Whether parallel renewals get one child. The app believes it also of a core where they do not."""
    framework: str = "flask"
    """Which of the walked apps it is."""

    @property
    def keys(self) -> dict[str, Any]:
        """The settings of the app."""
        return {
            "renewal": "server",
            "access_token_validity": self.access_token_validity,
            "refresh_token_rotation_grace_period": self.grace_period,
        }

    @property
    def max_way_ms(self) -> float:
        """Return what a request and its response may need for their ways (q + r, docs/how-it-works.md), in ms."""
        return self.grace_period * 1000 / 2


class AppProcess:
    """The walked app in a process; the port stays the same over a restart."""

    def __init__(self, folder: Path, pace: Pace) -> None:
        self.folder = folder
        self.clock = MovedClock(folder / "clock")
        self.journal = Journal(folder / "journal")
        self.restarts = -1
        self._pace = pace
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the process, and wait until it listens."""
        words = [str(self.folder), str(self._port), json.dumps(self._pace.keys), str(self._pace.converges)]
        words.append(self._pace.framework)
        environment = os.environ | {"PAUSES": json.dumps(list(self._pace.pauses))}
        log = self.folder / "app.log"
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.browser.walked_app", *words],
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=_ROOT,
                env=environment,
            )
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], _START_WITHIN_S)
        line = self._process.stdout.readline() if readable else b""
        assert line, f"the app did not start:\n{log.read_text()}"
        self._port = int(line)
        self.restarts += 1

    def kill(self) -> None:
        """Let the process die at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def under_way(self) -> int:
        """Return how many requests are under way in the app."""
        with urllib.request.urlopen(f"{self.url}/under-way", timeout=_START_WITHIN_S) as answer:
            return int(answer.read())
