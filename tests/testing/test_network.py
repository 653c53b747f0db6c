# SPDX-License-Identifier: Apache-2.0
"""Each fault of the network befalls as many requests as were asked for, and no other."""

from __future__ import annotations

import pytest

from supertokens.core import EmbeddedCore
from supertokens.testing import Browser, FakeClock, ResponseLostError
from supertokens.testing.tab import Tab


@pytest.fixture
def logged_in(tab: Tab) -> Tab:
    assert tab.post("/login").status == 200
    return tab


def refresh_token(tab: Tab) -> str | None:
    return tab.browser.value("sRefreshToken")


def test_a_response_that_is_lost_was_answered_and_leaves_the_jar_as_it_was(logged_in: Tab, clock: FakeClock) -> None:
    before = refresh_token(logged_in)
    logged_in.browser.network.lose_responses()
    with pytest.raises(ResponseLostError, match=r"^no response to POST http://localhost/session/refresh$"):
        logged_in.refresh()
    assert refresh_token(logged_in) == before
    assert logged_in.refresh().status == 200, "one response only"
    assert refresh_token(logged_in) != before


def test_a_request_that_is_lost_changes_nothing_anywhere(tab: Tab, core: EmbeddedCore) -> None:
    tab.browser.network.lose_requests(2)
    for _ in range(2):
        with pytest.raises(ResponseLostError):
            tab.post("/login")
    assert core.session_handles("ada") == []
    assert tab.post("/login").status == 200


def test_a_lost_response_to_a_log_in_leaves_a_session_that_nobody_has(tab: Tab, core: EmbeddedCore) -> None:
    tab.browser.network.lose_responses()
    with pytest.raises(ResponseLostError):
        tab.post("/login")
    assert len(core.session_handles("ada")) == 1
    assert tab.browser.jar == {}


@pytest.mark.parametrize("duplicated", [True, False])
def test_a_duplicated_request_is_answered_twice(tab: Tab, core: EmbeddedCore, duplicated: bool) -> None:
    if duplicated:
        tab.browser.network.duplicate_requests()
    assert tab.post("/login").status == 200
    handles = core.session_handles("ada")
    assert len(handles) == (2 if duplicated else 1)


def test_a_duplicated_refresh_converges(logged_in: Tab) -> None:
    logged_in.browser.network.duplicate_requests()
    assert logged_in.refresh().status == 200
    assert logged_in.get("/me").status == 200


def test_a_delayed_response_arrives_after_that_time(logged_in: Tab, clock: FakeClock) -> None:
    before = clock()
    logged_in.browser.network.delay_responses(30)
    assert logged_in.refresh().status == 200
    assert clock() - before == 30_000
    assert logged_in.get("/me").status == 200
    assert clock() - before == 30_000, "one response only"


def test_the_app_has_answered_before_a_delay(tab: Tab, core: EmbeddedCore, clock: FakeClock) -> None:
    before = clock()
    tab.browser.network.delay_responses(30)
    tab.post("/login")
    [handle] = core.session_handles("ada")
    assert core.session(handle).created_at == before


def test_faults_come_in_the_order_in_which_they_were_asked_for(logged_in: Tab, clock: FakeClock) -> None:
    before = clock()
    logged_in.browser.network.delay_responses(1)
    logged_in.browser.network.lose_responses()
    assert logged_in.get("/me").status == 200
    assert clock() - before == 1000
    with pytest.raises(ResponseLostError):
        logged_in.get("/me")


def test_each_browser_has_a_network_of_its_own(browser: Browser, clock: FakeClock) -> None:
    other = Browser(clock, browser.client)
    browser.network.lose_requests()
    assert other.tab().post("/login").status == 200


# Requests in flight


def test_responses_arrive_in_whatever_order_is_said(logged_in: Tab, browser: Browser, clock: FakeClock) -> None:
    """Without convergence the first child would be one token, and the second another."""
    first = logged_in.start("POST", "/session/refresh")
    second = browser.tab().start("POST", "/session/refresh")
    assert first.reach().set_cookies["sRefreshToken"] == second.reach().set_cookies["sRefreshToken"]
    assert (second.arrive().status, first.arrive().status) == (200, 200)
    assert logged_in.get("/me").status == 200


def test_what_arrives_last_is_what_the_jar_has(tab: Tab, browser: Browser) -> None:
    first = tab.start("POST", "/login", json={"user": "ada"})
    second = tab.start("POST", "/login", json={"user": "bob"})
    first.reach()
    second.arrive()
    assert tab.get("/me").json()["user"] == "bob"
    first.arrive()
    assert tab.get("/me").json()["user"] == "ada"


def test_a_request_carries_the_cookies_of_when_it_left(tab: Tab) -> None:
    flight = tab.start("GET", "/me")
    tab.post("/login")
    assert flight.arrive().status == 401
    assert tab.get("/me").status == 200


def test_the_app_answers_a_request_once_and_its_repetition_again(tab: Tab) -> None:
    flight = tab.start("POST", "/login")
    assert flight.reach() is flight.reach()
    again = flight.repeat()
    assert again.request == flight.request
    assert again.reach().set_cookies != flight.reach().set_cookies


def test_a_response_arrives_once_or_is_lost_for_good(tab: Tab) -> None:
    arrived, lost, never = (tab.start("POST", "/login") for _ in range(3))
    arrived.arrive()
    lost.lose()
    never.lose_request()
    for flight in (arrived, lost, never):
        for act in (flight.arrive, flight.lose):
            with pytest.raises(RuntimeError, match="already"):
                act()
    with pytest.raises(RuntimeError, match="reached the app already"):
        lost.lose_request()


def test_faults_leave_requests_in_flight_alone(tab: Tab) -> None:
    tab.browser.network.lose_responses()
    assert tab.start("POST", "/login").arrive().status == 200
    with pytest.raises(ResponseLostError):
        tab.get("/me")
