# SPDX-License-Identifier: Apache-2.0
"""Two versions of the code, asked in turns: `python -m benchmarks.compare OTHER_TREE`.

On a machine that others use as well, two runs of `make bench` differ more than two versions of the code do. Here both
versions stay in memory, each in a process of its own, and take turns of some ten milliseconds, so that whatever the
machine does, it does to both. The 10th percentile over the slices is nearly free of what others do; the median of the
ratios within a turn is what to believe if the two agree.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.environment import ENVIRONMENT, ROOT, ensure_environment
from benchmarks.other_process import OtherProcess, other_process

__all__ = ["compared", "table"]

_WARM_UP: Final = 3  # slices
_DURABLE_SHARE: Final = 10  # a write takes ten times as long as a check, or longer
_HEAD: Final = ("case", "p10 here", "p10 other", "ratio", "median here", "median other", "ratio in turns")

Slices = Mapping[str, list[float]]
"""Microseconds per request, by case and slice."""


def main() -> int:
    options = _arguments()
    trees = {"here": ROOT, "other": options.other.resolve()}
    for tree in trees.values():
        if not (tree / "src" / "supertokens").is_dir():
            print(f"{tree} has no src/supertokens", file=sys.stderr)
            return 2
    python = ensure_environment()
    with ExitStack() as stack:
        # Not among temporary files: those may be in memory, where an fsync costs nothing.
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=ENVIRONMENT, prefix="stores-"))
        processes = {
            name: stack.enter_context(other_process(python, ["benchmarks.compared", folder], _environ(tree)))
            for name, tree in trees.items()
        }
        here, other = processes["here"], processes["other"]
        cases = [name for name in here.names if options.only in name and name in other.names]
        print(f"{options.slices} slices of {options.requests} requests for each of {len(cases)} cases", flush=True)
        print(table(*compared(here, other, cases, options.slices, options.requests)))
    return 0


def compared(
    here: OtherProcess, other: OtherProcess, cases: Sequence[str], slices: int, requests: int
) -> tuple[Slices, Slices]:
    """Ask both for slices of so many requests, in turns, the first one of each turn being the second of the next."""
    timings: dict[OtherProcess, dict[str, list[float]]] = {each: {name: [] for name in cases} for each in (here, other)}
    for name in cases:
        for process in (here, other):
            process.ask("set", name, requests if "GET" in name or "POST" in name else requests // _DURABLE_SHARE)
            for _ in range(_WARM_UP):
                process.ask("measure", name)
    for number in range(slices):
        for name in cases:
            for process in (here, other) if number % 2 else (other, here):
                timings[process][name].append(float(process.ask("measure", name)))
    return timings[here], timings[other]


def table(here: Slices, other: Slices) -> str:
    """Return what to read: µs, and ratios of which more than 1 means that the code here is slower."""
    rows = [_HEAD]
    for name, times in here.items():
        against = other[name]
        lows, middles = (_tenth(times), _tenth(against)), (statistics.median(times), statistics.median(against))
        in_turns = statistics.median(mine / theirs for mine, theirs in zip(times, against, strict=True))
        tenths = f"{lows[0]:.1f}", f"{lows[1]:.1f}", f"{lows[0] / lows[1]:.3f}"
        rows.append((name, *tenths, f"{middles[0]:.1f}", f"{middles[1]:.1f}", f"{in_turns:.3f}"))
    widths = [max(len(row[index]) for row in rows) for index in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _tenth(times: list[float]) -> float:
    return sorted(times)[len(times) // 10]


def _environ(tree: Path) -> dict[str, str]:
    """The source of `tree` before what is installed; everything else is the same for both."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SUPERTOKENS_", "PYTHON"))}
    return kept | {"PYTHONPATH": str(tree / "src"), "PYTHONHASHSEED": "0"}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("other", type=Path, metavar="OTHER_TREE", help="another checkout, such as a git worktree")
    parser.add_argument("--only", default="", metavar="TEXT", help="the cases alone whose names have that in them")
    parser.add_argument("--slices", type=int, default=200, metavar="N", help="slices of each case (default: 200)")
    parser.add_argument("--requests", type=int, default=150, metavar="N", help="requests in a slice (default: 150)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
