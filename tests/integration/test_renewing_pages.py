# SPDX-License-Identifier: Apache-2.0
"""Pages that the server renews, beside Flask's own session, Flask-WTF, Flask-Login, and caches."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import flask
import flask_caching
import flask_login
import flask_wtf
import pytest

from supertokens.flask import current_session, get_session, supertokens_middleware
from supertokens.testing import FakeClock

from .conftest import Attach
from .nginx import nginx
from .views import add_views
from .visitor import Visitor, set_cookies

PAIR: Final = {"sAccessToken", "sRefreshToken"}
KEEPS_ALL: Final = (
    "proxy_cache pages; proxy_cache_valid any 1m; proxy_cache_methods GET HEAD POST;"
    "add_header X-Cache $upstream_cache_status;"
)


@pytest.fixture
def app(attach: Attach) -> flask.Flask:
    """An app whose sessions the server renews; Flask's own session counts what each browser has seen."""
    app = flask.Flask("an_app")
    app.secret_key = "of Flask's own session"
    attach(app, renewal="server")
    add_views(app)

    @app.get("/visits")
    @supertokens_middleware
    def visits() -> str:
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        return f"{user()} was here {flask.session['visits']} times"

    @app.get("/welcome")
    @supertokens_middleware(required=False)
    def welcome() -> str:
        return f"Hello, {user()}"

    @app.get("/public-welcome")
    @supertokens_middleware(required=False)
    def public_welcome() -> flask.Response:
        response = flask.make_response(f"Hello, {user()}")
        response.cache_control.public = True
        response.cache_control.max_age = 60
        return response

    return app


def user() -> str:
    session = current_session()
    return "stranger" if session is None else session.get_user_id()


@pytest.fixture
def ada(visitor: Visitor, clock: FakeClock) -> Visitor:
    """A browser whose tokens have died since it logged in."""
    visitor.log_in("ada")
    clock.advance(hours=2)
    return visitor


# Flask's own session


def test_both_sessions_are_kept_in_one_answer(ada: Visitor, clock: FakeClock) -> None:
    for times in (1, 2, 3):
        answer = ada.get("/visits")
        assert answer.text == f"ada was here {times} times"
        assert set(set_cookies(answer)) == PAIR
        assert any(line.startswith("session=") for line in answer.headers.getlist("Set-Cookie"))
        assert answer.headers.getlist("Cache-Control") == ["no-store"]
        names = [name.strip().lower() for name in answer.headers["Vary"].split(",")]
        assert sorted(names) == ["authorization", "cookie"]
        clock.advance(hours=2)


# Flask-WTF


@pytest.fixture
def with_forms(app: flask.Flask) -> list[str]:
    """The texts that came by forms, each with the value that Flask-WTF asks for."""
    flask_wtf.CSRFProtect(app).exempt(app.view_functions["login"])
    kept: list[str] = []

    @app.route("/note", methods=["GET", "POST"])
    @supertokens_middleware
    def note() -> Any:
        if flask.request.method == "GET":
            return flask.render_template_string("{{ csrf_token() }}")
        kept.append(flask.request.form["text"])
        return flask.redirect("/note", 303)

    return kept


def test_the_value_of_a_form_outlives_the_tokens_and_a_form_without_it_renews_nothing(
    with_forms: list[str], visitor: Visitor, clock: FakeClock
) -> None:
    visitor.log_in("ada")
    value = visitor.get("/note").text
    for number in range(3):
        clock.advance(minutes=61)  # Flask-WTF's value lives an hour, by the system's clock
        refused = visitor.post("/note", data={"text": "forged"})
        assert (refused.status_code, refused.headers.getlist("Set-Cookie")) == (400, [])
        answer = visitor.post("/note", data={"text": str(number), "csrf_token": value})
        assert (answer.status_code, set(set_cookies(answer))) == (303, PAIR)
    assert with_forms == ["0", "1", "2"]


# Flask-Login


class User(flask_login.UserMixin):  # type: ignore[misc]
    def __init__(self, user_id: str) -> None:
        self.id = user_id


def test_whoever_asks_for_the_user_first_renews_for_the_whole_request(
    app: flask.Flask, visitor: Visitor, clock: FakeClock
) -> None:
    login = flask_login.LoginManager(app)

    @login.request_loader
    def load(_: flask.Request) -> User | None:
        session = get_session(None, False, required=False)
        return None if session is None else User(session.get_user_id())

    @app.get("/profile")
    @flask_login.login_required
    def profile() -> str:
        return flask.render_template_string("{{ current_user.get_id() }}, {{ current_session().get_user_id() }}")

    assert visitor.get("/profile").status_code == 401
    visitor.log_in("ada")
    for _ in range(3):
        clock.advance(hours=2)
        answer = visitor.get("/profile")
        assert (answer.text, set(set_cookies(answer))) == ("ada, ada", PAIR)
    visitor.post("/logout")
    assert visitor.get("/profile").status_code == 401


