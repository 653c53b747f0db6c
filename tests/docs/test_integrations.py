# SPDX-License-Identifier: Apache-2.0
"""The pages of the integrations have the examples that are tested, and the README's table is what has run."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.matrix import FRAMEWORKS, README, RECORD, filled, missing

from .pages import ROOT, page

RAN: Final = json.loads(RECORD.read_text("utf-8"))
PAGES: Final = sorted(path.stem for path in (ROOT / "docs" / "integrations").glob("*.md"))
OF_EXAMPLES: Final = ("bottle", "falcon", "fastapi", "pyramid", "starlette")


def code_in(text: str) -> list[str]:
    """Return the lines of code, without what a file or a page has of its own: licence, name, blank lines."""
    return [
        line for line in text.splitlines() if line and line not in ("# SPDX-License-Identifier: Apache-2.0", "# app.py")
    ]


@pytest.mark.parametrize("name", OF_EXAMPLES)
def test_a_page_shows_the_example_that_is_tested(name: str) -> None:
    shown = next(block.text for block in page(f"docs/integrations/{name}.md").in_language("python"))
    assert code_in(shown) == code_in((ROOT / "examples" / name / "app.py").read_text("utf-8"))


def test_the_index_leads_to_every_page() -> None:
    assert {f"{name}.md" for name in PAGES} - {"index.md"} <= set(page("docs/integrations/index.md").links)
    assert {each.page for each in FRAMEWORKS} <= {f"{name}.md" for name in PAGES}


def test_the_table_in_the_readme_is_what_has_run() -> None:
    text = README.read_text("utf-8")
    assert "<!-- matrix:begin -->" in text
    assert filled(text, RAN) == text, "make matrix"


def test_the_whole_product_has_run() -> None:
    assert missing(RAN) == []


@pytest.mark.parametrize("age", ["oldest", "newest"])
@pytest.mark.parametrize("change", ["a place", "a framework", "a test"])
def test_what_has_not_run_is_missed(age: str, change: str) -> None:
    record: dict[str, Any] = json.loads(json.dumps(RAN))
    passed = record[age]["passed"]
    if change == "a place":
        del passed["FastAPI"]["service_postgres"]
    elif change == "a framework":
        del passed["FastAPI"]
    else:
        passed["FastAPI"]["service_postgres"] -= 1
    assert f"FastAPI, {age}, service, PostgreSQL" in missing(record)
    assert (filled(README.read_text("utf-8"), record) == README.read_text("utf-8")) is (change == "a test")


def test_the_oldest_versions_are_those_that_are_supported() -> None:
    """They are the lower bounds of the extras, and what has run."""
    pinned = dict(re.findall(r"^([\w-]+)==([\d.]+)$", Path(ROOT / "tests" / "oldest.txt").read_text("utf-8"), re.M))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    bounds = {
        name: bound
        for each in extras.values()
        for name, bound in re.findall(r"^([\w-]+)>=([\d.]+)", "\n".join(each), re.M)
    }
    for each in FRAMEWORKS:
        if each.distribution is not None:
            ran = RAN["oldest"]["versions"][each.name]
            assert pinned[each.distribution] == ran
            assert ran.startswith(bounds[each.distribution])
