# SPDX-License-Identifier: Apache-2.0
"""A random walk through the pages of an app whose server may be killed, by a browser without scripts."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Page, Request, Response
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import TimeoutError as BrowserTimeoutError

from .walked_app import USER, Journal, MovedClock

_ROOT: Final = Path(__file__).parent.parent.parent
_START_WITHIN_S: Final = 60
_QUIET_WITHIN_S: Final = 10
_MAX_ABORT_MS: Final = 300
_FILE_BYTES: Final = (10_000, 1_500_000)
"""Of an ordinary form, and of one that is too large to renew anything (1 MiB)."""


@dataclass(frozen=True)
class Pace:
    """How long a walk is, and what the times of its app are, in seconds."""

    steps: int
    access_token_validity: int
    grace_period: int
    pauses: Sequence[float]

    @property
    def keys(self) -> dict[str, Any]:
        """The settings of the app."""
        return {
            "renewal": "server",
            "access_token_validity": self.access_token_validity,
            "refresh_token_rotation_grace_period": self.grace_period,
        }


class AppProcess:
    """The walked app in a process; the port stays the same over a restart."""

    def __init__(self, folder: Path, pace: Pace) -> None:
        self.folder = folder
        self.clock = MovedClock(folder / "clock")
        self.journal = Journal(folder / "journal")
        self.restarts = -1
        self._pace = pace
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the process, and wait until it listens."""
        words = [str(self.folder), str(self._port), json.dumps(self._pace.keys)]
        environment = os.environ | {"PAUSES": json.dumps(list(self._pace.pauses))}
        log = self.folder / "app.log"
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.browser.walked_app", *words],
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=_ROOT,
                env=environment,
            )
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], _START_WITHIN_S)
        line = self._process.stdout.readline() if readable else b""
        assert line, f"the app did not start:\n{log.read_text()}"
        self._port = int(line)
        self.restarts += 1

    def kill(self) -> None:
        """Let the process die at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def under_way(self) -> int:
        """Return how many requests are under way in the app."""
        with urllib.request.urlopen(f"{self.url}/under-way", timeout=_START_WITHIN_S) as answer:
            return int(answer.read())


class Walk:
    """A visitor with two tabs of one browser, who is logged in and does this and that.

    `done` says what has been done, step by step; `answered` are the ids of the forms whose answer the browser got,
    `sent` the sizes of the files of all; `wrong` is what must not have come.
    """

    def __init__(self, context: BrowserContext, app: AppProcess, pace: Pace, random: Random) -> None:
        self.done: list[str] = []
        self.sent: dict[str, int] = {}
        self.answered: set[str] = set()
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self._app = app
        self._pace = pace
        self._random = random
        self._pending: set[Request] = set()
        context.set_default_timeout(40_000)
        self._tabs = [context.new_page(), context.new_page()]
        self._log_in(self._tabs[0])
        context.on("request", lambda request: self._pending.add(request))
        context.on("requestfinished", lambda request: self._pending.discard(request))
        context.on("requestfailed", lambda request: self._pending.discard(request))
        context.on("response", self._hear)
        self._actions: Mapping[Callable[[Page], str], int] = {
            self._follow_link: 34,
            self._submit_note: 16,
            self._submit_file: 10,
            self._come_back_to_images: 6,
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
            self.done[-1] += f" {self._step(action, tab)}"
            assert self.wrong == []
        self._read(self._tabs[0], self._pace.access_token_validity + 1)
        for tab in self._tabs:
            tab.goto(f"{self._app.url}/page")
            assert tab.inner_text("h1") == f"A page of {USER}"

    def _step(self, action: Callable[[Page], str], tab: Page) -> str:
        try:
            self._be_on_a_page(tab)
            return action(tab)
        except BrowserTimeoutError:
            raise
        except BrowserError as error:  # another navigation of this tab, or the end of the server, came between
            self.counts["interrupted"] += 1
            return f"interrupted: {error.message.splitlines()[0]}"

    def _log_in(self, tab: Page) -> None:
        tab.goto(f"{self._app.url}/login?next=/page")
        tab.fill("input[name=user]", USER)
        tab.click("button")
        tab.wait_for_url("**/page")
        self._tabs[1].goto(self._app.url)

    def _be_on_a_page(self, tab: Page) -> None:
        """Go home from what is not a page of the app: an empty tab, or the browser's word that there is no server."""
        if not tab.url.startswith(self._app.url) or tab.locator("nav").count() == 0:
            tab.goto(self._app.url)

    def _hear(self, response: Response) -> None:
        parts = urlsplit(response.url)
        refused = response.status in (401, 403) or response.status >= 500
        if refused or parts.path == "/login" or "/login" in response.headers.get("location", ""):
            self.wrong.append(f"{response.status} for {response.request.method} {response.url}")
        if response.request.method == "POST" and response.status == 303:
            self.answered.update(parse_qs(urlsplit(response.headers["location"]).query)["id"])
        self.counts["sent to itself"] += "supertokens-again" in parts.query

    # What a visitor does

    def _follow_link(self, tab: Page) -> str:
        links = tab.locator("nav a")
        link = links.nth(self._random.randrange(links.count()))
        return f"{link.inner_text()}, {self._click(tab, 'nav a', links.all_inner_texts().index(link.inner_text()))}"

    def _submit_note(self, tab: Page) -> str:
        return self._submit(tab, "#note", 0)

    def _submit_file(self, tab: Page) -> str:
        size = self._random.choice(_FILE_BYTES)
        content = {"name": "file", "mimeType": "application/octet-stream", "buffer": b"x" * size}
        tab.set_input_files("#file input[type=file]", content)  # type: ignore[arg-type]
        return self._submit(tab, "#file", size)

    def _submit(self, tab: Page, form: str, size: int) -> str:
        name = f"n{len(self.sent)}"
        self.sent[name] = size
        tab.fill(f"{form} [name=id]", name)
        tab.fill(f"{form} [name=pause]", str(self._random.choice([0, 0, *self._pace.pauses[:2]])))
        return f"{name}, {self._click(tab, f'{form} button', 0)}"

    def _click(self, tab: Page, selector: str, number: int) -> str:
        """Wait for what a click leads to, abort it, or leave it loading while something else is done."""
        clicked = tab.locator(selector).nth(number)
        [how] = self._random.choices(["waited for", "aborted", "left loading"], [5, 3, 2])
        self.counts[how] += 1
        if how == "waited for":
            with tab.expect_navigation():
                clicked.click(no_wait_after=True)
            return how
        clicked.click(no_wait_after=True)
        if how == "left loading":
            return how
        after = self._random.randint(0, _MAX_ABORT_MS)
        tab.wait_for_timeout(after)
        return f"{how} after {after} ms, {self._leave(tab)}"

    def _leave(self, tab: Page) -> str:
        """Abort what the tab is loading: by closing the tab, or by going to another address."""
        if self._random.random() < 0.5:
            tab.goto(f"{self._app.url}/page")
            return "for another page"
        self._tabs[self._tabs.index(tab)] = tab.context.new_page()
        tab.close()
        self._pending.clear()  # nobody says how the requests of a closed tab end; the app knows what it still does
        return "by closing the tab"

    def _reload(self, tab: Page) -> str:
        tab.reload()
        return tab.url

    def _go_back(self, tab: Page) -> str:
        tab.go_back()
        return tab.url

    def _read(self, tab: Page, at_least: int = 1) -> str:
        """Let time go by while nothing is under way, which no request can tell from a visitor who reads."""
        until = time.monotonic() + _QUIET_WITHIN_S
        while self._pending or self._app.under_way() or self._app.under_way():
            if time.monotonic() > until:
                return f"in vain, {self._app.under_way()} under way: {[request.url for request in self._pending]}"
            tab.wait_for_timeout(50)
        self.counts["read"] += 1
        reads = self._random.randint(at_least, self._pace.access_token_validity * 3 // 2)
        self._app.clock.advance(ms=reads * 1000)
        return f"for {reads} s"

    def _come_back_to_images(self, tab: Page) -> str:
        """Open the page of images when the tokens are dead: many requests renew at the same time."""
        read = self._read(tab, self._pace.access_token_validity + 1)
        tab.goto(f"{self._app.url}/gallery")
        return read

    def _kill_server(self, tab: Page) -> str:
        tab.locator("nav a").nth(self._random.randrange(4)).click(no_wait_after=True)
        tab.wait_for_timeout(self._random.randint(0, _MAX_ABORT_MS))
        self._app.kill()
        self._app.start()
        return "and start it again"