# Flask-Caching


@pytest.mark.parametrize("order", ["the check first", "the cache first", "asked inside"])
def test_a_cache_in_the_app_keeps_the_page_and_never_the_cookies(
    app: flask.Flask, visitor: Visitor, clock: FakeClock, order: str
) -> None:
    cache = flask_caching.Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    made = iter(range(1_000))

    def news() -> flask.Response:
        if order == "asked inside":
            get_session(None, False)
        return flask.make_response(f"edition {next(made)}")

    around = {
        "the check first": supertokens_middleware(cache.cached()(news)),
        "the cache first": cache.cached()(supertokens_middleware(news)),
        "asked inside": cache.cached()(news),
    }
    app.add_url_rule("/news", "news", around[order])

    visitor.log_in("ada")
    clock.advance(hours=2)
    first = visitor.get("/news")
    assert (first.text, set(set_cookies(first))) == ("edition 0", PAIR)
    bob = Visitor(app, clock)
    bob.log_in("bob")
    for again in (bob.get("/news"), Visitor(app, clock).get("/news")):
        if again.status_code == 401:
            assert order == "the check first"
        else:
            assert again.text == "edition 0"
        assert again.headers.getlist("Set-Cookie") == []
    clock.advance(hours=2)
    mine = visitor.get("/news")
    assert (mine.text, set(set_cookies(mine))) == ("edition 0", PAIR if order == "the check first" else set())
    assert visitor.get("/me").get_json()["user"] == "ada"


# nginx

WAYS: Final = {
    "all pages": KEEPS_ALL,
    "all pages, with their cookies": KEEPS_ALL + "proxy_ignore_headers Set-Cookie;",
    "all pages, whatever they say": KEEPS_ALL + "proxy_ignore_headers Cache-Control Expires;",
}
"""What people have nginx keep. A proxy that is told to ignore both headers keeps anything."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", ["/me", "/welcome", "/public-welcome", "/visits"])
def test_no_proxy_keeps_what_renewed_a_session(
    app: flask.Flask, ada: Visitor, clock: FakeClock, tmp_path: Path, way: str, path: str
) -> None:
    dead = {"Cookie": ada.browser.cookie_header("/"), "User-Agent": "Firefox"}
    bob = Visitor(app, clock)
    bob.log_in("bob")
    bobs = {"Cookie": bob.browser.cookie_header("/"), "User-Agent": "Firefox"}
    with nginx(app, tmp_path / "nginx", location=WAYS[way]) as proxy:
        for _ in range(2):  # both requests of a page are under way before the first answer has come
            answer, body = proxy.ask("GET", path, dead)
            assert (answer.status, answer.getheader("X-Cache")) == (200, "MISS")
            assert answer.getheader("Cache-Control") == "no-store"
            assert {line.partition("=")[0] for line in answer.headers.get_all("Set-Cookie") or []} >= PAIR
            assert b"ada" in body
            for others in (bobs, {}):
                answer, body = proxy.ask("GET", path, others)
                assert b"ada" not in body
                assert not PAIR & {line.partition("=")[0] for line in answer.headers.get_all("Set-Cookie") or []}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("waits", ["before the check", "after it"])
def test_a_page_that_was_too_late_to_bring_tokens_is_kept_for_nobody_else(
    app: flask.Flask, visitor: Visitor, clock: FakeClock, tmp_path: Path, way: str, waits: str
) -> None:
    """Nothing new is in it, so that it has no `no-store`: what keeps others out is `private` and `Vary`."""
    now = 0.0
    app.extensions["supertokens"].edge.monotonic = lambda: now

    @app.get("/slow")
    def slow() -> str:
        nonlocal now
        if waits == "before the check":
            now += 60
        session = get_session(None, False, required=False)
        now += 60
        return "Hello, stranger" if session is None else f"Hello, {session.get_user_id()}"

    visitor.log_in("ada")
    clock.advance(hours=2)
    dead = {"Cookie": visitor.browser.cookie_header("/"), "User-Agent": "Firefox"}
    with nginx(app, tmp_path / "nginx", location=WAYS[way]) as proxy:
        answer, body = proxy.ask("GET", "/slow", dead)
        assert (answer.status, body) == (200, b"Hello, ada")
        assert answer.headers.get_all("Set-Cookie") is None
        for others in ({"Cookie": "theme=dark"}, {}):
            assert proxy.ask("GET", "/slow", others)[1] == b"Hello, stranger"
