# SPDX-License-Identifier: Apache-2.0
"""What other sites can make a browser send to an app that asks for no anti-CSRF value (`anti_csrf: origin`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask, Response, redirect, request
from playwright.sync_api import Browser, BrowserContext

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.flask import SuperTokens, create_new_session, supertokens_middleware
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .conftest import FLAGS, executable
from .cross_site import WAYS, by_a_detour, site_of_attackers
from .sites import DEEP, ELSEWHERE, NEIGHBOUR, SHOP, Site, known_session, served_over_tls

pytestmark = pytest.mark.browser

REACHED: Final = "view"
NOT_SENT: Final = "-"
BY_STATUS: Final = {401: "401", 403: "403"}

# What becomes of each way: it reaches the view as the visitor, finds no session (the browser sent no cookies), is
# refused, or is not even sent. The places are the shop itself, a neighbour below the same domain, which for cookies is
# the same site whatever SameSite says, and another site, by the SameSite of the cookies; both also as a trusted origin.
PLACES: Final = (
    "untrusted itself lax",
    "untrusted neighbour none", "trusted neighbour none",
    "untrusted elsewhere strict", "untrusted elsewhere lax", "untrusted elsewhere none",
    "trusted elsewhere strict", "trusted elsewhere lax", "trusted elsewhere none",
)  # fmt: skip
TABLE: Final = """
link                            | view | view view | 401  view view | 401  view view
link, by a detour               | view | view view | 401  view view | 401  view view
form                            | view | view view | 401  view view | 401  view view
form POST                       | view | 403  view | 403  403  403  | 401  401  view
form POST, by a detour          | 403  | 403  403  | 403  403  403  | 403  403  403
image                           | view | view view | 401  401  view | 401  401  view
frame                           | view | view view | 401  401  view | 401  401  view
form POST in a frame            | view | 403  view | 403  403  403  | 401  401  view
fetch no-cors                   | view | view view | 401  401  view | 401  401  view
fetch no-cors POST              | view | 403  view | 403  403  403  | 401  401  view
fetch no-cors POST, by a detour | 403  | 403  403  | 403  403  403  | 403  403  403
fetch cors                      | view | view view | 401  401  view | 401  401  view
fetch cors POST                 | view | 403  view | 403  403  403  | 401  401  view
fetch cors PUT                  | view | -    view | -    -    -    | 401  401  view
fetch same-origin POST          | view | -    -    | -    -    -    | -    -    -
sandboxed form POST             | 403  | 403  403  | 403  403  403  | 403  403  403
sandboxed fetch POST            | 403  | 403  403  | 403  403  403  | 403  403  403
data: URL, form POST            | 403  | 403  403  | 403  403  403  | 403  403  403
WebSocket                       | view | 403  view | 403  403  403  | 401  401  view
sandboxed WebSocket             | 403  | 403  403  | 403  403  403  | 403  403  403
"""
TRIED: Final = (
    (*PLACES, "untrusted neighbour strict", "untrusted neighbour lax", "trusted neighbour strict")
    if DEEP
    else (
        "untrusted itself lax", "untrusted neighbour none", "untrusted elsewhere lax", "untrusted elsewhere none",
        "trusted elsewhere none",
    )
)  # fmt: skip
HOSTILE: Final = [place for place in TRIED if place.startswith("untrusted") and "itself" not in place]


def expected(place: str) -> dict[str, str]:
    """Return what a place's page reaches, by the way."""
    trust, where, _ = place.split()
    column = PLACES.index(place if place in PLACES else f"{trust} {where} none")
    rows = (line.partition("|") for line in TABLE.strip().splitlines())
    return {way.strip(): cells.replace("|", " ").split()[column] for way, _, cells in rows}


