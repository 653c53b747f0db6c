# SPDX-License-Identifier: Apache-2.0
"""How many operations a session check takes: immune to noise, so that CI can refuse a growth.

Counted are the bytecodes that Python executes and the calls that it makes, of its own functions and of built-in ones,
in a protected request whose token has been seen before, less those in the same request to a bare route: of Flask, where
a case does not say Django. For one minor version of Python both are the same on every machine.

    python -m benchmarks.operation_count            compare with the baseline
    python -m benchmarks.operation_count --record   make what is counted now the baseline of this version of Python
    python -m benchmarks.operation_count --profile  show the counts by function
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, Final

from benchmarks import names
from benchmarks.apps import LoggedIn, bare_app, open_benchmark_core, sessions_app
from benchmarks.our_django import our_django_cases
from benchmarks.wsgi import Answer, Client, browser_request, require_ok

__all__ = [
    "ALLOWED_GROWTH",
    "BASELINE",
    "Count",
    "baseline",
    "compared",
    "counted",
    "record",
    "recount_in_a_new_process",
]

BASELINE: Final = Path(__file__).with_name("baseline.json")
ALLOWED_GROWTH: Final = 0.10

_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_WARM_UP: Final = 50  # requests: by then every lazily made thing has been made
_ROOT: Final = Path(__file__).resolve().parent.parent

ByFunction = Counter[str]


@dataclass(frozen=True)
class Count:
    """Operations that a check adds to a request."""

    bytecodes: int
    calls: int

    def growth_over(self, earlier: Count) -> float:
        """The larger growth of the two: 0.1 is 10 %."""
        return max(self.bytecodes / earlier.bytecodes, self.calls / earlier.calls) - 1


@dataclass(frozen=True)
class _Trace:
    bytecodes: ByFunction
    calls: ByFunction

    def less(self, other: _Trace) -> _Trace:
        """With what is fewer here as a negative number."""
        bytecodes, calls = self.bytecodes.copy(), self.calls.copy()
        bytecodes.subtract(other.bytecodes)
        calls.subtract(other.calls)
        return _Trace(bytecodes, calls)

    @property
    def count(self) -> Count:
        return Count(self.bytecodes.total(), self.calls.total())


# Counting


def traces() -> dict[str, _Trace]:
    """What a session check adds to a request, by function, for each way of checking."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return {
            "GET, token seen before": _added(folder, "plain", "GET"),
            "POST with anti-CSRF, seen before": _added(folder, "guarded", "POST", enable_anti_csrf=True),
            "GET, blacklisting query, seen before": _added(
                folder, "blacklisting", "GET", access_token_blacklisting=True
            ),
            "GET, `renewal: server`, seen before": _added(folder, "pages", "GET", renewal="server"),
            "Django, GET, token seen before": _added_in_django(folder),
        }


def counted() -> dict[str, Count]:
    return {case: trace.count for case, trace in traces().items()}


def _added(folder: Path, name: str, method: str, **options: Any) -> _Trace:
    core = open_benchmark_core(folder, name, **options)
    app = sessions_app(core, **options)
    browser = LoggedIn(app)
    # Where the server renews, the refresh token comes with every request.
    pages = browser_request(method, "/me", browser.cookies)
    environ = pages if options.get("renewal") == "server" else browser.request(method, "/me")
    try:
        return _of_request(Client(app), environ).less(_of_request(Client(bare_app()), environ))
    finally:
        core.close()


def _added_in_django(folder: Path) -> _Trace:
    cases = {case.name: case for case in our_django_cases(folder)}

    def of_case(name: str) -> _Trace:
        [environ] = cases[name].prepare(1)
        return _of_request(cases[name].operation, environ)

    return of_case(names.OURS_DJANGO).less(of_case(names.DJANGO_BARE))


def _of_request(client: Callable[[dict[str, Any]], Answer], environ: Mapping[str, Any]) -> _Trace:
    for _ in range(_WARM_UP):
        require_ok([client(dict(environ))])
    # From Python 3.12 on, opcodes are traced only once a frame has asked for it before: in 3.12 before `settrace` was
    # called, in 3.13 since then. So the first tracing is thrown away, and of each other one the first operation.
    _, bytecodes, again = (_bytecodes(lambda: client(dict(environ))) for _ in range(3))
    if bytecodes != again:
        raise RuntimeError("two requests that should be alike were not")
    return _Trace(bytecodes, _calls(lambda: client(dict(environ))))


def _bytecodes(operation: Callable[[], object]) -> ByFunction:
    by_function: ByFunction = Counter()

    def within(frame: FrameType, event: str, _: object) -> Any:
        if event == "opcode":
            by_function[_name(frame)] += 1
        return within

    def on_call(frame: FrameType, _: str, __: object) -> Any:
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return within

    with _collector_off():
        sys.settrace(on_call)
        try:
            operation()  # see _of_request
            by_function.clear()
            operation()
        finally:
            sys.settrace(None)
    return by_function


