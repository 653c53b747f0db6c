# SPDX-License-Identifier: Apache-2.0
"""Devices, and the password: what is logged out, and who may ask for it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextvars import Context

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from jotter import users
from supertokens.flask import get_all_session_handles_for_user, list_sessions
from supertokens.testing import FakeClock

from .conftest import OTHER_PASSWORD, PASSWORD, SAFARI, Visitor, goes_to, said

Visit = Callable[..., Visitor]
ELSEWHERE = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}


def buttons(page: TestResponse) -> list[str]:
    """Return where the forms for single devices go."""
    return re.findall(r'action="(/devices/[^"]+/log-out)"', page.text)


# Devices


def test_devices_are_listed_in_words_with_this_one_first(ada: Visitor, visit: Visit, clock: FakeClock) -> None:
    phone = visit(SAFARI)
    phone.log_in("ada", remember="on")
    page = said(ada.get("/devices"))
    first, second = page.split("Last seen")[:2]
    assert first.endswith("Firefox on Linux this one ")
    assert "Mobile Safari on iOS" in second
    assert page.count("until the browser is closed") == 1


def test_a_client_that_is_none_is_listed_all_the_same(ada: Visitor, visit: Visit) -> None:
    for agent in ("<script>alert(1)</script>", "x" * 60_000, ""):
        assert visit(agent).log_in("ada").status_code == 303
    assert said(ada.get("/devices")).count("unknown client") == 3


def test_one_device_is_logged_out_at_once_and_no_other(ada: Visitor, visit: Visit) -> None:
    phone, tablet = visit(SAFARI), visit(SAFARI)
    phone.log_in("ada")
    [button] = buttons(ada.get("/devices"))
    tablet.log_in("ada")
    assert goes_to(ada.post(button)) == "/devices"
    page = ada.get("/devices")
    assert "That device is logged out." in said(page)
    assert len(buttons(page)) == 1
    assert [visitor.is_logged_in() for visitor in (ada, phone, tablet)] == [True, False, True]
    assert goes_to(phone.get("/notes")) == "/login?next=%2Fnotes"


def test_the_session_of_somebody_else_is_not_to_be_had(app: Flask, ada: Visitor, visit: Visit) -> None:
    mallory = visit()
    mallory.sign_up("mallory")
    with app.app_context():
        [handle] = all_handles(app, "ada")
    refused = mallory.post(f"/devices/{handle}/log-out")
    assert "There is nothing here" in said(refused, 404)
    assert said(refused, 404) == said(mallory.post("/devices/of-nobody/log-out"), 404), "nor is it told that it exists"
    assert ada.is_logged_in()
    assert mallory.is_logged_in()


def test_this_device_can_be_named_too_and_is_logged_out(app: Flask, ada: Visitor) -> None:
    with app.app_context():
        [handle] = all_handles(app, "ada")
    assert goes_to(ada.post(f"/devices/{handle}/log-out")) == "/devices"
    assert ada.cookies() == {}
    assert not ada.is_logged_in()


def test_all_others_are_logged_out_and_those_of_other_users_are_not(ada: Visitor, visit: Visit) -> None:
    phone, tablet, grace = visit(SAFARI), visit(), visit()
    phone.log_in("ada")
    tablet.log_in("ada", remember="on")
    grace.sign_up("grace")
    assert goes_to(ada.post("/devices/log-out-others")) == "/devices"
    assert "2 other devices are logged out." in said(ada.get("/devices"))
    assert [visitor.is_logged_in() for visitor in (ada, phone, tablet, grace)] == [True, False, False, True]
    ada.post("/devices/log-out-others")
    assert "No other device was logged in." in said(ada.get("/devices"))


# The password


def change(visitor: Visitor, password: str = OTHER_PASSWORD) -> TestResponse:
    return visitor.post("/password", password=password)


def test_another_password_counts_and_logs_the_other_devices_out(ada: Visitor, visit: Visit) -> None:
    phone, grace = visit(SAFARI), visit()
    phone.log_in("ada", remember="on")
    grace.sign_up("grace")
    assert goes_to(change(ada)) == "/devices"
    assert "Your password is changed. 1 other device is logged out." in said(ada.get("/devices"))
    assert [visitor.is_logged_in() for visitor in (ada, phone, grace)] == [True, False, True]
    said(visit().log_in("ada", PASSWORD), 403)
    assert goes_to(visit().log_in("ada", OTHER_PASSWORD)) == "/"


def test_whoever_has_copied_the_cookies_is_left_behind(ada: Visitor, visit: Visit, clock: FakeClock) -> None:
    thief = visit()
    for name, value in ada.cookies().items():
        thief.client.set_cookie(name, value)
    assert thief.is_logged_in()
    change(ada)
    assert not thief.is_logged_in()
    clock.advance(hours=2)
    assert ada.is_logged_in()


def test_a_thief_in_the_very_session_changes_nothing_any_more_once_the_user_has(
    ada: Visitor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thief's request has passed all checks when the user's comes, and goes on after it."""
    thief = visit()
    for name, value in ada.cookies().items():
        thief.client.set_cookie(name, value)
    problem = users.password_problem
    faster: list[TestResponse] = []

    def look_after_the_user(password: str) -> str | None:
        if not faster:
            monkeypatch.undo()
            faster.append(Context().run(change, ada))  # outside of the thief's request
        return problem(password)

    monkeypatch.setattr(users, "password_problem", look_after_the_user)
    said(change(thief, "the thief's own one"), 401)
    assert goes_to(faster[0]) == "/devices"
    assert ada.is_logged_in()
    said(visit().log_in("ada", "the thief's own one"), 403)
    assert goes_to(visit().log_in("ada", OTHER_PASSWORD)) == "/"


