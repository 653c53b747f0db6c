# SPDX-License-Identifier: Apache-2.0
"""The project's documents, taken apart: blocks of code, headings, links, names in code font."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import dedent
from typing import Final

__all__ = ["PAGES", "ROOT", "Block", "Page", "page"]

ROOT: Final = Path(__file__).parent.parent.parent

_FENCE: Final = re.compile(r"^(?P<indent> *)```(?P<info>.*?)$\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$", re.MULTILINE)
_CODE: Final = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block. `info`: the words after the fence, such as ``python`` and ``pytest``. `line`: of the fence."""

    info: tuple[str, ...]
    line: int
    text: str

    @property
    def language(self) -> str:
        return self.info[0] if self.info else ""


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        return [
            Block(tuple(found["info"].split()), self.text.count("\n", 0, found.start()) + 1, dedent(found["text"]))
            for found in _FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self) -> str:
        """The text without its blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def headings(self) -> list[str]:
        return [found[2] for found in _HEADING.finditer(self.prose)]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may name after its `#`, by the rules of the forges."""
        seen: Counter[str] = Counter()
        anchors = set()
        for heading in self.headings:
            anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
            seen[anchor] += 1
        return anchors

    @cached_property
    def links(self) -> list[str]:
        """Where the page leads: in a sentence, around a picture, and by reference."""
        return [found[1] or found[2] for found in _LINK.finditer(_CODE.sub("", self.prose))]

    @cached_property
    def code_spans(self) -> list[str]:
        """What is in code font in the prose."""
        return _CODE.findall(self.prose)

    def in_language(self, *languages: str) -> list[Block]:
        return [block for block in self.blocks if block.language in languages]


PAGES: Final = [
    Page(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
]


def page(name: str) -> Page:
    """The page of that path in the repository."""
    return next(page for page in PAGES if page.name == name)