def _calls(operation: Callable[[], object]) -> ByFunction:
    by_function: ByFunction = Counter()

    def on_event(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            by_function[_name(frame)] += 1
        elif event == "c_call" and argument is not sys.setprofile:
            by_function[f"built-in {argument.__qualname__}"] += 1

    with _collector_off():
        sys.setprofile(on_event)
        try:
            operation()
        finally:
            sys.setprofile(None)
    return by_function


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}"


@contextmanager
def _collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# Baseline


def baseline(python: str = _PYTHON) -> dict[str, Count] | None:
    """The counts that were recorded with that version of Python."""
    if not BASELINE.exists():
        return None
    recorded = json.loads(BASELINE.read_text("utf-8")).get(python)
    return recorded and {case: Count(**count) for case, count in recorded["counts"].items()}


def record(counts: Mapping[str, Count]) -> None:
    """Make them the baseline of this version of Python; those of other versions stay."""
    recorded = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    recorded[_PYTHON] = {
        "libraries": _libraries(),
        "counts": {case: asdict(count) for case, count in counts.items()},
    }
    in_order = dict(sorted(recorded.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
    BASELINE.write_text(json.dumps(in_order, indent=2) + "\n", "utf-8")


def compared(counts: Mapping[str, Count], earlier: Mapping[str, Count]) -> tuple[str, bool]:
    """A table, and whether every case is within what is allowed."""
    lines = [f"Python {_PYTHON}, Flask {version('Flask')}, Werkzeug {version('Werkzeug')}, Django {version('Django')}"]
    passed = counts.keys() == earlier.keys()
    for case, count in counts.items():
        before = earlier.get(case)
        if before is None:
            lines.append(f"  {case}: {count.bytecodes} bytecodes, {count.calls} calls; not in the baseline")
            continue
        growth = round(count.growth_over(before), 6)
        passed = passed and growth <= ALLOWED_GROWTH
        lines.append(
            f"  {case}: {before.bytecodes} -> {count.bytecodes} bytecodes, {before.calls} -> {count.calls} calls,"
            f" {growth:+.1%}{' TOO MUCH' if growth > ALLOWED_GROWTH else ''}"
        )
    if not passed:
        lines.append(
            f"A session check takes over {ALLOWED_GROWTH:.0%} more operations than the baseline says. See where with"
            " `python -m benchmarks.operation_count --profile`; if it is worth that, say why in the commit and record"
            " it with `python -m benchmarks.operation_count --record`."
        )
    return "\n".join(lines), passed


def _libraries() -> dict[str, str]:
    return {name: version(name) for name in ("Flask", "Werkzeug", "Django", "msgspec", "cryptography")}


def profile(all_traces: Mapping[str, _Trace]) -> str:
    """The functions that a check executes, with the most bytecodes first. Negative: less than in the bare request."""
    lines: list[str] = []
    for case, trace in all_traces.items():
        lines += ["", f"{case}: {trace.count.bytecodes} bytecodes, {trace.count.calls} calls"]
        names = {name for counter in (trace.bytecodes, trace.calls) for name, times in counter.items() if times}
        for name in sorted(names, key=lambda name: (-trace.bytecodes[name], -trace.calls[name], name)):
            lines.append(f"  {trace.bytecodes[name]:6} bytecodes {trace.calls[name]:4} calls  {name}")
    return "\n".join(lines)


# The command


def recount_in_a_new_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process where nothing else has run, with sets and dicts in the same order each time."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SUPERTOKENS_")}
    command = [sys.executable, "-m", "benchmarks.operation_count", *arguments]
    return subprocess.run(  # noqa: S603 - our own module
        command, cwd=_ROOT, env=environ | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operation_count")
    parser.add_argument("--record", action="store_true", help="make the counts the baseline of this version of Python")
    parser.add_argument("--profile", action="store_true", help="show the counts by function")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        run = recount_in_a_new_process(*sys.argv[1:])
        print(run.stdout, end="")
        print(run.stderr, end="", file=sys.stderr)
        return run.returncode
    all_traces = traces()
    counts = {case: trace.count for case, trace in all_traces.items()}
    if options.profile:
        print(profile(all_traces).lstrip("\n"))
        return 0
    if options.record:
        record(counts)
    earlier = baseline()
    if earlier is None:
        print(f"no baseline for Python {_PYTHON}: record one with `python -m benchmarks.operation_count --record`")
        return 2
    table, passed = compared(counts, earlier)
    print(table)
    if not passed:
        print(profile(all_traces))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
