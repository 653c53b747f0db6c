# SPDX-License-Identifier: Apache-2.0
"""A browser window of its own cookie jar, and its tabs on the page of the contract app."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response

from .contract_app import USER

_REFUSED: Final = re.compile("Failed to load resource: the server responded with a status of 401 ")

Through = Literal["the library", "nothing"]


@dataclass(frozen=True)
class Answer:
    """What a call gave to the page's script. Status 0: it rejected."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        return self.status == 200


class Window:
    """One cookie jar, and what the console said that nobody expected."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self._expected = [_REFUSED]
        self._responses: list[Response] = []
        self._context = context
        context.set_default_timeout(20_000)
        context.on("console", self._hear)
        context.on("response", lambda response: self._responses.append(response))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def expect_in_console(self, pattern: str) -> None:
        """What a test provokes beside refused calls, which Chromium reports by itself."""
        self._expected.append(re.compile(pattern))

    def tab(self, origin: str, api: str | None = None) -> Tab:
        """A new tab on the page of that origin; the API is there, or at `api`."""
        page = self._context.new_page()
        page.goto(f"{origin}/index.html" + (f"?api={api}" if api else ""))
        return Tab(page)

    def cookie(self, name: str) -> str | None:
        """Its value, wherever it applies."""
        values = [cookie["value"] for cookie in self._context.cookies() if cookie["name"] == name]
        assert len(values) <= 1, f"{len(values)} cookies have the name {name}"
        return values[0] if values else None

    @property
    def cookies(self) -> set[str]:
        """The names of all."""
        return {cookie["name"] for cookie in self._context.cookies()}

    @property
    def domains(self) -> set[str]:
        """Where cookies apply; with a leading dot also below."""
        return {cookie["domain"] for cookie in self._context.cookies()}

    @property
    def first_expiry(self) -> float:
        """When the first of all cookies expires, in seconds since the epoch; -1 if one goes with the window."""
        return min(cookie["expires"] for cookie in self._context.cookies())

    def forget(self, name: str) -> None:
        """As browsers do that are short of space."""
        self._context.clear_cookies(name=name)

    def damage(self, name: str, value: str) -> None:
        """Something else wrote over it."""
        [cookie] = [cookie for cookie in self._context.cookies() if cookie["name"] == name]
        self._context.add_cookies([{**cookie, "value": value}])  # type: ignore[typeddict-item]

    def received(self, name: str, path: str) -> list[str]:
        """The values of that cookie in the answers from `path`, one for each that sets it."""
        answers = [response for response in self._responses if urlsplit(response.url).path == path]
        lines = [line for answer in answers for line in answer.header_values("set-cookie")]
        pairs = (line.partition(";")[0].partition("=") for line in lines)
        return [value for key, _, value in pairs if key == name]

    def close(self) -> None:
        for page in self._context.pages:
            page.evaluate("0")  # what was said before is heard by now
        self._context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(known.match(message.text) for known in self._expected):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")


class Tab:
    """One page. Calls go through the library's `fetch` unless they say otherwise."""

    _KEPT: Final = "() => JSON.stringify([document.cookie, localStorage.getItem('anti-csrf-localstorage')])"

    def __init__(self, page: Page) -> None:
        self.page = page

    def login(self, user_id: str = USER) -> None:
        assert self.call("/login", "POST", {"userId": user_id}) == Answer(200, user_id)

    def call(self, path: str = "/", method: str = "GET", body: Any = None, through: Through = "the library") -> Answer:
        [answer] = self.start(path, method, body, through=through).answers()
        return answer

    def start(
        self,
        path: str = "/",
        method: str = "GET",
        body: Any = None,
        *,
        times: int = 1,
        through: Through = "the library",
    ) -> Calls:
        """The same call `times` at once, under way while the test goes on."""
        what = {"path": path, "method": method} | ({} if body is None else {"body": body})
        function = "call" if through == "the library" else "callRaw"
        self.page.evaluate(f"([what, times]) => startCalls({function}, what, times)", [what, times])
        return Calls(self.page)

    def start_refresh(self) -> None:
        """As an application does that refreshes ahead of time."""
        self.page.evaluate("() => { window.refreshing = library.attemptRefreshingSession(); }")

    def refreshed(self) -> bool:
        """How that ended."""
        return bool(self.page.evaluate("() => window.refreshing"))

    @property
    def session_exists(self) -> bool:
        return bool(self.page.evaluate("() => library.doesSessionExist()"))

    @property
    def anti_csrf(self) -> str | None:
        """What the library keeps for the header."""
        value: str | None = self.page.evaluate("() => localStorage.getItem('anti-csrf-localstorage')")
        return value

    def catch_up_with(self, other: Tab) -> None:
        """Wait until this tab sees what the library keeps as the other one does.

        Chromium brings to other tabs what a page puts into its storage, and now and then its cookies, a moment later:
        in 2,000 tries a tab saw a new cookie beside the old storage 4 times.
        """
        kept = self._KEPT
        self.page.wait_for_function(f"wanted => ({kept})() === wanted", arg=other.page.evaluate(kept), polling=10)

    def put_anti_csrf(self, value: str | None) -> None:
        """Another value than the one that came last."""
        self.page.evaluate("value => localStorage.setItem('anti-csrf-localstorage', value)", value)

    @property
    def refreshes(self) -> int:
        """How often the refresh API was called, by anyone."""
        return int(self.call("/refreshCalledTime", through="nothing").text)

    @property
    def verifications(self) -> int:
        """How often `GET /` was called, by anyone."""
        return int(self.call("/getSessionCalledTime", through="nothing").text)

    @property
    def payload(self) -> Any:
        """What the API says that the token carries."""
        answer = self.call("/update-jwt")
        assert answer.ok, answer
        return json.loads(answer.text)


class Calls:
    """Calls under way in a page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def answers(self) -> list[Answer]:
        """Waits for all of them."""
        return [Answer(**answer) for answer in self._page.evaluate("() => Promise.all(window.calls)")]
