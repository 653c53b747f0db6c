# SPDX-License-Identifier: Apache-2.0
"""nginx keeps pages (`proxy_cache_valid`), and still nobody gets a page that was made for somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import flask
import pytest

from supertokens.flask import SuperTokensError, create_new_session, get_session, supertokens_middleware
from supertokens.testing import FakeClock

from .nginx import Proxy, nginx
from .visitor import Visitor

NOBODY: Final = ""
KEEPS_GOOD_PAGES: Final = "proxy_cache pages; proxy_cache_valid 200 1m; add_header X-Cache $upstream_cache_status;"
WAYS: Final = {
    "good pages": KEEPS_GOOD_PAGES,
    "all pages": KEEPS_GOOD_PAGES + "proxy_cache_valid any 1m;",
    "all pages, whatever they say": KEEPS_GOOD_PAGES
    + "proxy_cache_valid any 1m; proxy_ignore_headers Cache-Control Expires;",
}
"""What people have nginx keep."""


@pytest.fixture
def app(app: flask.Flask) -> flask.Flask:
    """An app with a page for users, one for everybody that greets users, and one that is the same for all."""
    made = iter(range(1_000))

    @app.get("/account")
    @supertokens_middleware
    def account() -> str:
        return f"the account of {flask.g.supertokens.get_user_id()}"

    @app.get("/welcome")
    def welcome() -> str:
        try:
            return f"Hello, {get_session(None, False).get_user_id()}"
        except SuperTokensError:
            return "Hello, stranger"

    @app.get("/public-welcome")
    def public_welcome() -> flask.Response:
        response = flask.make_response(welcome())
        response.cache_control.public = True
        response.cache_control.max_age = 60
        return response

    @app.get("/imprint")
    def imprint() -> str:
        return f"version {next(made)}"

    return app


@pytest.fixture(params=list(WAYS))
def proxy(request: pytest.FixtureRequest, app: flask.Flask, tmp_path: Path) -> Iterator[Proxy]:
    """An nginx that keeps what the app answers."""
    with nginx(app, tmp_path / "nginx", location=WAYS[request.param]) as running:
        yield running


@pytest.fixture
def headers(app: flask.Flask, clock: FakeClock) -> dict[str, dict[str, str]]:
    """What each visitor sends: two browsers, a machine, and somebody without a session."""
    ada, bob, machine = Visitor(app, clock), Visitor(app, clock), Visitor(app, clock, {"st-auth-mode": "header"})
    ada.log_in("ada")
    bob.log_in("bob")
    token = machine.log_in("machine").headers["st-access-token"]
    return {
        NOBODY: {},
        "ada": {"Cookie": ada.browser.cookie_header("/")},
        "bob": {"Cookie": bob.browser.cookie_header("/")},
        "machine": {"Authorization": f"Bearer {token}"},
    }


ORDERS: Final = pytest.mark.parametrize(
    "order", [["ada", "bob", NOBODY], [NOBODY, "ada", "bob"], ["ada", NOBODY, "machine", "bob"]], ids=str
)


def body(proxy: Proxy, path: str, headers: dict[str, str]) -> tuple[int, str]:
    response, text = proxy.ask("GET", path, headers)
    return response.status, text.decode()


def test_the_cache_is_at_work(proxy: Proxy) -> None:
    first, again = proxy.ask("GET", "/imprint"), proxy.ask("GET", "/imprint")
    assert [answer[0].getheader("X-Cache") for answer in (first, again)] == ["MISS", "HIT"]
    assert first[1] == again[1] == b"version 0"


@ORDERS
def test_nobody_gets_a_page_for_users_that_was_made_for_somebody_else(
    proxy: Proxy, headers: dict[str, dict[str, str]], order: list[str]
) -> None:
    for user in order * 2:
        status, text = body(proxy, "/account", headers[user])
        if user == NOBODY:
            assert (status, "account" in text) == (401, False)
        else:
            assert (status, text) == (200, f"the account of {user}")


@ORDERS
@pytest.mark.parametrize("path", ["/welcome", "/public-welcome"])
def test_everybody_is_greeted_by_their_own_name(
    proxy: Proxy, headers: dict[str, dict[str, str]], order: list[str], path: str
) -> None:
    for user in order * 2:
        assert body(proxy, path, headers[user]) == (200, f"Hello, {user or 'stranger'}")


def test_a_page_of_a_session_is_private_unless_the_view_says_otherwise(
    proxy: Proxy, headers: dict[str, dict[str, str]]
) -> None:
    said = {
        (path, user): proxy.ask("GET", path, headers[user])[0].getheader("Cache-Control")
        for path in ("/account", "/welcome", "/public-welcome", "/imprint")
        for user in ("ada", "machine", NOBODY)
    }
    assert {where for where, what in said.items() if what == "private"} == {
        ("/account", "ada"), ("/account", "machine"), ("/welcome", "ada"), ("/welcome", "machine"),
    }  # fmt: skip
    assert {what for (path, _), what in said.items() if path == "/public-welcome"} == {"public, max-age=60"}
    assert {what for (path, _), what in said.items() if path == "/imprint"} == {None}


def test_a_renewed_token_is_for_no_cache(app: flask.Flask, clock: FakeClock, proxy: Proxy) -> None:
    ada = Visitor(app, clock)
    ada.log_in("ada")
    ada.refresh()
    sent = {"Cookie": ada.browser.cookie_header("/"), "User-Agent": "Firefox"}
    for _ in range(2):  # both requests of a page are under way before the first answer has come
        answer, _ = proxy.ask("GET", "/account", sent)
        assert answer.getheader("X-Cache") != "HIT"
        assert answer.getheader("Cache-Control") == "no-store"
        assert "sAccessToken=" in (answer.getheader("Set-Cookie") or "")


def test_a_log_in_by_a_link_is_for_no_cache(app: flask.Flask, tmp_path: Path, clock: FakeClock) -> None:
    @app.get("/magic-link")
    def magic_link() -> Any:
        create_new_session(None, "ada")
        return flask.redirect("/account")

    keeps_more = WAYS["all pages"] + "proxy_ignore_headers Set-Cookie;"
    with ExitStack() as running:
        proxy = running.enter_context(nginx(app, tmp_path / "nginx", location=keeps_more))
        for _ in range(2):
            answer, _ = proxy.ask("GET", "/magic-link")
            assert (answer.status, answer.getheader("X-Cache")) == (302, "MISS")
