# SPDX-License-Identifier: Apache-2.0
"""One run, inside `.venv-bench`: measure every section, print the tables, write the result and what is made of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import supertokens
from benchmarks.environment import ENVIRONMENT
from benchmarks.figures import fill_documents
from benchmarks.machine import commit, described, is_busy
from benchmarks.per_request import per_request_cases
from benchmarks.plot import draw
from benchmarks.real_server import has_wrk, server_cases
from benchmarks.report import summary, terminal
from benchmarks.result import RESULTS, Result
from benchmarks.rounds import Case, Timings, interleave
from benchmarks.service import at_rest_cases, has_openssl, service_cases
from benchmarks.threaded import create_cases, verify_cases


@dataclass(frozen=True)
class Section:
    """Cases that are measured in the same rounds. `full` and `quick`: how many rounds, and seconds per batch."""

    name: str
    cases: Callable[[Path], AbstractContextManager[list[Case]]]
    full: tuple[int, float]
    quick: tuple[int, float]


SECTIONS: Final = (
    Section("per request", per_request_cases, full=(100, 0.020), quick=(10, 0.004)),
    Section("verify by threads", verify_cases, full=(40, 0.150), quick=(6, 0.050)),
    Section("create by threads", create_cases, full=(20, 0.400), quick=(4, 0.100)),
    Section("real server", server_cases, full=(15, 2.0), quick=(2, 1.0)),
    Section("service at rest", at_rest_cases, full=(5, 0.0), quick=(1, 0.0)),
    Section("service", service_cases, full=(7, 1.0), quick=(1, 1.0)),
)


def main() -> int:
    options = _arguments()
    if not Path(supertokens.__file__).is_relative_to(ENVIRONMENT):
        print("not the built package: start this with `python -m benchmarks`", file=sys.stderr)
        return 2
    is_whole = not options.quick and not options.only
    results: Path = options.results or (RESULTS if is_whole else ENVIRONMENT / "trials")
    # In the environment and not among temporary files: those may be in memory, where an fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=ENVIRONMENT, prefix="stores-") as folder:
        result = _measured(Path(folder), options.only, quick=options.quick)
    names = [result.file_name, "latest.json"]
    for name in names:
        result.write(results / name)
    result = Result.read(results / "latest.json")  # what is told is what is kept, which has fewer digits
    print(terminal(result))
    (results / "latest.md").write_text(summary(result) + "\n", "utf-8")
    if "per request" in result.sections:
        draw(result, results)
    if results == RESULTS:
        fill_documents(result)
    print(f"written: {', '.join(names)}, latest.md, latest.png and latest.svg in {_shown(results)}")
    return 0


def _measured(folder: Path, only: list[str] | None, *, quick: bool) -> Result:
    machine = described(folder)
    machine["busy"] = is_busy(machine)
    sections: dict[str, Timings] = {}
    for section in SECTIONS:
        if only and section.name not in only:
            continue
        if section.cases in (server_cases, service_cases) and not has_wrk():
            print(f"{section.name}: left out, since wrk is not installed (apt-get install wrk)", flush=True)
            continue
        if section.cases is service_cases and not has_openssl():
            print("service: left out, since openssl is not installed (apt-get install openssl)", flush=True)
            continue
        rounds, seconds = section.quick if quick else section.full
        with section.cases(folder) as cases, _Progress(section.name) as progress:
            sections[section.name] = interleave(cases, rounds, seconds, progress)
    return Result.of_now(commit(), machine, sections, quick=quick)


class _Progress:
    """What is being done now: on a terminal one line that changes, elsewhere a line for each tenth of the rounds."""

    def __init__(self, section: str) -> None:
        self._section = section
        self._is_terminal = sys.stdout.isatty()
        self._start = time.monotonic()
        self._calls = 0

    def __enter__(self) -> _Progress:
        if not self._is_terminal:
            print(self._section, flush=True)
        return self

    def __call__(self, doing: str) -> None:
        if self._is_terminal:
            print(f"\r\033[K{self._section}: {doing}", end="", flush=True)
        elif doing.startswith("round"):
            self._calls += 1
            if self._calls % 10 == 0:
                print(f"  {doing}, {time.monotonic() - self._start:.0f} s", flush=True)

    def __exit__(self, *_: object) -> None:
        elapsed = f"{self._section}: {time.monotonic() - self._start:.0f} s"
        print(f"\r\033[K{elapsed}" if self._is_terminal else f"  {elapsed.partition(': ')[2]}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short rounds, for trying things out")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="write there instead")
    parser.add_argument(
        "--only",
        action="append",
        choices=[section.name for section in SECTIONS],
        help="this section alone; may be repeated",
    )
    return parser.parse_args()


def _shown(folder: Path) -> str:
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)


if __name__ == "__main__":
    sys.exit(main())
