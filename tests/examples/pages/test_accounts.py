# SPDX-License-Identifier: Apache-2.0
"""Sign-up, log-in and log-out, and what an attacker tries there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from jotter import accounts, users
from supertokens.testing import FakeClock

from .conftest import OTHER_PASSWORD, PASSWORD, MakeApp, Visitor, goes_to, said

Visit = Callable[..., Visitor]
ELSEWHERE = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}


# Sign-up


def test_a_sign_up_logs_in_and_greets_once(visit: Visit) -> None:
    visitor = visit()
    assert "Sign up" in said(visitor.get("/sign-up"))
    assert goes_to(visitor.sign_up("Ada")) == "/"
    assert "Welcome, ada." in said(visitor.get("/"))
    again = said(visitor.get("/"))
    assert "Hello, ada" in again
    assert "Welcome" not in again


def test_a_sign_up_goes_on_where_the_visitor_wanted_to(visit: Visit) -> None:
    visitor = visit()
    log_in = goes_to(visitor.get("/notes"))
    page = visitor.get(log_in).text
    assert 'href="/sign-up?next=/notes"' in page
    assert goes_to(visitor.post("/sign-up?next=/notes", name="ada", password=PASSWORD)) == "/notes"


@pytest.mark.parametrize("second", ["ada", "ADA", " Ada "])
def test_a_name_is_given_once_and_the_first_user_keeps_it(ada: Visitor, visit: Visit, second: str) -> None:
    refused = visit().sign_up(second, OTHER_PASSWORD)
    assert "This name is taken." in said(refused, 409)
    assert not refused.headers.getlist("Set-Cookie")
    assert goes_to(visit().log_in("ada", PASSWORD)) == "/"
    said(visit().log_in("ada", OTHER_PASSWORD), 403)


def test_of_many_sign_ups_at_one_time_one_is_let_in(app: Flask) -> None:
    answers: list[TestResponse] = []
    ready = threading.Barrier(8)

    def sign_up() -> None:
        visitor = Visitor(app)
        ready.wait(timeout=20)
        answers.append(visitor.sign_up("ada"))

    threads = [threading.Thread(target=sign_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answer.status_code for answer in answers) == [303, *[409] * 7]


@pytest.mark.parametrize(
    ("name", "password", "problem"),
    [
        ("", PASSWORD, "1 to 32 letters"),
        ("a" * 33, PASSWORD, "1 to 32 letters"),
        ("ada lovelace", PASSWORD, "1 to 32 letters"),
        ("аda", PASSWORD, "1 to 32 letters"),  # with a Cyrillic letter
        ("<b>ada</b>", PASSWORD, "1 to 32 letters"),
        (".ada", PASSWORD, "1 to 32 letters"),
        ("ada\n", "short", "At least 12 characters."),
        ("ada", "", "At least 12 characters."),
        ("ada", "eleven char", "At least 12 characters."),
        ("ada", "x" * 257, "At most 256 characters."),
    ],
)
def test_what_cannot_be_a_user_is_said_beside_the_field(visit: Visit, name: str, password: str, problem: str) -> None:
    visitor = visit()
    refused = visitor.sign_up(name, password)
    assert problem in said(refused, 422)
    assert 'aria-invalid="true"' in refused.text
    assert "<b>" not in refused.text
    assert password not in refused.text or not password
    assert not visitor.is_logged_in()


def test_a_form_without_its_fields_is_a_wrong_one_and_no_crash(visit: Visit) -> None:
    assert "At least 12" in said(visit().post("/sign-up"), 422)
    assert "Name or password is wrong." in said(visit().post("/login"), 403)


# Log-in


def test_a_log_in_without_remember_ends_with_the_browser_and_with_it_is_kept(ada: Visitor, visit: Visit) -> None:
    short = visit().log_in("ada")
    lasting = visit().log_in("ada", remember="on")
    for answer, is_kept in ((short, False), (lasting, True)):
        cookies = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith("s")]
        assert len(cookies) == 2
        for line in cookies:
            assert ("Max-Age=" in line) is is_kept
            assert "HttpOnly" in line
            assert "SameSite=Lax" in line


def test_pages_outlive_their_tokens_for_as_long_as_the_log_in_says(
    ada: Visitor, visit: Visit, clock: FakeClock
) -> None:
    short, lasting = visit(), visit()
    short.log_in("ada")
    lasting.log_in("ada", remember="on")
    for _ in range(11):
        clock.advance(hours=1)
        before = short.cookies()
        assert short.is_logged_in()
        assert short.cookies()["sAccessToken"] != before["sAccessToken"]
    clock.advance(hours=12)
    assert goes_to(short.get("/notes")) == "/login?next=%2Fnotes"
    assert lasting.is_logged_in()
    clock.advance(days=29)
    assert lasting.is_logged_in()
    clock.advance(days=31)
    assert not lasting.is_logged_in()


def test_no_session_is_older_than_ninety_days(ada: Visitor, clock: FakeClock) -> None:
    ada.log_in("ada", remember="on")
    for _ in range(8):
        clock.advance(days=10)
        assert ada.is_logged_in()
    clock.advance(days=10)
    assert not ada.is_logged_in()


def test_the_way_to_the_log_in_leads_back(ada: Visitor, visit: Visit) -> None:
    visitor = visit()
    log_in = goes_to(visitor.get("/devices?page=2"))
    assert log_in == "/login?next=%2Fdevices%3Fpage%3D2"
    assert goes_to(visitor.log_in("ada", path=log_in)) == "/devices?page=2"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/%0d%0aSet-Cookie:a=b", "/\t/evil.example", "http:evil.example", "", "evil", "/" + "x" * 4000,
    ],
)  # fmt: skip
def test_a_hostile_next_leads_to_the_start(ada: Visitor, visit: Visit, target: str) -> None:
    visitor = visit()
    sent = visitor.client.post(
        "/login", query_string={"next": target}, data={"name": "ada", "password": PASSWORD}, headers=visitor.headers
    )
    where = goes_to(sent)
    assert where == "/" or (where.startswith("/%0d%0a") and "\n" not in where)
    assert [name for name, _ in sent.headers if name.lower() == "set-cookie"] == ["Set-Cookie"] * 2
    page = visit().client.get("/login", query_string={"next": target}).text
    assert "evil.example" not in page
    assert "javascript:" not in page


def test_who_is_logged_in_is_not_asked_again(ada: Visitor) -> None:
    assert goes_to(ada.get("/login?next=/devices")) == "/devices"
    assert goes_to(ada.get("/sign-up")) == "/"
    assert goes_to(ada.get("/login?next=//evil.example")) == "/"


def test_a_log_in_over_a_session_ends_that_session(ada: Visitor, visit: Visit, app: Flask) -> None:
    visit().sign_up("grace")
    copied = visit()
    for name, value in ada.cookies().items():
        copied.client.set_cookie(name, value)
    assert copied.is_logged_in()
    ada.log_in("grace")
    assert "Hello, grace" in said(ada.get("/"))
    assert not copied.is_logged_in()


def test_wrong_passwords_and_unknown_names_are_told_the_same(ada: Visitor, visit: Visit) -> None:
    answers = [
        visit().log_in("ada", OTHER_PASSWORD),
        visit().log_in("ada", ""),
        visit().log_in("ada", PASSWORD.upper()),
        visit().log_in("nobody", PASSWORD),
        visit().log_in("", PASSWORD),
        visit().log_in("ada' OR '1'='1", PASSWORD),
        visit().log_in("ada", PASSWORD + "\0"),
    ]
    assert {said(answer, 403) for answer in answers} == {said(answers[0], 403)}
    assert "Name or password is wrong." in said(answers[0], 403)
    for answer in answers:
        assert not answer.headers.getlist("Set-Cookie")
        assert list(answer.headers.keys()) == list(answers[0].headers.keys())


def test_an_unknown_name_costs_a_hash_as_a_known_one_does(
    ada: Visitor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    hasher = users.HASHER

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            hashed.append(stored)
            return hasher.verify(stored, password)

        def __getattr__(self, name: str) -> Any:
            return getattr(hasher, name)

    monkeypatch.setattr(users, "HASHER", Counting())
    for name in ("ada", "nobody"):
        visit().log_in(name, OTHER_PASSWORD)
    known, unknown = hashed
    assert known.split("$")[:4] == unknown.split("$")[:4], "by the same parameters"
    assert len(known) == len(unknown)


@pytest.mark.parametrize("size", [1_000, 30_000])
def test_a_long_password_is_refused_as_any_other(ada: Visitor, visit: Visit, size: int) -> None:
    said(visit().log_in("ada", "x" * size), 403)
    said(visit().log_in("x" * size, PASSWORD), 403)


@pytest.mark.parametrize("path", ["/login", "/sign-up", "/logout"])
def test_a_huge_form_is_answered_with_a_page(app: Flask, path: str) -> None:
    for fields in ({"name": "x" * 2_000_000}, {f"field{number}": "x" for number in range(20_000)}):
        page = Visitor(app).send(path, fields)
        if path == "/logout":  # it reads no form
            assert page.status_code == 303
        else:
            assert "more than a form here may hold" in said(page, 413)


def test_a_password_that_was_changed_while_a_log_in_was_under_way_lets_nobody_in(
    ada: Visitor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = accounts._begin_session

    def changed_first(user: users.User, *, remember: bool) -> bool:
        users.change_password(user.id, OTHER_PASSWORD)
        return begin(user, remember=remember)

    monkeypatch.setattr(accounts, "_begin_session", changed_first)
    late = visit()
    said(late.log_in("ada"), 403)
    assert late.cookies() == {}
    monkeypatch.undo()
    assert len(said(ada.get("/devices")).split("Last seen")) == 2, "the session is gone"


def test_passwords_are_the_same_however_their_letters_are_composed(visit: Visit) -> None:
    assert visit().sign_up("ada", "ca\u0301fe\u0301 au lait, fine").status_code == 303
    assert goes_to(visit().log_in("ada", "cáfé au lait, fine")) == "/"


def test_a_log_in_beyond_the_limit_is_told_so_on_a_page(make_app: MakeApp) -> None:
    app = make_app(max_sessions_per_user=1, session_limit_action="refuse")
    Visitor(app).sign_up("ada")
    refused = Visitor(app).log_in("ada")
    assert "as many devices as you may be" in said(refused, 409)
    assert not refused.headers.getlist("Set-Cookie")


def test_the_device_that_was_not_seen_for_longest_makes_room(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(max_sessions_per_user=2)
    first, second, third = (Visitor(app) for _ in range(3))
    first.sign_up("ada")
    for visitor in (second, third):
        clock.advance(seconds=1)
        visitor.log_in("ada")
    assert [visitor.is_logged_in() for visitor in (first, second, third)] == [False, True, True]


# Log-out


def test_a_log_out_ends_the_session_and_says_so(ada: Visitor, visit: Visit) -> None:
    copied = visit()
    for name, value in ada.cookies().items():
        copied.client.set_cookie(name, value)
    assert goes_to(ada.post("/logout")) == "/"
    assert ada.cookies() == {}
    page = said(ada.get("/"))
    assert "You are logged out." in page
    assert "Sign up" in page
    assert not copied.is_logged_in()


def test_a_log_out_works_after_the_tokens_have_died_and_without_any(
    ada: Visitor, visit: Visit, clock: FakeClock
) -> None:
    clock.advance(hours=3)
    assert goes_to(ada.post("/logout")) == "/"
    assert not ada.is_logged_in()
    assert goes_to(visit().post("/logout")) == "/"


def test_a_link_does_not_log_out(ada: Visitor) -> None:
    said(ada.get("/logout"), 405)
    assert ada.get("/logout").headers["Allow"]
    assert ada.is_logged_in()


# Other sites


@pytest.mark.parametrize("path", ["/login", "/sign-up", "/logout"])
@pytest.mark.parametrize(
    "headers",
    [
        ELSEWHERE,
        {"Origin": "https://neighbour.localhost", "Sec_Fetch_Site": "same-site"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
    ],
    ids=["elsewhere", "neighbour", "sandboxed"],
)
def test_a_form_of_another_site_is_refused_with_a_page(
    ada: Visitor, visit: Visit, path: str, headers: dict[str, str]
) -> None:
    visit().sign_up("mallory")
    refused = ada.send(path, {"name": "mallory", "password": PASSWORD}, **headers)
    assert "A page of another site has sent this form" in said(refused, 403)
    assert not refused.headers.getlist("Set-Cookie")
    assert "Hello, ada" in said(ada.get("/"))


def test_a_form_of_another_site_is_refused_by_its_origin_where_a_browser_says_no_more(ada: Visitor) -> None:
    fields = {"name": "ada", "password": PASSWORD}
    for origin, status in (("http://evil.example", 403), ("null", 403), ("http://localhost", 303)):
        answer = ada.client.post("/login", data=fields, headers={"Origin": origin, "Accept": "text/html"})
        assert answer.status_code == status, origin
