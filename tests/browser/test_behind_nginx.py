# SPDX-License-Identifier: Apache-2.0
"""A real browser, TLS that ends at a real nginx with a bare `proxy_pass`, and an app that believes to be at home."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from supertokens.core import EmbeddedCore
from supertokens.testing import FakeClock
from tests.integration.nginx import nginx

from .sites import SHOP, Site, shop

pytestmark = pytest.mark.browser


def test_a_log_in_by_a_form_sets_secure_cookies_and_later_answers_do_too(
    browser: BrowserContext, running: ExitStack, core: EmbeddedCore, clock: FakeClock, tmp_path: Path
) -> None:
    proxy = running.enter_context(
        nginx(shop(core, clock), tmp_path / "nginx", tls=True, location="proxy_redirect off;")
    )
    here = Site(browser, SHOP, proxy.port)
    page = here.tab("/login")
    page.click("button")
    page.wait_for_url(here.url + "/account")
    assert page.inner_text("body") == "the account of ada"
    assert here.send("/session/refresh") == "refreshed"
    before = here.cookies
    page.reload()  # a navigation, whose headers say nothing of https, gets a new access token
    assert page.inner_text("body") == "the account of ada"
    assert here.cookies.keys() == before.keys()
    assert here.cookies != before
    ours = [cookie for cookie in browser.cookies() if cookie["name"].startswith("s")]
    assert len(ours) == 3
    assert all(cookie["secure"] for cookie in ours)