def test_a_second_click_is_answered_by_a_page_and_logs_nobody_out(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = users.password_problem
    first: list[TestResponse] = []

    def click_first(password: str) -> str | None:
        if not first:
            monkeypatch.undo()
            first.append(Context().run(change, ada))
        return problem(password)

    monkeypatch.setattr(users, "password_problem", click_first)
    assert "Another request of yours was faster" in said(change(ada), 401)
    assert goes_to(first[0]) == "/devices"
    assert "Your password is changed." in said(ada.get("/devices"))


@pytest.mark.parametrize(
    ("password", "problem"), [("short", "At least 12"), ("x" * 257, "At most 256"), ("", "At least 12")]
)
def test_a_password_that_is_none_changes_nothing(ada: Visitor, visit: Visit, password: str, problem: str) -> None:
    phone = visit()
    phone.log_in("ada")
    assert problem in said(change(ada, password), 422)
    assert phone.is_logged_in()
    assert goes_to(visit().log_in("ada", PASSWORD)) == "/"


def test_an_old_log_in_has_to_show_its_password_first(ada: Visitor, clock: FakeClock) -> None:
    said(ada.get("/password"))
    clock.advance(minutes=5)
    confirm = goes_to(ada.get("/password"))
    assert confirm == "/confirm?next=/password"
    assert "Is it still you?" in said(ada.get(confirm))
    assert "The password is wrong." in said(ada.post(confirm, password=OTHER_PASSWORD), 403)
    assert goes_to(ada.get("/password")) == confirm, "a wrong one confirms nothing"
    assert goes_to(ada.post(confirm, password=PASSWORD)) == "/password"
    said(ada.get("/password"))
    assert goes_to(change(ada)) == "/devices"


def test_who_opened_the_form_in_time_may_take_a_while_and_not_for_ever(ada: Visitor, clock: FakeClock) -> None:
    clock.advance(minutes=14)
    assert goes_to(change(ada)) == "/devices"
    clock.advance(minutes=1)
    assert goes_to(change(ada, PASSWORD)) == "/confirm?next=/password", "a changed password is no log-in"
    assert ada.is_logged_in()


def test_a_session_that_lives_on_does_not_become_fresh_by_being_renewed(ada: Visitor, clock: FakeClock) -> None:
    for _ in range(5):
        clock.advance(hours=1)
        assert ada.is_logged_in()
    assert goes_to(ada.get("/password")) == "/confirm?next=/password"
    assert goes_to(change(ada)) == "/confirm?next=/password"


def test_whoever_has_found_the_browser_open_guesses_five_times(ada: Visitor, clock: FakeClock) -> None:
    for _ in range(4):
        said(ada.post("/confirm", password=OTHER_PASSWORD), 403)
    assert goes_to(ada.post("/confirm", password=PASSWORD)) == "/"
    for _ in range(5):
        said(ada.post("/confirm", password=OTHER_PASSWORD), 403)
    assert goes_to(ada.post("/confirm?next=/password", password=PASSWORD)) == "/login"
    assert ada.cookies() == {}
    assert "Too many wrong passwords." in said(ada.get("/login"))
    assert not ada.is_logged_in()


def test_guesses_at_one_time_are_counted_one_by_one(app: Flask, ada: Visitor) -> None:
    ready, answers = threading.Barrier(12), []

    def guess() -> None:
        visitor = Visitor(app)
        for name, value in ada.cookies().items():
            visitor.client.set_cookie(name, value)
        ready.wait(timeout=20)
        answers.append(visitor.post("/confirm", password=OTHER_PASSWORD).status_code)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(answers) == 12
    assert answers.count(403) <= 5
    assert not ada.is_logged_in()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_confirmation_leads_to_no_other_site(ada: Visitor, target: str) -> None:
    assert goes_to(ada.post(f"/confirm?next={target}", password=PASSWORD)) == "/"


def test_the_password_of_somebody_else_confirms_nothing(ada: Visitor, visit: Visit, clock: FakeClock) -> None:
    visit().sign_up("mallory", OTHER_PASSWORD)
    clock.advance(minutes=6)
    said(ada.send("/confirm", {"username": "mallory", "name": "mallory", "password": OTHER_PASSWORD}), 403)
    assert goes_to(ada.get("/password")).startswith("/confirm")


# Who may ask


@pytest.mark.parametrize("path", ["/devices", "/password", "/confirm", "/notes", "/admin/"])
def test_a_stranger_is_sent_to_log_in_and_back(visit: Visit, path: str) -> None:
    assert goes_to(visit().get(path)).replace("%2F", "/") == f"/login?next={path}"


POSTS = [
    "/devices/some-handle/log-out",
    "/devices/log-out-others",
    "/password",
    "/confirm",
    "/notes",
    "/admin/x/log-out",
]


@pytest.mark.parametrize("path", POSTS)
def test_a_strangers_form_is_sent_to_log_in_with_the_page_that_it_was_on(visit: Visit, path: str) -> None:
    visitor = visit()
    assert goes_to(visitor.send(path, {}, Referer="http://localhost/devices")) == "/login?next=%2Fdevices"
    assert goes_to(visitor.send(path, {}, Referer="https://evil.example/devices")) == "/login"


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_site_does_nothing_in_the_name_of_a_user(
    ada: Visitor, visit: Visit, clock: FakeClock, path: str
) -> None:
    phone = visit()
    phone.log_in("ada")
    fields = {"password": PASSWORD, "text": "planted"}
    refused = ada.send(path, fields, **ELSEWHERE)
    assert "A page of another site has sent this form" in said(refused, 403)
    assert not refused.headers.getlist("Set-Cookie")
    assert phone.is_logged_in()
    assert "planted" not in ada.get("/notes").text
    clock.advance(minutes=6)
    ada.send(path, fields, **ELSEWHERE)
    assert goes_to(ada.get("/password")).startswith("/confirm"), "nor was anything confirmed"


def all_handles(app: Flask, name: str) -> list[str]:
    user = users.by_name(name)
    assert user is not None
    handles = get_all_session_handles_for_user(user.id)
    assert handles == [each.handle for each in list_sessions(user.id)]
    return handles
