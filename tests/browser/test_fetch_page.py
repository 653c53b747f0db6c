# SPDX-License-Identifier: Apache-2.0
"""The scripts of docs/fetch.md in a real browser, as a reader would paste them into a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.flask import SuperTokens, create_new_session, supertokens_middleware
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock
from tests.docs.pages import page as document

from .conftest import Serve
from .sites import known_session

pytestmark = pytest.mark.browser

WITH_SERVER, WITH_CLIENT = (block.text for block in document("docs/fetch.md").blocks if "function call(" in block.text)
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "server": {"renewal": "server"},
    "client": {"renewal": "client", "enable_anti_csrf": True},
}
SCRIPTS: Final = {"server": WITH_SERVER, "client": WITH_CLIENT}
MAX_LINES: Final = 40


class Served:
    """An app whose pages have the script; `kinds` is what has happened to sessions."""

    def __init__(self, renewal: str, store: SqliteStore, clock: FakeClock) -> None:
        self.app = Flask("an_app")
        self.clock = clock
        self.kinds: list[str] = []
        self.core = EmbeddedCore(Config(**SETTINGS[renewal]), store, clock=clock)
        self.core.signals.connect(lambda event: self.kinds.append(event.kind))
        SuperTokens(self.app, core=self.core, routes=True, cookie_secure=False, **SETTINGS[renewal])
        self.app.extensions["supertokens"].edge.clock = clock
        html = f'<!doctype html><link rel="icon" href="data:,"><script>{SCRIPTS[renewal]}</script>'
        self.app.add_url_rule("/", "page", lambda: html)
        self.app.add_url_rule("/login", "login_page", lambda: "the log-in page")
        self.app.add_url_rule("/note", "note", supertokens_middleware(self._note), methods=["GET", "POST"])

        @self.app.post("/login")
        def login() -> str:
            create_new_session(None, "ada")
            return "in"

    @staticmethod
    def _note() -> str:
        return known_session().get_user_id()


@pytest.fixture(params=SCRIPTS)
def served(request: pytest.FixtureRequest, store: SqliteStore, clock: FakeClock) -> Served:
    return Served(request.param, store, clock)


@pytest.fixture
def tabs(served: Served, serve: Serve, chromium: Browser) -> Iterator[tuple[Page, Page]]:
    """Two tabs of a browser that has logged in by the page's script."""
    with serve(served.app) as port, closing(chromium.new_context()) as context:
        first, second = context.new_page(), context.new_page()
        first.goto(f"http://127.0.0.1:{port}/")
        assert first.evaluate("call('/login', {method: 'POST'}).then(response => response.text())") == "in"
        second.goto(first.url)
        yield first, second


_CALLS: Final = """method => Promise.all([1, 2, 3].map(() => call("/note", {method}).then(answer => answer.text())))"""


def test_the_script_has_forty_lines() -> None:
    assert len([line for line in WITH_CLIENT.splitlines() if line.strip()]) <= MAX_LINES


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_calls_in_two_tabs_go_on_after_tokens_have_died(served: Served, tabs: tuple[Page, Page], method: str) -> None:
    for _ in range(3):
        served.clock.advance(hours=2)
        for tab in tabs:
            assert tab.evaluate(_CALLS, method) == ["ada"] * 3
    assert "theft" not in served.kinds
    assert served.kinds.count("created") == 1
    assert len(served.core.session_handles("ada")) == 1
    if "refreshed" in served.kinds:
        # One for all calls of both tabs; one more for the anti-CSRF value of the second tab.
        assert served.kinds.count("refreshed") == 3 + (method == "POST")


def test_when_the_session_has_ended_the_page_goes_to_the_log_in(served: Served, tabs: tuple[Page, Page]) -> None:
    tab, _ = tabs
    served.core.revoke_user("ada")
    served.clock.advance(hours=2)
    tab.evaluate("void call('/note')")
    tab.wait_for_url("**/login*")
    assert tab.inner_text("body") == "the log-in page"
