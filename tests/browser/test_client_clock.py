# SPDX-License-Identifier: Apache-2.0
"""A client whose clock is ahead of the server's keeps a short session: cookies say how long, not only until when."""

from __future__ import annotations

import http.cookiejar
import ssl
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .sites import SHOP, Site, served_over_tls, shop


@pytest.fixture
def clock() -> FakeClock:
    """The server's, an hour behind those of its clients."""
    return FakeClock(round((time.time() - 3600) * 1000))


@pytest.fixture
def port(running: ExitStack, store: SqliteStore, clock: FakeClock, tmp_path: Path) -> int:
    """Where a shop is that ends its sessions after half an hour without use."""
    settings = {"refresh_token_validity": 30, "access_token_validity": 600}  # minutes, seconds
    core = EmbeddedCore(Config(**settings), store, clock=clock)
    return running.enter_context(served_over_tls(shop(core, clock, **settings), tmp_path))


@pytest.mark.browser
def test_a_browser_with_a_clock_an_hour_ahead_keeps_a_session_of_half_an_hour(
    browser: BrowserContext, port: int
) -> None:
    here = Site(browser, SHOP, port)
    before = time.time()
    here.log_in("ada")
    after = time.time()
    assert here.text("/account") == "the account of ada"
    assert here.send("/session/refresh") == "refreshed"
    ends = [cookie["expires"] for cookie in browser.cookies() if cookie["name"].startswith("s")]
    assert len(ends) == 3
    assert all(before + 1799 <= end <= after + 1801 + 60 for end in ends)


def test_a_client_without_a_browser_does_too(port: int) -> None:
    jar = http.cookiejar.CookieJar()
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(jar), urllib.request.HTTPSHandler(context=trusting)
    )
    address = f"https://127.0.0.1:{port}"
    with client.open(f"{address}/login", b"user=ada", timeout=20) as answer:
        assert answer.read() == b"the account of ada"
    with client.open(f"{address}/session/refresh", b"", timeout=20) as answer:
        assert answer.read() == b"refreshed"
    left = [(cookie.expires or 0) - time.time() for cookie in jar]
    assert len(left) == 3
    assert all(1700 < seconds <= 1801 for seconds in left)
