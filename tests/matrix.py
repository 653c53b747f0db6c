# SPDX-License-Identifier: Apache-2.0
"""Which frameworks have shown what every integration has to, in which versions, and where the core and its store were.

`make matrix` runs `IntegrationContract` in the whole product, once with the oldest supported version of each framework
and once with the newest, in environments of their own. What passed is kept in `tests/matrix.json`, and the table in the
README is made of that. A run of some tests covers a part: each framework with the core in the app and as a service, and
each store with some framework.

    python -m tests.matrix OLDEST NEWEST    keep what two runs have noted in these files, and fill in the README
    python -m tests.matrix                  fill in the README
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["COVERED", "FRAMEWORKS", "PLACES", "RECORD", "Framework", "filled", "is_whole", "missing", "table"]

ROOT: Final = Path(__file__).parent.parent
RECORD: Final = Path(__file__).with_suffix(".json")
README: Final = ROOT / "README.md"

PLACES: Final = {
    "app_sqlite": "in the app, SQLite",
    "app_postgres": "in the app, PostgreSQL",
    "service_sqlite": "service, SQLite",
    "service_postgres": "service, PostgreSQL",
}
"""Where the core runs, and its store, by their names in the ids of tests."""

COVERED: Final = {"TestWsgi": ("app_postgres",), "TestAsgi": ("service_postgres",)}
"""What is run always, beside the core in the app and the service on the stores that tests usually have."""


@dataclass(frozen=True)
class Framework:
    """A row: the class of its contract, what installs it, and the page about it."""

    name: str
    tests: str
    distribution: str | None
    page: str


FRAMEWORKS: Final = (
    Framework("Flask", "TestFlask", "Flask", "flask.md"),
    Framework("Django", "TestDjango", "Django", "django.md"),
    Framework("Django, async views", "TestDjangoAwaited", "Django", "django.md"),
    Framework("FastAPI", "TestFastAPI", "fastapi", "fastapi.md"),
    Framework("Starlette", "TestStarlette", "starlette", "starlette.md"),
    Framework("any ASGI application", "TestAsgi", None, "asgi.md"),
    Framework("any WSGI application", "TestWsgi", None, "wsgi.md"),
)

Passed = dict[str, dict[str, int]]
"""How many tests have passed, by framework and place."""

_NOTED_IN: Final = "MATRIX"
_BLOCK: Final = re.compile(r"(?<=<!-- matrix:begin -->\n).*?(?=<!-- matrix:end -->)", re.DOTALL)
_ID: Final = re.compile(rf"::(Test\w+)::.*\[(?:.*-)?({'|'.join(PLACES)})(?:-.*)?\]$")


def is_whole() -> bool:
    """Return whether the whole product is to be run."""
    return _NOTED_IN in os.environ


# A plugin of pytest, which notes what has run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix of this run, and note it where the environment says."""
    passed, failed = (_counted(terminalreporter.stats.get(kind, ())) for kind in ("passed", "failed"))
    versions = {each.name: version(each.distribution) for each in FRAMEWORKS if each.distribution}
    for name, places in passed.items():
        counts = ", ".join(f"{PLACES[place]} {count}" for place, count in places.items())
        terminalreporter.write_line(f"matrix: {name} {versions.get(name, '')}: {counts}")
    if is_whole() and not failed and not terminalreporter.stats.get("error"):
        noted = {"python": ".".join(map(str, sys.version_info[:2])), "versions": versions, "passed": passed}
        Path(os.environ[_NOTED_IN]).write_text(json.dumps(noted), "utf-8")


def _counted(reports: Any) -> Passed:
    by_tests = {each.tests: each.name for each in FRAMEWORKS}
    counts: dict[str, Counter[str]] = {}
    for report in reports:
        found = _ID.search(report.nodeid) if report.when == "call" else None
        if found is not None and found[1] in by_tests:
            counts.setdefault(by_tests[found[1]], Counter())[found[2]] += 1
    return {name: dict(places) for name, places in counts.items()}


# The record, and the table


def missing(record: dict[str, Any]) -> list[str]:
    """Return what of the product has not run, or not as completely as elsewhere."""
    return [
        f"{each.name}, {age}, {PLACES[place]}"
        for age in ("oldest", "newest")
        for each in FRAMEWORKS
        for place in PLACES
        if record[age]["passed"].get(each.name, {}).get(place, 0) < max(record[age]["passed"]["Flask"].values())
    ]


def table(record: dict[str, Any]) -> str:
    """Return the table of `record`, as the README has it."""
    head = ["", *PLACES.values()]
    rows = [[_link(each, record), *(_cell(each, place, record) for place in PLACES)] for each in FRAMEWORKS]
    return "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in [head, ["---"] * len(head), *rows])


def _link(each: Framework, record: dict[str, Any]) -> str:
    versions = [record[age]["versions"].get(each.name) for age in ("oldest", "newest")]
    shown = f" {_short(versions[0])} – {_short(versions[1])}" if all(versions) else ""
    return f"[{each.name}](docs/integrations/{each.page}){shown}"


def _short(text: str) -> str:
    return ".".join(text.split(".")[:2])


def _cell(each: Framework, place: str, record: dict[str, Any]) -> str:
    ran = all(record[age]["passed"].get(each.name, {}).get(place) for age in ("oldest", "newest"))
    return "✓" if ran else "–"


def filled(text: str, record: dict[str, Any]) -> str:
    """Return `text` with the table of `record` between its marks."""
    return _BLOCK.sub(lambda _: f"{table(record)}\n", text)


def main(arguments: list[str]) -> int:
    if arguments:
        ages = zip(("oldest", "newest"), arguments, strict=True)
        noted = {age: json.loads(Path(file).read_text("utf-8")) for age, file in ages}
        RECORD.write_text(json.dumps(noted, indent=2) + "\n", "utf-8")
    record = json.loads(RECORD.read_text("utf-8"))
    README.write_text(filled(README.read_text("utf-8"), record), "utf-8")
    print(table(record))
    return 1 if missing(record) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
