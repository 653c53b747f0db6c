# SPDX-License-Identifier: Apache-2.0
"""A browser has one jar, a clock, and what its pages' scripts remember, in each dialect."""

from __future__ import annotations

from typing import get_args

import pytest

from supertokens.core import EmbeddedCore
from supertokens.testing import Browser, FakeClock
from supertokens.testing.browser import DIALECTS, Dialect
from supertokens.testing.jar import Way

from .an_app import flask_app

URL = "http://localhost/account"


def cookie(line: str) -> list[tuple[str, str]]:
    return [("Set-Cookie", line)]


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_each_kind_of_client_logs_in_refreshes_and_is_known(
    clock: FakeClock, core: EmbeddedCore, dialect: Dialect
) -> None:
    browser = Browser(clock, flask_app(core), dialect=dialect)
    tab = browser.tab()
    assert tab.get("/me").status == 401
    tab.post("/login")
    for _ in range(2):
        assert tab.get("/me").json()["user"] == "ada"
        clock.advance(hours=2)
        assert tab.get("/me").status == 401
        assert tab.fetch("/me").status == 200
    assert (browser.jar == {}) is (dialect == "header")
    assert (browser.access_token is None) is (dialect != "header")


def test_every_dialect_is_known_by_its_headers() -> None:
    assert set(get_args(Dialect)) == DIALECTS.keys()


def test_a_script_learns_of_the_session_from_headers_which_a_navigation_does_not_show_it(browser: Browser) -> None:
    tab = browser.tab()
    tab.submit("/login")
    assert (browser.front_token, browser.id_refresh_token) == (None, None)
    assert tab.get("/me").status == 200, "but the cookies are there"
    tab.post("/login")
    assert browser.front_token is not None
    assert browser.front_token["uid"] == "ada"
    assert browser.id_refresh_token is not None


def test_the_anti_csrf_value_goes_with_what_scripts_send_and_not_with_navigations(
    clock: FakeClock, core: EmbeddedCore
) -> None:
    tab = Browser(clock, flask_app(core, enable_anti_csrf=True)).tab()
    tab.post("/login")
    assert tab.post("/me").status == 200
    assert tab.submit("/me").status == 401
    tab.browser.anti_csrf = None
    assert tab.post("/me").status == 401


def test_a_session_that_ends_takes_what_scripts_know_with_it(clock: FakeClock, core: EmbeddedCore) -> None:
    for dialect in get_args(Dialect):
        browser = Browser(clock, flask_app(core, enable_anti_csrf=True), dialect=dialect)
        browser.tab().post("/login")
        core.revoke_user("ada")
        browser.tab().refresh()
        known = (browser.anti_csrf, browser.access_token, browser.refresh_token)
        assert (known, browser.jar) == ((None, None, None), {}), dialect


def test_a_script_reads_the_cookies_that_are_not_http_only(browser: Browser) -> None:
    tab = browser.tab(URL)
    tab.post("/login")
    browser.take(cookie("theme=dark; Path=/"), URL)
    browser.take(cookie("elsewhere=1; Path=/other"), URL)
    assert tab.cookies == {"theme": "dark"}
    assert browser.tab("http://localhost/other").cookies == {"theme": "dark", "elsewhere": "1"}
    assert browser.tab("https://evil.example/").cookies == {}


def test_cookies_expire_by_the_frozen_clock(clock: FakeClock) -> None:
    browser = Browser(clock)
    browser.take(cookie("a=1; Max-Age=60"), URL)
    clock.advance(seconds=59)
    assert browser.value("a") == "1"
    clock.advance(seconds=1)
    assert (browser.value("a"), browser.cookie_header(URL)) == (None, "")


def test_a_client_with_a_wrong_clock_keeps_max_age_and_misses_expires(clock: FakeClock) -> None:
    for hours, kept in ((0, "b=1; a=1"), (-2, "b=1; a=1"), (2, "b=1")):
        browser = Browser(clock)
        browser.clock.skew(hours=hours)
        browser.take(cookie("b=1; Max-Age=3600; Path=/account"), URL)
        browser.take(cookie("a=1; Expires=Tue, 14 Nov 2023 23:13:20 GMT; Path=/"), URL)
        assert browser.cookie_header(URL) == kept, hours


def test_a_client_with_a_wrong_clock_stays_logged_in(browser: Browser, clock: FakeClock) -> None:
    browser.clock.skew(days=-300)
    tab = browser.tab()
    tab.post("/login")
    clock.advance(days=99)
    assert tab.fetch("/me").status == 200
    browser.clock.skew(days=-150)
    assert tab.get("/me").status == 401, "a clock that is set by 150 days ends its cookies"


def test_closing_the_browser_ends_cookies_that_do_not_say_how_long_they_live(clock: FakeClock) -> None:
    browser = Browser(clock)
    browser.take(cookie("a=1; Path=/"), URL)
    browser.take(cookie("b=1; Path=/; Max-Age=60"), URL)
    browser.restart()
    assert browser.cookie_header(URL) == "b=1"


def test_a_copy_has_all_that_the_browser_keeps_and_goes_its_own_way(browser: Browser) -> None:
    tab = browser.tab()
    tab.post("/login")
    thief = browser.copy(user_agent="curl")
    assert (thief.jar, thief.front_token, thief.user_agent) == (browser.jar, browser.front_token, "curl")
    assert browser.copy().user_agent == browser.user_agent
    tab.refresh()
    assert thief.jar != browser.jar


def test_a_thief_with_a_copied_token_is_caught(browser: Browser, core: EmbeddedCore) -> None:
    tab = browser.tab()
    tab.post("/login")
    thief = browser.copy(user_agent="curl").tab()
    tab.refresh()
    tab.get("/me")  # the first use: now the copied token is replaced
    assert thief.refresh().json()["message"] == "token theft detected"
    assert core.session_handles("ada") == []


def test_several_tabs_share_one_jar(browser: Browser) -> None:
    first, second = browser.tab(), browser.tab()
    first.post("/login")
    assert second.get("/me").status == 200
    assert Browser(FakeClock(), browser.client).tab().get("/me").status == 401


def test_without_an_app_it_is_a_jar_only() -> None:
    browser = Browser(FakeClock())
    with pytest.raises(RuntimeError, match="no app"):
        browser.tab().get("/me")


def test_a_path_asks_the_one_site_that_all_cookies_are_from(clock: FakeClock) -> None:
    browser = Browser(clock)
    browser.take(cookie("a=1; Secure; Domain=example.com; Path=/x"))
    assert browser.cookie_header("/x/y") == "a=1"
    assert browser.cookie_header("/y") == ""
    assert browser.cookie_header("http://example.com/x") == ""


def test_what_another_site_plants_is_for_the_domain_that_it_is_in(clock: FakeClock) -> None:
    browser = Browser(clock)
    browser.take(cookie("a=planted; Domain=example.com; Path=/"), "https://evil.example.com/")
    browser.take(cookie("b=planted; Domain=app.example.com; Path=/"), "https://evil.example.com/")
    assert browser.cookie_header("https://app.example.com/") == "a=planted"
    browser.take(cookie("c=1"), "https://app.example.com/", way=Way(same_site=False))
    assert browser.value("c") is None
