# SPDX-License-Identifier: Apache-2.0
"""What a session changes reaches the browser, whichever response is finally sent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import wraps
from queue import Queue
from typing import Any

import flask
import flask.views
import pytest

from supertokens.flask import create_new_session, get_session, supertokens_middleware
from supertokens.testing import FakeClock

from .visitor import OURS, Visitor, deleted, set_cookies


def another_response(given: flask.Response) -> Any:
    return {"welcome": "ada"}


def a_redirect(given: flask.Response) -> Any:
    return flask.redirect("/home")


def a_streamed_response(given: flask.Response) -> Any:
    return flask.Response(flask.stream_with_context(iter(["wel", "come"])))


def an_abort_with_a_response(given: flask.Response) -> Any:
    flask.abort(flask.make_response("no room", 503))


def an_error_page(given: flask.Response) -> Any:
    raise ZeroDivisionError


SENT = pytest.mark.parametrize(
    "sent", [another_response, a_redirect, a_streamed_response, an_abort_with_a_response, an_error_page],
    ids=lambda sent: sent.__name__,
)  # fmt: skip


@SENT
def test_a_log_in_on_a_response_that_is_not_sent_goes_on_the_one_that_is(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str], sent: Callable[[flask.Response], Any]
) -> None:
    @app.post("/sign-in")
    def sign_in() -> Any:
        given = flask.make_response("in")
        create_new_session(given, "ada")
        return sent(given)

    visitor = Visitor(app, clock, dialect)
    answer = visitor.post("/sign-in")
    assert all(set_cookies(answer).values())
    assert set_cookies(answer)
    assert visitor.get("/me").get_json()["user"] == "ada"
    visitor.refresh()


@SENT
def test_a_renewed_token_on_a_response_that_is_not_sent_goes_on_the_one_that_is(
    app: flask.Flask, visitor: Visitor, sent: Callable[[flask.Response], Any]
) -> None:
    @app.get("/page")
    def page() -> Any:
        given = flask.make_response("page")
        get_session(given, False)
        return sent(given)

    visitor.log_in("ada")
    visitor.refresh()
    assert list(set_cookies(visitor.get("/page"))) == ["sAccessToken"]


@SENT
def test_a_log_out_on_a_response_that_is_not_sent_goes_on_the_one_that_is(
    app: flask.Flask, visitor: Visitor, sent: Callable[[flask.Response], Any]
) -> None:
    @app.post("/leave")
    def leave() -> Any:
        given = flask.make_response("gone")
        get_session(given, False).revoke_session()
        return sent(given)

    visitor.log_in("ada")
    assert deleted(visitor.post("/leave")) == set(OURS)


def test_an_after_request_function_that_makes_another_response_loses_nothing(
    app: flask.Flask, visitor: Visitor
) -> None:
    @app.after_request
    def compress(response: flask.Response) -> flask.Response:
        return flask.Response(response.get_data(), response.status, content_type=response.content_type)

    visitor.log_in("ada")
    visitor.refresh()
    assert visitor.get("/me").get_json()["user"] == "ada"
    assert deleted(visitor.post("/logout")) == set(OURS)


def test_the_response_that_was_given_gets_each_cookie_once(app: flask.Flask, visitor: Visitor) -> None:
    @app.post("/sign-in")
    def sign_in() -> flask.Response:
        given = flask.make_response("in")
        create_new_session(given, "ada")
        given.set_cookie("theirs", "1")
        return given

    answer = visitor.post("/sign-in")
    names = [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")]
    assert sorted(names) == sorted([*OURS, "theirs"])
    for name in ("front-token", "id-refresh-token", "Cache-Control", "Access-Control-Expose-Headers"):
        assert len(answer.headers.getlist(name)) == 1


def test_every_line_that_says_what_an_answer_varies_by_is_kept(app: flask.Flask, visitor: Visitor) -> None:
    @app.get("/page")
    @supertokens_middleware
    def page() -> flask.Response:
        response = flask.make_response("page")
        response.headers.add("Vary", "Accept-Language")
        response.headers.add("Vary", "cookie, Origin")
        return response

    visitor.log_in("ada")
    [vary] = visitor.get("/page").headers.getlist("Vary")
    assert sorted(name.strip().lower() for name in vary.split(",")) == [
        "accept-language", "authorization", "cookie", "origin",
    ]  # fmt: skip


# Decorators in the wrong order


def on_the_app(app: flask.Flask) -> None:
    @supertokens_middleware
    @app.get("/vault")
    def vault() -> str:
        return "gold"


def on_the_app_with_an_argument(app: flask.Flask) -> None:
    @supertokens_middleware(True)
    @app.get("/vault")
    def vault() -> str:
        return "gold"


def on_a_blueprint(app: flask.Flask) -> None:
    blueprint = flask.Blueprint("bank", "bank")

    @supertokens_middleware
    @blueprint.get("/vault")
    def vault() -> str:
        return "gold"

    app.register_blueprint(blueprint)


@pytest.mark.parametrize(
    "register", [on_the_app, on_the_app_with_an_argument, on_a_blueprint], ids=lambda register: register.__name__
)
@pytest.mark.parametrize("testing", [True, False], ids=["in a test", "in production"])
def test_a_view_that_was_registered_before_it_was_protected_is_not_served_and_its_name_is_said(
    app: flask.Flask, clock: FakeClock, caplog: pytest.LogCaptureFixture, register: Callable[[flask.Flask], None],
    testing: bool,
) -> None:  # fmt: skip
    app.testing = testing
    caplog.set_level(logging.WARNING)
    said = ""
    try:
        register(app)
        answer = Visitor(app, clock).get("/vault")
        assert "gold" not in answer.text
    except RuntimeError as error:
        said = str(error)
    assert "vault" in said + caplog.text
    assert "supertokens_middleware" in said + caplog.text


def test_no_request_overtakes_the_first_one_to_a_view_without_its_protection(
    app: flask.Flask, clock: FakeClock
) -> None:
    happened: Queue[str] = Queue()
    looked_through = threading.Event()

    class SlowToLookThrough(dict[str, Callable[..., Any]]):
        def items(self) -> Any:
            happened.put("looking")
            looked_through.wait(20)
            return super().items()

    on_the_app(app)
    app.view_functions = SlowToLookThrough(app.view_functions)
    ask = lambda: happened.put(Visitor(app, clock).get("/vault").text)  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(2)]
    threads[0].start()
    assert happened.get(timeout=20) == "looking"
    threads[1].start()
    assert happened.get(timeout=20) == "looking"
    looked_through.set()
    for thread in threads:
        thread.join(20)
    assert "gold" not in happened.get() + happened.get()


def test_views_in_the_right_order_and_classes_of_views_are_served(app: flask.Flask, visitor: Visitor) -> None:
    class Vault(flask.views.MethodView):
        decorators = (supertokens_middleware,)

        def get(self) -> str:
            return "gold"

    app.add_url_rule("/vault", view_func=Vault.as_view("vault"))

    @app.get("/safe")
    @app.get("/strongbox")
    @supertokens_middleware(True)
    def safe() -> str:
        return "gold"

    paths = ("/vault", "/safe", "/strongbox")
    visitor.log_in("ada")
    assert [visitor.get(path).text for path in paths] == ["gold", "gold", "gold"]
    visitor.post("/logout")
    assert [visitor.get(path).status_code for path in paths] == [401, 401, 401]


def test_a_function_that_is_a_view_with_and_without_protection_is_served_as_both(
    app: flask.Flask, visitor: Visitor
) -> None:
    def news() -> str:
        return "news"

    def logged(view: Callable[..., Any]) -> Callable[..., Any]:
        return wraps(view)(lambda: view())

    app.add_url_rule("/news", view_func=news)
    app.add_url_rule("/early-news", endpoint="early", view_func=logged(supertokens_middleware(news)))
    assert [visitor.get(path).status_code for path in ("/news", "/early-news")] == [200, 401]
