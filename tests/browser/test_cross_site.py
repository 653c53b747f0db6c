# SPDX-License-Identifier: Apache-2.0
"""Other sites in a real browser: none of them logs a visitor out, by whatever they make the browser send."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, Page

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .sites import DEEP, ELSEWHERE, NEIGHBOUR, SHOP, Site, pages_of, served_over_tls, shop

pytestmark = pytest.mark.browser

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "lax": {"cookie_same_site": "lax"},
    "strict": {"cookie_same_site": "strict"},
    "none": {"cookie_same_site": "none", "cookie_secure": True, "enable_anti_csrf": True},
}
TARGETS: Final = ("/account", "/session/refresh", "/protected-logout")


def form(url: str) -> str:
    return f'<form id="it" method="post" action="{url}"></form><script>it.submit()</script>'


def link(url: str) -> str:
    return f'<a id="it" href="{url}">look</a><script>it.click()</script>'


def script(url: str) -> str:
    return (
        f"<script>fetch({url!r}, {{method: 'POST', mode: 'no-cors', credentials: 'include'}})"
        f".finally(() => location = '/done')</script>"
    )


def image(url: str) -> str:
    return f"<img src='{url}' onerror=\"location = '/done'\">"


def frame(url: str) -> str:
    return f"<iframe src='{url}' onload=\"location = '/done'\"></iframe>"


WAYS: Final = {"form": form, "link": link, "script": script, "image": image, "frame": frame}
NAVIGATIONS: Final = ("form", "link")
EVERYTHING: Final = [
    *product([ELSEWHERE], WAYS, SETTINGS, TARGETS),
    # To a browser a neighbour is the same site: what keeps its forms out is the anti-CSRF value.
    *product([NEIGHBOUR], ["form", "script"], ["none"], TARGETS),
]
WHAT_WAS_BROKEN: Final = [
    (ELSEWHERE, "form", "lax", "/account"),
    (ELSEWHERE, "form", "strict", "/session/refresh"),
    (ELSEWHERE, "form", "none", "/protected-logout"),
    (ELSEWHERE, "link", "strict", "/account"),
]


def attack(page: Page, url: str, landing: str) -> None:
    """Open the other site's page, and wait until the browser has followed it."""
    page.goto(url, wait_until="commit")
    page.wait_for_url(landing)
    page.wait_for_load_state()


@pytest.mark.parametrize(("host", "way", "same_site", "target"), EVERYTHING if DEEP else WHAT_WAS_BROKEN)
def test_another_site_logs_nobody_out(
    browser: BrowserContext,
    running: ExitStack,
    store: SqliteStore,
    clock: FakeClock,
    tmp_path: Path,
    host: str,
    way: str,
    same_site: str,
    target: str,
) -> None:
    settings = SETTINGS[same_site]
    app = shop(EmbeddedCore(Config(**settings), store, clock=clock), clock, **settings)
    port = running.enter_context(served_over_tls(app, tmp_path / "shop"))
    here = Site(browser, SHOP, port)
    other = pages_of({"/attack": lambda: WAYS[way](here.url + target), "/done": lambda: "done"})
    other_port = running.enter_context(served_over_tls(other, tmp_path / "other"))
    elsewhere = Site(browser, host, other_port)
    here.log_in("ada")
    before = here.cookies
    assert len(before) == 3

    landing = here.url + target if way in NAVIGATIONS else elsewhere.url + "/done"
    attack(browser.new_page(), elsewhere.url + "/attack", landing)

    assert here.cookies.keys() == before.keys()
    assert here.text("/account") == "the account of ada"
    assert here.send("/session/refresh") == "refreshed"
    assert here.text("/account") == "the account of ada"
