# SPDX-License-Identifier: Apache-2.0
"""A random walk through the pages of an app whose server may be killed, by a browser without scripts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import parse_qs, urlsplit

from .browsing import Browsing, Heard, InterruptedNavigationError, Tab
from .walked_app import USER
from .walked_process import AppProcess, Pace

__all__ = ["Walk"]

_QUIET_WITHIN_S: Final = 10
_MAX_ABORT_MS: Final = 300
_FILE_BYTES: Final = (10_000, 1_500_000)
"""Of an ordinary form, and of one that is too large to renew anything (1 MiB)."""


class Walk:
    """A visitor with two tabs of one browser, who is logged in and does this and that.

    `done` says what has been done, step by step; `answered` are the ids of the forms whose answer the browser got,
    `sent` the sizes of the files of all; `wrong` is what must not have come; `longest_way_ms` is q + r. `images`: how
    often the page of images is opened, in the measure of the other actions.
    """

    def __init__(self, browsing: Browsing, app: AppProcess, pace: Pace, random: Random, *, images: int = 6) -> None:
        self.done: list[str] = []
        self.sent: dict[str, int] = {}
        self.answered: set[str] = set()
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.longest_way_ms = 0.0
        self._browsing = browsing
        self._app = app
        self._pace = pace
        self._random = random
        self._files = {size: _file_of(app.folder, size) for size in _FILE_BYTES}
        self._log_in(browsing.new_tab())
        self._tabs = [browsing.new_tab(), browsing.new_tab()]
        browsing.heard = self._hear
        self._actions: Mapping[Callable[[Tab], str], int] = {
            self._follow_link: 34,
            self._submit_note: 16,
            self._submit_file: 10,
            self._come_back_to_images: images,
            self._reload: 8,
            self._go_back: 8,
            self._read: 20,
            self._kill_server: 4,
        }

    def go(self) -> None:
        """Do all steps, and end in quiet on a page that is known to be renewed."""
        for _ in range(self._pace.steps):
            tab = self._random.choice(self._tabs)
            [action] = self._random.choices(list(self._actions), list(self._actions.values()))
            self.done.append(f"{self._tabs.index(tab)}: {action.__name__.strip('_')}")
            began = time.monotonic()
            self.done[-1] += f" {self._step(action, tab)}, {time.monotonic() - began:.1f} s"
            assert self.wrong == []
        self._read(self._tabs[0], self._pace.access_token_validity + 1)
        for tab in self._tabs:
            tab.open(f"{self._app.url}/page")
            assert tab.texts("h1") == [f"A page of {USER}"]

    def _step(self, action: Callable[[Tab], str], tab: Tab) -> str:
        try:
            self._be_on_a_page(tab)
            return action(tab)
        except InterruptedNavigationError as error:
            self.counts["interrupted"] += 1
            return f"interrupted: {error}"

    def _log_in(self, tab: Tab) -> None:
        """Log in in a tab of its own, so that no way back leads to the form."""
        tab.open(f"{self._app.url}/login?next=/page")
        tab.fill("input[name=user]", USER)
        tab.click("button", wait=True)
        assert tab.url == f"{self._app.url}/page"
        tab.close()

    def _be_on_a_page(self, tab: Tab) -> None:
        """Go home from what is not a page of the app: an empty tab, or the browser's word that there is no server."""
        if not tab.url.startswith(self._app.url) or not tab.texts("nav a"):
            tab.open(self._app.url)

    def _hear(self, heard: Heard) -> None:
        parts = urlsplit(heard.url)
        refused = heard.status in (401, 403) or heard.status >= 500
        if refused or parts.path == "/login" or "/login" in heard.location:
            self.wrong.append(f"{heard.status} for {heard.method} {heard.url}")
        if heard.method == "POST" and heard.status == 303:
            self.answered.update(parse_qs(urlsplit(heard.location).query)["id"])
        self.counts["sent to itself"] += "supertokens-again" in parts.query
        self.longest_way_ms = max(self.longest_way_ms, heard.way_ms or 0)

    # What a visitor does

    def _follow_link(self, tab: Tab) -> str:
        links = tab.texts("nav a")
        number = self._random.randrange(len(links))
        return f"{links[number]}, {self._click(tab, 'nav a', number)}"

    def _submit_note(self, tab: Tab) -> str:
        return self._submit(tab, "#note", 0)

    def _submit_file(self, tab: Tab) -> str:
        size = self._random.choice(_FILE_BYTES)
        tab.choose_file("#file input[type=file]", self._files[size])
        return self._submit(tab, "#file", size)

    def _submit(self, tab: Tab, form: str, size: int) -> str:
        name = f"n{len(self.sent)}"
        self.sent[name] = size
        tab.fill(f"{form} [name=id]", name)
        tab.fill(f"{form} [name=pause]", str(self._random.choice([0, 0, *self._pace.pauses[:2]])))
        return f"{name}, {self._click(tab, f'{form} button', 0)}"

    def _click(self, tab: Tab, selector: str, number: int) -> str:
        """Wait for what a click leads to, abort it, or leave it loading while something else is done."""
        [how] = self._random.choices(["waited for", "aborted", "left loading"], [5, 3, 2])
        self.counts[how] += 1
        tab.click(selector, number, wait=how == "waited for")
        if how != "aborted":
            return how
        after = self._random.randint(0, _MAX_ABORT_MS)
        self._browsing.wait(after)
        return f"{how} after {after} ms, {self._leave(tab)}"

    def _leave(self, tab: Tab) -> str:
        """Abort what the tab is loading: by closing the tab, or by going to another address."""
        if self._random.random() < 0.5:
            tab.open(f"{self._app.url}/page")
            return "for another page"
        self._tabs[self._tabs.index(tab)] = self._browsing.new_tab()
        tab.close()
        self._browsing.forget_loading()  # the app knows what it still does
        return "by closing the tab"

    def _reload(self, tab: Tab) -> str:
        tab.reload()
        return tab.url

    def _go_back(self, tab: Tab) -> str:
        tab.go_back()
        return tab.url

    def _read(self, tab: Tab, at_least: int = 1) -> str:
        """Let time go by while nothing is under way, which no request can tell from a visitor who reads."""
        until = time.monotonic() + _QUIET_WITHIN_S
        while self._browsing.loading() or self._app.under_way() or self._app.under_way():
            if time.monotonic() > until:
                return f"in vain, {self._app.under_way()} under way: {self._browsing.loading()}"
            self._browsing.wait(50)
        self.counts["read"] += 1
        reads = self._random.randint(at_least, self._pace.access_token_validity * 3 // 2)
        self._app.clock.advance(ms=reads * 1000)
        return f"for {reads} s"

    def _come_back_to_images(self, tab: Tab) -> str:
        """Open the page of images when the tokens are dead: many requests renew at the same time."""
        read = self._read(tab, self._pace.access_token_validity + 1)
        tab.open(f"{self._app.url}/gallery")
        return read

    def _kill_server(self, tab: Tab) -> str:
        tab.click("nav a", self._random.randrange(4), wait=False)
        self._browsing.wait(self._random.randint(0, _MAX_ABORT_MS))
        self._app.kill()
        self._app.start()
        return "and start it again"


def _file_of(folder: Path, size: int) -> Path:
    file = folder / f"{size}-bytes"
    file.write_bytes(b"x" * size)
    return file
