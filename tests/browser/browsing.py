# SPDX-License-Identifier: Apache-2.0
"""What a visitor without scripts can do with a browser, whichever browser it is, and what the browser tells of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

__all__ = ["SPENT_HEADER", "Browsing", "Heard", "InterruptedNavigationError", "Tab"]

SPENT_HEADER = "x-spent-ms"
"""Says how long an app needed for a response, in ms, so that a browser's time for its way is known."""


class InterruptedNavigationError(Exception):
    """A navigation came to nothing: another one of the same tab came between, or the server went away."""


class Heard(NamedTuple):
    """A response as the browser got it."""

    method: str
    url: str
    status: int
    location: str
    way_ms: float | None
    """How long request and response were on their ways (q + r), queues of the browser included; None: not told."""


class Tab(Protocol):
    """One tab. What loads a page returns when the page is loaded, or raises InterruptedNavigationError."""

    @property
    def url(self) -> str:
        """Return the address of the page that the tab shows."""

    def open(self, url: str) -> None:
        """Load a page, as by typing its address."""

    def reload(self) -> None:
        """Load the page again."""

    def go_back(self) -> None:
        """Go to the page before, if there was one."""

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements that a CSS selector finds."""

    def fill(self, selector: str, text: str) -> None:
        """Replace the text of the one field that a CSS selector finds."""

    def choose_file(self, selector: str, file: Path) -> None:
        """Choose a file in the one file field that a CSS selector finds."""

    def click(self, selector: str, number: int = 0, *, wait: bool) -> None:
        """Click on an element, counted from 0; `wait` for the page that the click leads to."""

    def close(self) -> None:
        """Close the tab, with all that it is loading."""


class Browsing(Protocol):
    """One browser with one cookie jar, in which no page's script runs."""

    heard: Callable[[Heard], None]
    """Is called with each response."""

    def new_tab(self) -> Tab:
        """Open an empty tab."""

    def wait(self, ms: float) -> None:
        """Let time go by, and hear what happens in it."""

    def loading(self) -> list[str]:
        """Return the addresses of all requests that have neither ended nor failed."""

    def forget_loading(self) -> None:
        """Take all requests as ended: nobody says how those of a closed tab end."""


def heard_nothing(_: Heard) -> None:
    """Take no notice."""
