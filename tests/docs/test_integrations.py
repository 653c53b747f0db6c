# SPDX-License-Identifier: Apache-2.0
"""The pages of the integrations have the examples that are tested."""

from __future__ import annotations

from typing import Final

import pytest

from .pages import ROOT, page

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
