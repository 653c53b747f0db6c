# SPDX-License-Identifier: Apache-2.0
"""A tab sends what browsers send for scripts and for navigations, and refreshes as a library does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest

from supertokens.core import EmbeddedCore
from supertokens.testing import Browser, FakeClock, Request, Response, ResponseLostError, Tab

from .an_app import flask_app

EVIL = "https://evil.example/page"


class Recorder:
    """A `Client` that answers with what it was told to, and remembers what it was asked."""

    app = None

    def __init__(self, url: str, *responses: Response) -> None:
        self.url = url
        self.responses = list(responses)
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        return self.responses.pop(0) if self.responses else Response(200, [], "")


def sent_by(act: Callable[[Tab], object], page: str | None = None, url: str = "http://localhost") -> dict[str, str]:
    """Return the headers of what a tab on `page` sends to the app at `url` when it does `act`."""
    recorder = Recorder(url)
    act(Browser(FakeClock(), recorder).tab(page))
    return dict(recorder.requests[-1].headers)


# What a browser says of a request


@pytest.mark.parametrize(
    ("act", "page", "site", "mode", "origin"),
    [
        (lambda tab: tab.get("/x"), None, "same-origin", "cors", None),
        (lambda tab: tab.post("/x"), None, "same-origin", "cors", "http://localhost"),
        (lambda tab: tab.visit("/x"), None, "none", "navigate", None),
        (lambda tab: tab.visit("/x"), EVIL, "none", "navigate", None),
        (lambda tab: tab.follow("/x"), None, "same-origin", "navigate", None),
        (lambda tab: tab.follow("/x"), EVIL, "cross-site", "navigate", None),
        (lambda tab: tab.submit("/x"), EVIL, "cross-site", "navigate", "https://evil.example"),
        (lambda tab: tab.submit("/x"), None, "same-origin", "navigate", "http://localhost"),
        (lambda tab: tab.get("/x"), EVIL, "cross-site", "cors", "https://evil.example"),
        (lambda tab: tab.get("/x"), "http://localhost:8080/", "same-site", "cors", "http://localhost:8080"),
    ],
)
def test_a_request_says_where_it_comes_from(
    act: Callable[[Tab], object], page: str | None, site: str, mode: str, origin: str | None
) -> None:
    headers = sent_by(act, page)
    assert (headers["Sec-Fetch-Site"], headers["Sec-Fetch-Mode"], headers.get("Origin")) == (site, mode, origin)


def test_an_untrustworthy_place_is_not_told_where_it_comes_from() -> None:
    headers = sent_by(lambda tab: tab.post("/x"), url="http://app.example.com")
    assert (headers["Origin"], "Sec-Fetch-Site" in headers) == ("http://app.example.com", False)


def test_the_referer_is_the_page_at_home_and_the_origin_elsewhere_and_nothing_on_plain_http() -> None:
    assert sent_by(lambda tab: tab.get("/x"), "http://localhost/a?b#c")["Referer"] == "http://localhost/a?b"
    assert sent_by(lambda tab: tab.follow("/x"), EVIL, "https://app.example")["Referer"] == "https://evil.example/"
    assert "Referer" not in sent_by(lambda tab: tab.follow("/x"), EVIL, "http://app.example")
    assert "Referer" not in sent_by(lambda tab: tab.visit("/x"))


def test_a_body_is_json_or_a_form() -> None:
    recorder = Recorder("http://localhost")
    tab = Browser(FakeClock(), recorder).tab()
    tab.post("/x", json={"a": [1]})
    tab.post("/x", form={"a": "1 2"}, headers={"X-Own": "1"})
    tab.post("/x")
    assert [request.body for request in recorder.requests] == [b'{"a": [1]}', b"a=1+2", b""]
    first, second, third = (dict(request.headers) for request in recorder.requests)
    assert (first["Content-Type"], second["Content-Type"]) == ("application/json", "application/x-www-form-urlencoded")
    assert (second["X-Own"], "Content-Type" in third) == ("1", False)


# SameSite and CORS, through a whole app


@pytest.mark.parametrize(
    ("act", "is_known"),
    [
        (lambda tab: tab.follow("/me"), True),
        (lambda tab: tab.submit("/me"), False),
        (lambda tab: tab.get("/me"), False),
        (lambda tab: tab.post("/me"), False),
    ],
)
def test_another_site_gets_the_cookies_of_a_link_only(
    browser: Browser, act: Callable[[Tab], Response], is_known: bool
) -> None:
    browser.tab().post("/login")
    assert (act(browser.tab(EVIL)).status == 200) is is_known
    assert act(browser.tab()).status == 200


def test_a_forged_form_is_refused_by_its_origin(clock: FakeClock, core: EmbeddedCore) -> None:
    app = flask_app(core, anti_csrf="origin", cookie_same_site="none", cookie_secure=True)
    browser = Browser(clock, app)
    browser.tab().post("/login")
    assert browser.tab(EVIL).submit("/me").status == 403
    assert browser.tab().submit("/me").status == 200


@pytest.mark.parametrize(
    ("origin", "credentials", "allowed"),
    [
        ("http://localhost:3000", "true", True),
        ("http://localhost:3000", "false", False),
        ("http://localhost:4000", "true", False),
        ("*", "true", False),
    ],
)
def test_a_page_elsewhere_reads_headers_only_where_it_is_allowed_to(
    origin: str, credentials: str, allowed: bool
) -> None:
    page = "http://localhost:3000"
    cors = [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", credentials)]
    recorder = Recorder("http://localhost", Response(200, [*cors, ("anti-csrf", "value")], ""))
    browser = Browser(FakeClock(), recorder)
    browser.tab(page).post("/login")
    assert (browser.anti_csrf == "value") is allowed


def test_a_page_of_another_site_does_not_know_what_a_library_sends() -> None:
    for page, is_sent in ((None, True), (EVIL, False)):
        recorder = Recorder("http://localhost")
        browser = Browser(FakeClock(), recorder, dialect="modern")
        browser.anti_csrf = "value"
        browser.tab(page).post("/x")
        headers = dict(recorder.requests[0].headers)
        assert ("anti-csrf" in headers, "st-auth-mode" in headers) == (is_sent, is_sent)


# Navigations


@pytest.fixture
def with_redirects(core: EmbeddedCore) -> flask.Flask:
    app = flask_app(core)

    @app.route("/moved/<int:status>", methods=["GET", "POST"])
    def moved(status: int) -> Any:
        return flask.redirect("/here", status)

    @app.route("/here", methods=["GET", "POST"])
    def here() -> str:
        return f"{flask.request.method} {flask.request.form.get('a')}"

    @app.get("/away")
    def away() -> Any:
        return flask.redirect("https://elsewhere.example/")

    @app.get("/round")
    def around() -> Any:
        return flask.redirect("/round")

    return app


@pytest.mark.parametrize(
    ("status", "text"),
    [(301, "GET None"), (302, "GET None"), (303, "GET None"), (307, "POST 1"), (308, "POST 1")],
)
def test_a_navigation_follows_redirects(with_redirects: flask.Flask, clock: FakeClock, status: int, text: str) -> None:
    tab = Browser(clock, with_redirects).tab()
    assert tab.submit(f"/moved/{status}", {"a": "1"}).text == text
    assert tab.url == "http://localhost/here"
    assert tab.post(f"/moved/{status}").status == status, "a script is shown the redirect"


def test_a_navigation_stops_where_the_app_ends(with_redirects: flask.Flask, clock: FakeClock) -> None:
    tab = Browser(clock, with_redirects).tab()
    assert tab.visit("/away").header("Location") == "https://elsewhere.example/"
    with pytest.raises(RuntimeError, match="redirects"):
        tab.visit("/round")


# What a library does


def expired(tab: Tab, clock: FakeClock) -> Tab:
    assert tab.post("/login").status == 200
    clock.advance(hours=2)
    return tab


def test_fetch_refreshes_where_the_access_token_has_expired_and_get_does_not(tab: Tab, clock: FakeClock) -> None:
    assert expired(tab, clock).get("/me").status == 401
    assert tab.fetch("/me").json()["user"] == "ada"
    assert tab.get("/me").status == 200


def test_fetch_gives_up_where_the_session_is_over(tab: Tab, clock: FakeClock, core: EmbeddedCore) -> None:
    expired(tab, clock)
    core.revoke_user("ada")
    assert tab.fetch("/me", method="POST", json={}).status == 401


def test_fetch_gives_up_where_the_refresh_fails() -> None:
    recorder = Recorder("http://localhost", Response(401, [], ""), Response(503, [], ""))
    assert Browser(FakeClock(), recorder).tab().fetch("/me").status == 401
    assert len(recorder.requests) == 2


def test_fetch_gives_up_after_ten_refreshes() -> None:
    recorder = Recorder("http://localhost", *[Response(401, [], ""), Response(200, [], "")] * 20)
    assert Browser(FakeClock(), recorder).tab().fetch("/me").status == 401
    assert [request.url for request in recorder.requests].count("http://localhost/session/refresh") == 10


def test_a_library_knows_the_settings_of_the_app(core: EmbeddedCore, clock: FakeClock) -> None:
    app = flask_app(core, refresh_api_path="/auth/again", session_expired_status_code=440)
    browser = Browser(clock, app)
    assert (browser.refresh_path, browser.expired_status) == ("/auth/again", 440)


# What it is all for


def test_my_app_keeps_the_user_logged_in_when_the_refresh_response_is_lost(
    tab: Tab, login_as: Callable[..., str], clock: FakeClock
) -> None:
    login_as(tab, "ada")
    clock.advance(hours=2)  # the access token has expired
    tab.browser.network.lose_responses()
    with pytest.raises(ResponseLostError):
        tab.refresh()
    assert tab.fetch("/me").status == 200


def test_an_app_whose_refresh_tokens_work_once_does_not(clock: FakeClock) -> None:
    """The same test fails for an app that rotates as most do: it can."""
    app, living = flask.Flask("rotates_naively"), {"0"}

    @app.post("/session/refresh")
    def refresh() -> Any:
        token = flask.request.cookies.get("token", "")
        if token not in living:
            return "", 401
        living.clear()
        living.add(f"{int(token) + 1}")
        response = flask.Response("")
        response.set_cookie("token", f"{int(token) + 1}")
        return response

    browser = Browser(clock, app)
    browser.take([("Set-Cookie", "token=0; Path=/")], browser.url)
    tab = browser.tab()
    assert tab.refresh().status == 200
    tab.start("POST", "/session/refresh").lose()
    assert tab.refresh().status == 401


def test_what_a_failing_test_prints_has_no_tokens(tab: Tab) -> None:
    flight = tab.start("POST", "/login")
    assert (repr(flight.request), repr(flight.arrive())) == (
        "<Request POST http://localhost/login>", "<Response 200 '{}\\n'>",
    )  # fmt: skip
