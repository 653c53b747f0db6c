# SPDX-License-Identifier: Apache-2.0
"""The request's session is one thing: what a request began, changed or ended counts for the rest of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import flask
import pytest
from werkzeug.test import TestResponse, run_wsgi_app
from werkzeug.wrappers import Response

from supertokens.engine import base64url
from supertokens.flask import (
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
    create_new_session,
    get_session,
    revoke_all_sessions_for_user,
    revoke_multiple_sessions,
    revoke_session,
    supertokens_middleware,
)
from supertokens.testing import FakeClock

from .visitor import OURS, Visitor, deleted, set_cookies

NOBODY = "nobody"


def who_is_there() -> str:
    """As an audit log, a template or an extension asks, for which no session is not an error."""
    try:
        return get_session(None, False).get_user_id()
    except SuperTokensError:
        return NOBODY


def look_after_the_view(app: flask.Flask, seen: list[str]) -> None:
    @app.after_request
    def audit(response: flask.Response) -> flask.Response:
        seen.append(who_is_there())
        return response


def look_in_a_template(app: flask.Flask, seen: list[str]) -> None:
    @app.context_processor
    def user() -> dict[str, str]:
        seen.append(who_is_there())
        return {"user": seen[-1]}

    inner: Callable[..., Any] = app.view_functions["login"]

    def login() -> str:
        inner()
        return flask.render_template_string("Hello, {{ user }}")

    app.view_functions["login"] = login


@pytest.fixture(params=[look_after_the_view, look_in_a_template], ids=["after_request", "template"])
def look(request: pytest.FixtureRequest) -> Callable[[flask.Flask, list[str]], None]:
    """How an app looks at the session once the view has run."""
    chosen: Callable[[flask.Flask, list[str]], None] = request.param
    return chosen


def user_in(access_token: str) -> str:
    """Return the user whom an access token names."""
    claims = json.loads(base64url.decode(access_token.split(".")[1]))
    return str(claims["sub"])


def nobody_before(visitor: Visitor, clock: FakeClock) -> None:
    """No cookies."""


def ada_before(visitor: Visitor, clock: FakeClock) -> None:
    visitor.log_in("ada")


def ada_refreshed_before(visitor: Visitor, clock: FakeClock) -> None:
    """The access token is marked: its first use accepts it, and puts another into its place."""
    visitor.log_in("ada")
    visitor.refresh()


def ada_expired_before(visitor: Visitor, clock: FakeClock) -> None:
    visitor.log_in("ada")
    clock.advance(hours=2)


BEFORE = pytest.mark.parametrize(
    "before", [nobody_before, ada_before, ada_refreshed_before, ada_expired_before], ids=lambda before: before.__name__
)


@BEFORE
def test_a_check_after_a_log_in_sees_the_new_session_and_undoes_nothing(
    app: flask.Flask,
    clock: FakeClock,
    dialect: Mapping[str, str],
    look: Callable[[flask.Flask, list[str]], None],
    before: Callable[[Visitor, FakeClock], None],
) -> None:
    seen: list[str] = []
    look(app, seen)
    visitor = Visitor(app, clock, dialect)
    before(visitor, clock)
    seen.clear()

    answer = visitor.log_in("bob")

    assert set(seen) == {"bob"}
    cookies = set_cookies(answer)
    assert user_in(cookies["sAccessToken"]) == "bob"
    assert all(cookies.values())
    assert "remove" not in (answer.headers.get("front-token"), answer.headers.get("id-refresh-token"))
    assert visitor.get("/me").get_json()["user"] == "bob"
    visitor.refresh()
    assert visitor.get("/me").get_json()["user"] == "bob"


@BEFORE
def test_a_check_before_a_log_in_leaves_nothing_of_the_earlier_session(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str], before: Callable[[Visitor, FakeClock], None]
) -> None:
    seen: list[str] = []
    app.before_request(lambda: seen.append(who_is_there()))
    visitor = Visitor(app, clock, dialect)
    before(visitor, clock)
    seen.clear()

    answer = visitor.log_in("bob")

    assert seen == ["ada" if before in (ada_before, ada_refreshed_before) else NOBODY]
    assert user_in(set_cookies(answer)["sAccessToken"]) == "bob"
    assert visitor.get("/me").get_json()["user"] == "bob"
    visitor.refresh()
    assert visitor.get("/me").get_json()["user"] == "bob"


def test_a_check_after_a_refresh_sees_the_refreshed_session(
    app: flask.Flask, visitor: Visitor, clock: FakeClock
) -> None:
    seen: list[str] = []
    look_after_the_view(app, seen)
    visitor.log_in("ada")
    clock.advance(hours=2)
    seen.clear()

    answer = visitor.refresh()

    assert seen == ["ada"]
    assert user_in(set_cookies(answer)["sAccessToken"]) == "ada"
    visitor.refresh()  # the check has not accepted the child in the name of a browser that does not have it yet
    assert visitor.get("/me").status_code == 200


def test_a_check_after_a_log_out_sees_nobody(app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str]) -> None:
    seen: list[str] = []
    look_after_the_view(app, seen)
    visitor = Visitor(app, clock, dialect)
    visitor.log_in("ada")
    visitor.refresh()
    seen.clear()

    answer = visitor.post("/logout")

    assert seen == [NOBODY]
    assert deleted(answer) == set(OURS)
    assert visitor.cookies == set()


@pytest.mark.parametrize("by", ["handle", "handles", "user"])
def test_a_verb_that_ends_the_requests_own_session_logs_this_browser_out(
    app: flask.Flask, visitor: Visitor, by: str
) -> None:
    @app.post("/end")
    @supertokens_middleware
    def end() -> str:
        session = flask.g.supertokens
        if by == "handle":
            revoke_session(session.get_handle())
        elif by == "handles":
            revoke_multiple_sessions([session.get_handle()])
        else:
            revoke_all_sessions_for_user(session.get_user_id())
        return who_is_there()

    visitor.log_in("ada")
    answer = visitor.post("/end")
    assert answer.text == NOBODY
    assert deleted(answer) == set(OURS)


def test_a_verb_that_ends_other_sessions_leaves_this_one(app: flask.Flask, visitor: Visitor, clock: FakeClock) -> None:
    @app.post("/ban/<user>")
    @supertokens_middleware
    def ban(user: str) -> str:
        revoke_all_sessions_for_user(user)
        return who_is_there()

    Visitor(app, clock).log_in("bob")
    visitor.log_in("ada")
    answer = visitor.post("/ban/bob")
    assert answer.text == "ada"
    assert set_cookies(answer) == {}


def test_a_changed_payload_is_seen_by_the_next_check_of_the_same_request(app: flask.Flask, visitor: Visitor) -> None:
    @app.post("/role")
    @supertokens_middleware
    def role() -> list[Any]:
        seen = []
        for new in ("writer", "admin"):
            get_session(None, False).update_jwt_payload({"role": new})
            seen.append(get_session(None, False).get_jwt_payload())
        return seen

    visitor.log_in("ada")
    visitor.refresh()  # also where the check itself had to renew the token
    answer = visitor.post("/role")
    assert answer.get_json() == [{"role": "writer"}, {"role": "admin"}]
    assert list(set_cookies(answer)) == ["sAccessToken"]
    assert visitor.get("/me").get_json()["payload"] == {"role": "admin"}


def headers_of_the_end(answer: TestResponse) -> dict[str, object]:
    """What tells a browser and its library that the session has ended."""
    names = ("front-token", "id-refresh-token", "anti-csrf", "st-access-token", "st-refresh-token")
    return {
        "status": answer.status_code,
        "body": answer.get_json(silent=True),
        "deleted": deleted(answer),
        **{name: answer.headers.get(name) for name in names},
    }


@pytest.mark.parametrize("place", ["in a view", "before any view", "in a view without the decorator"])
def test_an_error_that_the_application_raises_is_answered_like_ours(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str], place: str
) -> None:
    def suspended() -> None:
        if flask.request.path.startswith("/suspended"):
            raise SuperTokensUnauthorisedError("the account is suspended")

    if place == "before any view":
        app.before_request(suspended)
    app.add_url_rule(
        "/suspended", view_func=suspended if place.endswith("decorator") else supertokens_middleware(suspended)
    )
    ended, raised = Visitor(app, clock, dialect), Visitor(app, clock, dialect)
    ended.log_in("ada")
    ended.refresh()  # a marked token is looked up, so that its session's end is noticed
    with app.app_context():
        revoke_all_sessions_for_user("ada")
    raised.log_in("bob")

    ours, theirs = ended.get("/me"), raised.get("/suspended")

    assert ours.status_code == 401
    assert deleted(ours) == set(OURS)
    assert headers_of_the_end(theirs) == headers_of_the_end(ours)
    assert raised.cookies == set()


def test_a_theft_that_the_application_raises_clears_the_cookies(app: flask.Flask, visitor: Visitor) -> None:
    @app.get("/caught")
    @supertokens_middleware
    def caught() -> str:
        session = flask.g.supertokens
        raise SuperTokensTokenTheftError(session.get_handle(), session.get_user_id())

    visitor.log_in("ada")
    answer = visitor.get("/caught")
    assert (answer.status_code, answer.get_json()["message"]) == (401, "token theft detected")
    assert deleted(answer) == set(OURS)


def test_a_try_refresh_that_the_application_raises_deletes_nothing(app: flask.Flask, visitor: Visitor) -> None:
    @app.get("/stale")
    @supertokens_middleware
    def stale() -> str:
        raise SuperTokensTryRefreshTokenError("the role has changed")

    visitor.log_in("ada")
    answer = visitor.get("/stale")
    assert (answer.status_code, answer.get_json()["message"]) == (401, "try refresh token")
    assert set_cookies(answer) == {}


@pytest.mark.parametrize("path", ["/me", "/raises", "/session/refresh"])
def test_a_request_without_our_cookies_is_answered_without_any(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str], path: str
) -> None:
    @app.post("/raises")
    def raises() -> str:
        raise SuperTokensUnauthorisedError("of the application's own")

    answer = Visitor(app, clock, dialect).post(path)
    assert answer.status_code == 401
    assert answer.headers.getlist("Set-Cookie") == []


@pytest.mark.parametrize("name", OURS)
def test_one_of_our_cookies_is_enough_to_have_all_cleared(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str], name: str
) -> None:
    @app.get("/raises")
    def raises() -> str:
        raise SuperTokensUnauthorisedError("of the application's own")

    answer = Visitor(app, clock, dialect).get("/raises", {"Cookie": f"{name}=of-a-former-life"})
    assert answer.status_code == 401
    assert deleted(answer) == set(OURS)


# Requests inside of requests


def through_the_test_client(app: flask.Flask, path: str, method: str, cookies: str) -> TestResponse:
    return app.test_client(use_cookies=False).open(path, method=method, headers={"Cookie": cookies})


def through_a_copied_environment(app: flask.Flask, path: str, method: str, cookies: str) -> Response:
    path_info, _, query = path.partition("?")
    environ = flask.request.environ | {
        "PATH_INFO": path_info, "QUERY_STRING": query, "REQUEST_METHOD": method, "HTTP_COOKIE": cookies,
    }  # fmt: skip
    return Response.from_app(app, environ)


def through_the_same_environment(app: flask.Flask, path: str, method: str, cookies: str) -> Response:
    path_info, _, query = path.partition("?")
    environ = flask.request.environ
    before = environ.copy()
    environ.update(PATH_INFO=path_info, QUERY_STRING=query, REQUEST_METHOD=method, HTTP_COOKIE=cookies)
    body, status, headers = run_wsgi_app(app, environ)
    environ.update({name: before[name] for name in ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "HTTP_COOKIE")})
    return Response(body, status, headers)


@pytest.mark.parametrize(
    "nested", [through_the_test_client, through_a_copied_environment, through_the_same_environment],
    ids=lambda nested: nested.__name__,
)  # fmt: skip
@pytest.mark.parametrize("inner", ["nobody", "bob", "bob logs in", "ada logs out"])
def test_a_request_made_inside_a_view_leaves_the_views_session_alone(
    app: flask.Flask, clock: FakeClock, nested: Callable[..., Response], inner: str
) -> None:
    ada, bob = Visitor(app, clock), Visitor(app, clock)
    statuses = []

    @app.post("/outer")
    @supertokens_middleware
    def outer() -> list[str]:
        path, method, cookies = {
            "nobody": ("/me", "GET", ""),
            "bob": ("/me", "GET", bob.browser.cookie_header("/")),
            "bob logs in": ("/login?user=bob", "POST", ""),
            "ada logs out": ("/logout", "POST", flask.request.headers["Cookie"]),
        }[inner]
        statuses.append(nested(app, path, method, cookies).status_code)
        before = flask.g.supertokens.get_user_id()
        if inner != "ada logs out":
            flask.g.supertokens.update_jwt_payload({"role": "writer"})
        return [before, who_is_there()]

    ada.log_in("ada")
    bob.log_in("bob")
    answer = ada.post("/outer")

    assert statuses == [401 if inner == "nobody" else 200]
    assert answer.get_json() == ["ada", "ada"]
    if inner == "ada logs out":
        assert set_cookies(answer) == {}
        return
    cookies = set_cookies(answer)
    assert list(cookies) == ["sAccessToken"]
    assert user_in(cookies["sAccessToken"]) == "ada"
    assert ada.get("/me").get_json() == {"user": "ada", "payload": {"role": "writer"}}


def test_what_a_view_began_before_a_request_of_its_own_reaches_the_browser(app: flask.Flask, visitor: Visitor) -> None:
    @app.post("/sign-up")
    def sign_up() -> str:
        create_new_session(None, "carol")
        assert app.test_client().get("/me").status_code == 401
        return who_is_there()

    assert visitor.post("/sign-up").text == "carol"
    assert visitor.get("/me").get_json()["user"] == "carol"
