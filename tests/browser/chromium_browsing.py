# SPDX-License-Identifier: Apache-2.0
"""Chromium as a visitor without scripts has it, through Playwright."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, Request, Response
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import TimeoutError as BrowserTimeoutError

from .browsing import SPENT_HEADER, Heard, InterruptedNavigationError, heard_nothing

_PATIENCE_MS = 40_000


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except BrowserTimeoutError:
        raise
    except BrowserError as error:
        raise InterruptedNavigationError(error.message.splitlines()[0]) from None


class ChromiumTab:
    """A `Tab` of Chromium."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def url(self) -> str:
        return self._page.url

    @_interruptible()
    def open(self, url: str) -> None:
        self._page.goto(url)

    @_interruptible()
    def reload(self) -> None:
        self._page.reload()

    @_interruptible()
    def go_back(self) -> None:
        self._page.go_back()

    @_interruptible()
    def texts(self, selector: str) -> list[str]:
        return self._page.locator(selector).all_inner_texts()

    @_interruptible()
    def fill(self, selector: str, text: str) -> None:
        self._page.fill(selector, text)

    @_interruptible()
    def choose_file(self, selector: str, file: Path) -> None:
        self._page.set_input_files(selector, file)

    @_interruptible()
    def click(self, selector: str, number: int = 0, *, wait: bool) -> None:
        # A tab in the back may draw nothing, so that an element would be waited for until it stands still.
        self._page.bring_to_front()
        clicked = self._page.locator(selector).nth(number)
        if wait:
            with self._page.expect_navigation():
                clicked.click(force=True, no_wait_after=True)
        else:
            clicked.click(force=True, no_wait_after=True)

    def close(self) -> None:
        # Without waiting for it: one tab in fifty that is closed while it loads never says that it is closed.
        context = self._page.context
        target = context.new_cdp_session(self._page).send("Target.getTargetInfo")["targetInfo"]["targetId"]
        assert context.browser is not None
        context.browser.new_browser_cdp_session().send("Target.closeTarget", {"targetId": target})


class ChromiumBrowsing:
    """`Browsing` in a context of Chromium whose scripts are switched off. Tabs may stay in it that were closed."""

    def __init__(self, context: BrowserContext) -> None:
        self.heard: Callable[[Heard], None] = heard_nothing
        self._context = context
        self._loading: set[Request] = set()
        self._stays = context.new_page()
        context.set_default_timeout(_PATIENCE_MS)
        context.on("request", lambda request: self._loading.add(request))
        context.on("requestfinished", lambda request: self._loading.discard(request))
        context.on("requestfailed", lambda request: self._loading.discard(request))
        context.on("response", self._hear)

    def new_tab(self) -> ChromiumTab:
        return ChromiumTab(self._context.new_page())

    def wait(self, ms: float) -> None:
        self._stays.wait_for_timeout(ms)

    def loading(self) -> list[str]:
        return [request.url for request in self._loading]

    def forget_loading(self) -> None:
        self._loading.clear()

    def _hear(self, response: Response) -> None:
        headers, begun = response.headers, response.request.timing["responseStart"]
        spent = headers.get(SPENT_HEADER)
        self.heard(
            Heard(
                response.request.method,
                response.url,
                response.status,
                headers.get("location", ""),
                begun - float(spent) if spent is not None and begun > 0 else None,
            )
        )
