# SPDX-License-Identifier: Apache-2.0
"""Cases that another process measures when it is asked to: other libraries, or another version of ours.

Its first line of output names its cases; then each line of input is a verb, a case and an argument, and gets one line
of output. Between them the process sleeps, so that one of several can be asked at a time.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from benchmarks.environment import ROOT
from benchmarks.rounds import Case, Loop

__all__ = ["Asked", "OtherProcess", "answer", "other_process"]


class OtherProcess:
    """A process that runs `answer`."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running = running
        self.names: list[str] = self._reply()

    def ask(self, verb: str, case: str, argument: float = 0) -> Any:
        """Return what the process answers. Raise RuntimeError if it has ended; its own words are on the terminal."""
        assert self._running.stdin is not None
        self._running.stdin.write(json.dumps([verb, case, argument]) + "\n")
        self._running.stdin.flush()
        return self._reply()

    def cases(self) -> list[Case]:
        return [Asked(name, self) for name in self.names]

    def _reply(self) -> Any:
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        if not line:
            raise RuntimeError(f"a process that measures has ended: {self._running.args!r}")
        return json.loads(line)


@dataclass
class Asked:
    """A case of another process."""

    name: str
    process: OtherProcess

    def calibrate(self, seconds: float) -> None:
        self.process.ask("calibrate", self.name, seconds)

    def measure(self) -> float:
        return float(self.process.ask("measure", self.name))

    def sample(self) -> list[float]:
        times: list[float] = self.process.ask("sample", self.name)
        return times


@contextmanager
def other_process(python: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> Iterator[OtherProcess]:
    """A process that ends with the block. `arguments`: a module that runs `answer`, and its arguments."""
    command = [str(python), "-m", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own arguments
        command, cwd=ROOT, env=dict(environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield OtherProcess(running)
        finally:
            running.kill()


def answer(cases: Sequence[Loop], asked: TextIO = sys.stdin, answers: TextIO = sys.stdout) -> None:
    """Measure what is asked for, until nothing is asked any more.

    `calibrate`, `measure` and `sample` are those of a case; `set` gives it the size of its batches.
    """
    by_name = {case.name: case for case in cases}

    def reply(content: Any) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    reply(list(by_name))
    gc.freeze()  # what stands by now need not be looked at again before each batch
    for line in asked:
        verb, name, argument = json.loads(line)
        case = by_name[name]
        if verb == "calibrate":
            case.calibrate(argument)
            reply(None)
        elif verb == "set":
            case.count = int(argument)
            reply(None)
        else:
            reply(case.measure() if verb == "measure" else case.sample())
    gc.unfreeze()
