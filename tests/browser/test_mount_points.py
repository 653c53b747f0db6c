# SPDX-License-Identifier: Apache-2.0
"""Apps below paths of one host, in a real browser with the defaults of both."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .sites import SHOP, Site, served_over_tls, shop

pytestmark = pytest.mark.browser


def core_of_its_own(running: ExitStack, file: Path) -> EmbeddedCore:
    """Return a core whose keys no other has."""
    core = EmbeddedCore(Config(), SqliteStore(file))
    running.callback(core.close)
    return core


def test_below_a_mount_point_a_session_begins_is_refreshed_and_ends(
    browser: BrowserContext, running: ExitStack, core: EmbeddedCore, clock: FakeClock, tmp_path: Path
) -> None:
    mounted = DispatcherMiddleware(Flask("nothing_else"), {"/app": shop(core, clock)})
    here = Site(browser, SHOP, running.enter_context(served_over_tls(mounted, tmp_path)), "/app")
    here.log_in("ada")
    assert {path for _, _, path in here.cookies} == {"/app", "/app/session/refresh"}
    assert here.send("/session/refresh") == "refreshed"
    assert here.text("/account") == "the account of ada"
    assert here.send("/protected-logout") == "logged out"
    assert here.cookies == {}


@pytest.mark.parametrize(("first", "second"), [("/shop", "/staff"), ("", "/staff")])
def test_two_apps_of_one_host_leave_each_others_users_alone(
    browser: BrowserContext, running: ExitStack, tmp_path: Path, first: str, second: str
) -> None:
    apps = {
        root: shop(core_of_its_own(running, tmp_path / f"{number}.sqlite3"))
        for number, root in enumerate((first, second))
    }
    site = DispatcherMiddleware(apps.pop("", Flask("nothing_else")), apps)
    port = running.enter_context(served_over_tls(site, tmp_path))
    customers, staff = Site(browser, SHOP, port, first), Site(browser, SHOP, port, second)
    customers.log_in("1")
    staff.log_in("7")
    for _ in range(2):
        assert customers.text("/account") == "the account of 1"
        assert staff.text("/account") == "the account of 7"
        assert customers.send("/session/refresh") == staff.send("/session/refresh") == "refreshed"
    assert staff.send("/protected-logout") == "logged out"
    assert customers.text("/account") == "the account of 1"
