# SPDX-License-Identifier: Apache-2.0
"""Figures in documents, filled in from the latest result, so that nobody types one: `python -m benchmarks.figures`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.environment import ROOT
from benchmarks.report import details, headline
from benchmarks.result import LATEST, Result

__all__ = ["DOCUMENTS", "fill_documents", "filled"]

DOCUMENTS: Final[dict[Path, Callable[[Result], str]]] = {
    ROOT / "README.md": headline,
    ROOT / "docs" / "performance.md": details,
}
"""Which words go between the marks in which document; one without marks is left as it is."""

_BLOCK: Final = re.compile(r"(?<=<!-- figures:begin -->\n).*?(?=<!-- figures:end -->)", re.DOTALL)


def filled(text: str, figures: str) -> str:
    """`text` with `figures` between its marks."""
    return _BLOCK.sub(lambda _: f"\n{figures}\n\n", text)


def fill_documents(result: Result) -> None:
    for document, words in DOCUMENTS.items():
        if document.exists():
            text = document.read_text("utf-8")
            document.write_text(filled(text, words(result)), "utf-8")


if __name__ == "__main__":
    if not LATEST.exists():
        sys.exit("there is no result yet: make bench")
    fill_documents(Result.read(LATEST))
