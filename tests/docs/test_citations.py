# SPDX-License-Identifier: Apache-2.0
"""Comments and docstrings cite pages that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .pages import PAGES, Page

FOLDERS: Final = ("src", "tests", "demo", "benchmarks")
CITED: Final = re.compile(r"(?<![\w/.-])(docs/[\w/-]+\.md|[A-Z]{4,}\.md)(?:#([\w-]+))?")
ELSEWHERE: Final = re.compile(r"\b(DESIGN(?!\.md)|protocol-1|protocol-modern)\b")


def sources(root: Path) -> list[Path]:
    """Return the Python files of the repository, without this one."""
    return [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py")) if path != Path(__file__)]


def test_every_page_and_anchor_that_is_cited_exists(root: Path) -> None:
    pages: dict[str, Page] = {page.name: page for page in PAGES}
    found = 0
    for path in sources(root):
        for name, anchor in CITED.findall(path.read_text("utf-8")):
            found += 1
            assert name in pages, f"{path}: {name}"
            assert not anchor or anchor in pages[name].anchors, f"{path}: {name}#{anchor}"
    assert found > 40, "the citations are not found any more"


def test_nothing_cites_a_document_that_is_not_here(root: Path) -> None:
    for path in sources(root):
        text = path.read_text("utf-8")
        assert ELSEWHERE.search(text) is None, f"{path}: {ELSEWHERE.search(text)}"


def test_every_page_about_the_protocols_is_cited(root: Path) -> None:
    text = "\n".join(path.read_text("utf-8") for path in sources(root))
    for page in PAGES:
        if page.name.startswith("docs/protocol/") and not page.name.endswith("index.md"):
            assert page.name in text
