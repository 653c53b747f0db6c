# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium: where cookies apply, and some that are lost, damaged or doubled."""

from __future__ import annotations

import time

import pytest

from .contract_app import USER
from .deployment import ON_DOMAIN, Deploy
from .window import Answer, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]


def test_host_only_cookies_on_localhost_do_as_well(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2)
    tab = window.tab(server.origin("localhost"))
    tab.login()
    server.let_access_tokens_expire()

    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == 1
    assert window.domains == {"localhost"}
    assert tab.call("/logout", "POST").ok
    assert not tab.session_exists
    assert window.cookies == set()


def test_cookies_are_found_on_every_host_of_their_domain(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    window.tab(server.origin()).login()
    assert window.domains == {".localhost.org"}

    other = window.tab(server.origin("shop.localhost.org"))
    assert other.session_exists
    assert other.call(through="nothing") == Answer(200, USER)


def test_cookies_with_the_host_prefix_do_as_well(deploy: Deploy, window: Window) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=2, cookie_prefix="host", refresh_api_path=None
    )
    tab = window.tab(server.origin("localhost"), refresh="/session/refresh")
    tab.login()
    ours = {"__Host-sAccessToken", "__Host-sRefreshToken", "__Host-sIdRefreshToken"}
    assert window.cookies == ours | {"sIRTFrontend"}
    server.let_access_tokens_expire()

    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == 1
    assert tab.call("/logout", "POST").ok
    assert window.cookies == set()


def test_all_cookies_outlive_the_access_token_by_far(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()

    assert window.first_expiry > time.time() + 99 * 24 * 60 * 60
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert window.first_expiry > time.time() + 99 * 24 * 60 * 60


@pytest.mark.parametrize("anti_csrf", [False, True], ids=["", "with anti-CSRF"])
def test_a_lost_access_token_comes_back_with_a_refresh(deploy: Deploy, window: Window, anti_csrf: bool) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=2, enable_anti_csrf=anti_csrf, **ON_DOMAIN
    )
    tab = window.tab(server.origin())
    tab.login()
    window.forget("sAccessToken")

    assert tab.start(times=3).answers() == [Answer(200, USER)] * 3
    assert tab.refreshes == 1


@pytest.mark.parametrize("damaged", ["", "a.b.c", "%00%ff🍪"])
def test_a_damaged_access_token_is_replaced_by_a_refresh(deploy: Deploy, window: Window, damaged: str) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    window.damage("sAccessToken", damaged)

    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == 1


def test_a_lost_refresh_token_ends_in_a_login(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    window.forget("sRefreshToken")
    assert tab.call() == Answer(200, USER)
    server.let_access_tokens_expire()

    assert tab.call().status == 401
    assert tab.refreshes == 1
    assert not tab.session_exists
    assert window.cookies == set()
    tab.login()
    assert tab.call() == Answer(200, USER)


MOVES = [pytest.param(None, "localhost.org", id="to a domain"), pytest.param("localhost.org", None, id="to one host")]


@pytest.mark.parametrize(("before", "after"), MOVES)
@pytest.mark.parametrize("told", [True, False], ids=["and the app is told", "and the app is not told"])
def test_cookies_move_and_nobody_is_logged_out(
    deploy: Deploy,
    window: Window,
    caplog: pytest.LogCaptureFixture,
    before: str | None,
    after: str | None,
    told: bool,
) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=2, cookie_secure=False, cookie_domain=before
    )
    tab = window.tab(server.origin())
    tab.login()
    server.redeploy(cookie_domain=after, older_cookie_domain=(before or "") if told else None)

    for times in (1, 2):
        server.let_access_tokens_expire()
        assert tab.call() == Answer(200, USER)
        assert tab.call("/update-jwt", "POST", {"times": times}).ok
        assert tab.payload == {"times": times}
        assert tab.refreshes == times
    assert "theft" not in caplog.text


@pytest.mark.parametrize(("before", "after"), MOVES)
@pytest.mark.parametrize("expirations", [0, 1])
def test_a_logout_after_cookies_moved_leaves_none(
    deploy: Deploy, window: Window, before: str | None, after: str | None, expirations: int
) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=2, cookie_secure=False, cookie_domain=before
    )
    tab = window.tab(server.origin())
    tab.login()
    server.redeploy(cookie_domain=after, older_cookie_domain=before or "")
    for _ in range(expirations):
        server.let_access_tokens_expire()
        assert tab.call() == Answer(200, USER)

    assert tab.call("/logout", "POST").ok
    assert window.cookies == set()
    assert tab.call().status == 401


def test_a_logout_right_after_cookies_moved_to_a_domain_leaves_none_even_if_the_app_is_not_told(
    deploy: Deploy, window: Window
) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, cookie_secure=False)
    tab = window.tab(server.origin())
    tab.login()
    server.redeploy(cookie_domain="localhost.org")

    assert tab.call("/logout", "POST").ok
    assert tab.call().status == 401
    tab.login("grace")
    assert tab.call() == Answer(200, "grace")
