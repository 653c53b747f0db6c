# SPDX-License-Identifier: Apache-2.0
"""One run, inside `.venv-bench`: measure every section, print the tables, write the result and what is made of it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import supertokens
from benchmarks.environment import ENVIRONMENT
from benchmarks.figures import fill_documents
from benchmarks.machine import commit, described, is_busy
from benchmarks.plot import draw
from benchmarks.report import details, terminal
from benchmarks.result import RESULTS, Result
from benchmarks.rounds import Spread, Timings, interleave, sample
from benchmarks.sections import SECTIONS, Section, groups

_EXAMPLES = """
examples:
  make bench ARGS='--only "active sessions" --only log-in'
  make bench ARGS='--quick --only "per request"'
  python -m benchmarks.compare ../another-tree    two versions of the code in turns, on a noisy machine
"""


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
    (results / "latest.md").write_text(details(result) + "\n", "utf-8")
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
    spreads: dict[str, dict[str, Spread]] = {}
    for section in SECTIONS:
        if only and section.name not in only:
            continue
        missing = [program for program in section.needs if shutil.which(program) is None]
        if missing:
            print(f"{section.name}: left out, since {' and '.join(missing)} is not installed", flush=True)
            continue
        try:
            measured = _of_section(section, folder, quick=quick)
        except RuntimeError as failure:
            print(f"{section.name}: {failure}\n{section.name}: once more from its beginning", flush=True)
            measured = _of_section(section, folder, quick=quick)
        sections[section.name], spreads[section.name] = measured
    return Result.of_now(commit(), machine, sections, spreads, quick=quick)


def _of_section(section: Section, folder: Path, *, quick: bool) -> tuple[Timings, dict[str, Spread]]:
    length = section.quick if quick else section.full
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        _Progress(section.name) as progress,
        section.cases(Path(place)) as cases,
    ):
        timings = interleave(cases, length.rounds, length.seconds, progress)
        return timings, sample(cases, length.slices, progress)


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
        elif doing.startswith(("round", "slice")):
            self._calls += 1
            if self._calls % 10 == 0:
                print(f"  {doing}, {time.monotonic() - self._start:.0f} s", flush=True)

    def __exit__(self, *_: object) -> None:
        elapsed = f"{self._section}: {time.monotonic() - self._start:.0f} s"
        print(f"\r\033[K{elapsed}" if self._is_terminal else f"  {elapsed.partition(': ')[2]}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"groups:\n{groups()}\n{_EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few and short rounds, for trying things out")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="write there instead")
    parser.add_argument(
        "--only",
        action="append",
        choices=[section.name for section in SECTIONS],
        metavar="GROUP",
        help="this group alone; may be repeated",
    )
    return parser.parse_args()


def _shown(folder: Path) -> str:
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)


if __name__ == "__main__":
    sys.exit(main())
