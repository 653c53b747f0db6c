# SPDX-License-Identifier: Apache-2.0
"""A page's script that keeps the tokens itself: after the log-in it sends them as bearers, and nothing else of ours."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from supertokens.core import EmbeddedCore
from supertokens.testing import FakeClock

from .sites import SHOP, Site, ask, served_over_tls, shop

pytestmark = pytest.mark.browser


@pytest.fixture
def here(browser: BrowserContext, running: ExitStack, core: EmbeddedCore, clock: FakeClock, tmp_path: Path) -> Site:
    return Site(browser, SHOP, running.enter_context(served_over_tls(shop(core, clock), tmp_path)))


def tokens(page: Page, here: Site, path: str, headers: dict[str, str], body: str = "") -> dict[str, str]:
    """Return the tokens that an answer hands to the page's script."""
    given: Any = page.evaluate(
        "([url, headers, body]) => fetch(url, {method: 'POST', headers, body}).then(answer => ["
        " answer.status, answer.headers.get('st-access-token'), answer.headers.get('st-refresh-token')])",
        [here.url + path, headers | {"content-type": "application/x-www-form-urlencoded"}, body],
    )
    assert given[0] == 200
    return {"access": given[1], "refresh": given[2]}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_after_the_log_in_a_bearer_alone_is_enough_to_be_checked_to_refresh_and_to_log_out(here: Site) -> None:
    page = here.tab()
    # The redirect after the log-in is followed by the browser without the tokens, so that it ends in a refusal.
    first = page.evaluate(
        "url => fetch(url, {method: 'POST', redirect: 'manual', headers: {'st-auth-mode': 'header'},"
        " body: new URLSearchParams({user: 'ada'})}).then(answer => answer.type)",
        here.url + "/login",
    )
    assert first == "opaqueredirect"
    assert here.cookies == {}

    given = tokens(page, here, "/sign-in", {"st-auth-mode": "header"}, "user=ada")
    assert here.cookies == {}
    for method in ("GET", "POST"):
        assert ask(page, here.url + "/account", method, bearer(given["access"])) == "the account of ada"
    renewed = tokens(page, here, "/session/refresh", bearer(given["refresh"]))
    first_use = tokens(page, here, "/account", bearer(renewed["access"]))
    assert first_use["access"] not in (None, renewed["access"])
    assert ask(page, here.url + "/protected-logout", "POST", bearer(first_use["access"])) == "logged out"
    assert ask(page, here.url + "/session/refresh", "POST", bearer(renewed["refresh"])).startswith("refused")
    assert here.cookies == {}


@pytest.mark.parametrize("foreign", ["of.another.system", "opaque", "eyJhbGciOiJub25lIn0.e30."])
def test_a_bearer_of_another_system_beside_good_cookies_is_left_to_the_application(here: Site, foreign: str) -> None:
    here.log_in("ada")
    page = here.tab()
    assert ask(page, here.url + "/account", "GET", bearer(foreign)) == "the account of ada"
    assert ask(page, here.url + "/session/refresh", "POST", bearer(foreign)) == "refreshed"
    assert ask(page, here.url + "/account", "POST", bearer(foreign)) == "the account of ada"


def test_a_bearer_counts_before_the_cookies_of_somebody_else_and_touches_none(here: Site) -> None:
    page = here.tab()
    machine = tokens(page, here, "/sign-in", {"st-auth-mode": "header"}, "user=machine")
    here.log_in("ada")
    before = here.cookies
    for method in ("GET", "POST"):
        assert ask(page, here.url + "/account", method, bearer(machine["access"])) == "the account of machine"
    assert here.cookies == before
    assert here.text("/account") == "the account of ada"
