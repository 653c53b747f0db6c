# SPDX-License-Identifier: Apache-2.0
"""A browser window of its own cookie jar, and its tabs on the page of the contract app."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response

from .contract_app import USER

_REFUSED: Final = re.compile("Failed to load resource: the server responded with a status of 401 ")

Through = Literal["the library", "XMLHttpRequest", "nothing"]
Mode = Literal["cookie", "header"]

both_modes = pytest.mark.parametrize("mode", ["cookie", "header"])

_CALL_THROUGH: Final[Mapping[Through, str]] = {
    "the library": "call",
    "XMLHttpRequest": "callByXhr",
    "nothing": "callRaw",
}


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

    def tab(self, origin: str, **options: str) -> Website4Tab:
        """Open a tab on the page of that origin with supertokens-website 4.2.0.

        `options`: where the API is (`api`), if not there, and its path for a refresh (`refresh`), if not "/refresh".
        """
        return Website4Tab(self._open(f"{origin}/4.2.0/index.html", options))

    def tab_20(self, origin: str, mode: Mode = "cookie", **options: str) -> Website20Tab:
        """Open a tab on the page of that origin with supertokens-website 20.1.6.

        `options`: where the API is (`api`), if not there; the `base` of its paths, if not "/auth"; `lock="none"` for
        a page whose refreshes wait for nothing.
        """
        return Website20Tab(self._open(f"{origin}/20.1.6/index.html", {"mode": mode, **options}))

    def _open(self, url: str, options: Mapping[str, str]) -> Page:
        page = self._context.new_page()
        page.goto(f"{url}?{urlencode(options)}")
        return page

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

    def plant(self, name: str, value: str, url: str) -> None:
        """A cookie that something else has left at the root of that origin."""
        self._context.add_cookies([{"name": name, "value": value, "url": url}])

    def forget(self, name: str) -> None:
        """As browsers do that are short of space."""
        self._context.clear_cookies(name=name)

    def set_time(self, moment: int) -> None:
        """Let it be `moment` (ms since the epoch) for the scripts of all pages. Timers go on as they are."""
        self._context.clock.set_system_time(moment / 1000)

    def damage(self, name: str, value: str) -> None:
        """Something else wrote over it."""
        [cookie] = [cookie for cookie in self._context.cookies() if cookie["name"] == name]
        self._context.add_cookies([{**cookie, "value": value}])  # type: ignore[typeddict-item]

    def received(self, name: str, path: str) -> list[str]:
        """The values of that cookie in the answers from `path`, one for each that sets it."""
        pairs = (line.partition(";")[0].partition("=") for line in self.received_in_header("set-cookie", path))
        return [value for key, _, value in pairs if key == name]

    def received_in_header(self, name: str, path: str) -> list[str]:
        """The values of that header in the answers from `path`."""
        answers = [response for response in self._responses if urlsplit(response.url).path == path]
        return [value for answer in answers for value in answer.header_values(name)]

    def close(self) -> None:
        for page in self._context.pages:
            page.evaluate("0")  # what was said before is heard by now
        self._context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(known.match(message.text) for known in self._expected):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")


class Tab:
    """One page. Calls go through the library's `fetch` unless they say otherwise."""

    _SUBMIT: Final = """([path, fields]) => {
      const form = document.createElement("form");
      form.method = "post";
      form.action = path;
      for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement("input"), {name, value}));
      }
      document.body.append(form);
      form.submit();
    }"""
    _KEPT: Final = "() => JSON.stringify([document.cookie, localStorage.getItem('anti-csrf-localstorage')])"

    def __init__(self, page: Page) -> None:
        self.page = page
        self._url = page.url

    def go_to(self, path: str) -> Answer:
        """Leave the page by a navigation, as by a link."""
        response = self.page.goto(urljoin(self._url, path))
        assert response is not None
        return Answer(response.status, response.text())

    def submit(self, path: str, **fields: str) -> Answer:
        """Leave the page by a form."""
        with self.page.expect_navigation() as navigation:
            self.page.evaluate(self._SUBMIT, [path, fields])
        return Answer(navigation.value.status, navigation.value.text())

    def come_back(self) -> None:
        """Load the page with the library again."""
        self.page.goto(self._url)

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
        self.page.evaluate(f"([what, times]) => startCalls({_CALL_THROUGH[through]}, what, times)", [what, times])
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

    def catch_up_with(self, other: Tab) -> None:
        """Wait until this tab sees what the library keeps as the other one does.

        Chromium brings to other tabs what a page puts into its storage, and now and then its cookies, a moment later:
        in 2,000 tries a tab saw a new cookie beside the old storage 4 times.
        """
        kept = self._KEPT
        self.page.wait_for_function(f"wanted => ({kept})() === wanted", arg=other.page.evaluate(kept), polling=10)

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


class Website4Tab(Tab):
    """A page with supertokens-website 4.2.0."""

    @property
    def anti_csrf(self) -> str | None:
        """What the library keeps for the header."""
        value: str | None = self.page.evaluate("() => localStorage.getItem('anti-csrf-localstorage')")
        return value

    def put_anti_csrf(self, value: str | None) -> None:
        """Another value than the one that came last."""
        self.page.evaluate("value => localStorage.setItem('anti-csrf-localstorage', value)", value)


class Website20Tab(Tab):
    """A page with supertokens-website 20.1.6."""

    @property
    def anti_csrf(self) -> str | None:
        """What the library keeps for the header."""
        found = re.search("(?:^|; )sAntiCsrf=([^;]*)", self.page.evaluate("() => document.cookie"))
        return found[1] if found else None

    def sign_out(self) -> None:
        """By the library, which posts to its sign-out route."""
        self.page.evaluate("() => library.signOut()")

    @property
    def user_id(self) -> str:
        """As the library reads it from the front token."""
        return str(self.page.evaluate("() => library.getUserId()"))

    @property
    def claims(self) -> Any:
        """What the library reads from the front token, after a refresh where the access token has expired."""
        return self.page.evaluate("() => library.getAccessTokenPayloadSecurely()")

    def claim(self, name: str) -> Any:
        """The value of a claim that has the form of SuperTokens' own."""
        make = "name => new supertokens.PrimitiveClaim({id: name, refresh: async () => undefined})"
        return self.page.evaluate(f"name => library.getClaimValue({{claim: ({make})(name)}})", name)

    @property
    def access_token(self) -> str | None:
        """What the library hands to the page, in header mode."""
        token: str | None = self.page.evaluate("() => library.getAccessToken()")
        return token

    def events(self) -> list[str]:
        """What the library has told the page since this was last asked."""
        return list(self.page.evaluate("() => events.splice(0)"))


class Calls:
    """Calls under way in a page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def answers(self) -> list[Answer]:
        """Waits for all of them."""
        return [Answer(**answer) for answer in self._page.evaluate("() => Promise.all(window.calls)")]
