# SPDX-License-Identifier: Apache-2.0
"""An answer to a request from before a log-in may arrive after it: what was made for nobody undoes nothing."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import BrowserContext

from supertokens.core import EmbeddedCore
from supertokens.testing import FakeClock

from .sites import DEEP, SHOP, Site, served_over_tls, shop
from .wire import Wire

pytestmark = pytest.mark.browser

SLOW: Final = ("GET /", "GET /account", "POST /account", "POST /session/refresh")
DIALECTS: Final[dict[str, dict[str, str]]] = {
    "plain": {},
    "legacy": {"supertokens-sdk-name": "website"},
    "modern": {"st-auth-mode": "cookie"},
    "header mode": {"st-auth-mode": "header"},
}
MEANWHILE: Final = (("log in",), ("log in", "refresh", "check"), ("log in", "log out", "log in"))
EVERYTHING: Final = list(product(SLOW, DIALECTS, MEANWHILE))
WHAT_WAS_BROKEN: Final = [
    ("GET /", "plain", MEANWHILE[0]),
    ("POST /account", "legacy", MEANWHILE[0]),
    ("POST /session/refresh", "modern", MEANWHILE[1]),
]


@pytest.mark.parametrize(("route", "dialect", "meanwhile"), EVERYTHING if DEEP else WHAT_WAS_BROKEN)
def test_an_answer_for_nobody_that_a_log_in_overtook_leaves_the_visitor_logged_in(
    browser: BrowserContext,
    running: ExitStack,
    core: EmbeddedCore,
    clock: FakeClock,
    tmp_path: Path,
    route: str,
    dialect: str,
    meanwhile: tuple[str, ...],
) -> None:
    app = shop(core, clock)
    app.wsgi_app = wire = Wire(app.wsgi_app)  # type: ignore[method-assign]
    here = Site(browser, SHOP, running.enter_context(served_over_tls(app, tmp_path)))
    slow, user = here.tab("/login"), here.tab("/login")
    gate = wire.hold(route, 1)
    method, path = route.split()
    slow.evaluate(
        "([url, method, headers]) => {"
        " window.slow = fetch(url, {method, headers, cache: 'no-store'}).then(answer => answer.status); }",
        [here.url + path, method, DIALECTS[dialect]],
    )
    gate.wait_until_full()

    for step in meanwhile:
        if step == "log in":
            user.goto(here.url + "/login")
            user.click("button")
            user.wait_for_url(here.url + "/account")
        else:
            path_of_step = {"refresh": "/session/refresh", "check": "/account", "log out": "/protected-logout"}[step]
            user.evaluate("url => fetch(url, {method: 'POST'}).then(answer => answer.text())", here.url + path_of_step)
    before = here.cookies
    gate.open()

    assert slow.evaluate("() => window.slow") == (200 if route == "GET /" else 401)
    assert here.cookies == before
    assert here.text("/account") == "the account of ada"
    assert here.send("/session/refresh") == "refreshed"