class Shop:
    """An app with a page that may be changed, and what has reached it, by the name in the address."""

    def __init__(self, store: SqliteStore, clock: FakeClock, trusted: list[str], same_site: str) -> None:
        self.reached: dict[str, str] = {}
        settings: dict[str, Any] = {
            "renewal": "server", "cookie_same_site": same_site, "cookie_secure": True, "trusted_origins": trusted,
        }  # fmt: skip
        self.app = Flask("shop")
        SuperTokens(self.app, core=EmbeddedCore(Config(**settings), store, clock=clock), routes=True, **settings)
        self.app.extensions["supertokens"].edge.clock = clock
        self._trusted = trusted
        self._add_pages()
        self.app.after_request(self._note)

    def _add_pages(self) -> None:
        @self.app.get("/")
        def home() -> str:
            return '<!doctype html><link rel="icon" href="data:,"><body>'

        @self.app.post("/login")
        def login() -> Any:
            create_new_session(None, request.form["user"])
            return redirect("/account", 303)

        @self.app.get("/account")
        @supertokens_middleware
        def account() -> str:
            return f"the account of {known_session().get_user_id()}"

        @supertokens_middleware
        def change(name: str) -> str:
            assert known_session().get_user_id() == "ada"
            self.reached[name] = REACHED
            return "changed"

        self.app.add_url_rule("/change/<name>", "change", change, methods=["GET", "POST", "PUT"])
        self.app.add_url_rule("/socket/<name>", "socket", change, websocket=True)

    def _note(self, response: Response) -> Response:
        name = (request.view_args or {}).get("name", request.path)
        if request.method != "OPTIONS" and response.status_code in BY_STATUS:
            self.reached[name] = BY_STATUS[response.status_code]
        if request.origin in self._trusted:
            response.headers["Access-Control-Allow-Origin"] = request.origin
            response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT"
        return response


@pytest.fixture
def browser(chromium: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser that sends the cookies of third parties, as many still do; this Chromium has to be told to."""
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps({"profile": {"cookie_controls_mode": 0}}))
    with closing(
        chromium.browser_type.launch_persistent_context(
            profile,
            executable_path=executable(),
            headless=True,
            args=list(FLAGS),
            ignore_https_errors=True,
        )
    ) as opened:
        opened.set_default_timeout(20_000)
        yield opened


class Visit:
    """A visitor of the shop, logged in, who looks at pages of attackers."""

    def __init__(
        self, browser: BrowserContext, running: ExitStack, store: SqliteStore, clock: FakeClock, folder: Path,
        place: str,
    ) -> None:  # fmt: skip
        trust, where, same_site = place.split()
        attackers = running.enter_context(served_over_tls(site_of_attackers(), folder / "attackers"))
        self._elsewhere = Site(browser, ELSEWHERE, attackers)
        hosts = {"neighbour": NEIGHBOUR, "elsewhere": ELSEWHERE}
        self._attacker = None if where == "itself" else Site(browser, hosts[where], attackers)
        trusted = [self._attacker.origin] if self._attacker is not None and trust == "trusted" else []
        self._clock = clock
        self._shop = Shop(store, clock, trusted, same_site)
        self._here = Site(browser, SHOP, running.enter_context(served_over_tls(self._shop.app, folder / "shop")))
        self._here.log_in("ada")
        self._cookies = self._here.cookies.keys()
        self._page = browser.new_page()

    def attacked(self, way: str, path: str = "") -> str:
        """Return what the shop did with what a way sent, after tokens had died; nobody is logged out by it."""
        self._clock.advance(hours=2)
        name = way.replace(" ", "-")
        url = f"{self._here.url}{path or f'/socket/{name}' if 'WebSocket' in way else f'/change/{name}'}"
        self._page.goto((self._attacker or self._here).url)
        WAYS[way].go(self._page, url, by_a_detour(self._elsewhere.origin, url))
        assert self._here.cookies.keys() == self._cookies
        self._page.goto(f"{self._here.url}/account")
        assert self._page.inner_text("body") == "the account of ada"
        return self._shop.reached.pop(path or name, NOT_SENT)


@pytest.fixture
def visit(
    browser: BrowserContext,
    running: ExitStack,
    store: SqliteStore,
    clock: FakeClock,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Visit:
    """A visitor of a shop, at the place that the test names."""
    return Visit(browser, running, store, clock, tmp_path, request.param)


@pytest.mark.parametrize(("visit", "place"), [(place, place) for place in TRIED], indirect=["visit"])
def test_what_a_page_reaches_as_the_visitor_and_that_it_logs_nobody_out(visit: Visit, place: str) -> None:
    assert {way: visit.attacked(way) for way in WAYS} == expected(place)


@pytest.mark.parametrize("path", ["/signout", "/session/refresh"])
@pytest.mark.parametrize("visit", HOSTILE if DEEP else HOSTILE[-1:], indirect=True)
def test_no_page_of_another_site_logs_out_or_refreshes(visit: Visit, path: str) -> None:
    for way in WAYS:
        if WAYS[way].method == "POST":
            assert visit.attacked(way, path) in ("403", NOT_SENT)
