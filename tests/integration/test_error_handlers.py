# SPDX-License-Identifier: Apache-2.0
"""The handler of an application for one of our errors, or for their root, wins; one for everything does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from supertokens.flask import (
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
    get_session,
    refresh_session,
    supertokens_middleware,
)
from supertokens.testing import FakeClock

from .conftest import Attach
from .views import add_views
from .visitor import OURS, Visitor, deleted

MESSAGES = {
    SuperTokensUnauthorisedError: "unauthorised",
    SuperTokensTryRefreshTokenError: "try refresh token",
    SuperTokensTokenTheftError: "token theft detected",
}


def unauthorised(app: flask.Flask, clock: FakeClock) -> TestResponse:
    visitor = Visitor(app, clock)
    visitor.log_in("ada")
    visitor.refresh()
    visitor_of_another_device = Visitor(app, clock)
    visitor_of_another_device.browser.jar.update(visitor.browser.jar)
    assert visitor_of_another_device.post("/logout").status_code == 200
    return visitor.get("/me")


def expired(app: flask.Flask, clock: FakeClock) -> TestResponse:
    visitor = Visitor(app, clock)
    visitor.log_in("ada")
    clock.advance(hours=2)
    return visitor.get("/me")


def stolen(app: flask.Flask, clock: FakeClock) -> TestResponse:
    owner, thief = Visitor(app, clock), Visitor(app, clock, {"User-Agent": "curl"})
    owner.log_in("ada")
    thief.browser.jar.update(owner.browser.jar)
    owner.refresh()
    assert owner.get("/me").status_code == 200
    return thief.post("/session/refresh")


PROVOKED: dict[type[SuperTokensError], Callable[[flask.Flask, FakeClock], TestResponse]] = {
    SuperTokensUnauthorisedError: unauthorised,
    SuperTokensTryRefreshTokenError: expired,
    SuperTokensTokenTheftError: stolen,
}
EACH = pytest.mark.parametrize("error", list(PROVOKED), ids=lambda error: error.__name__)
WHEN = pytest.mark.parametrize("when", ["before", "after"])


def made(attach: Attach, when: str, register: Callable[[flask.Flask], None], **options: Any) -> flask.Flask:
    """Return an app whose handlers are registered before or after its sessions."""
    app = flask.Flask("an_app")
    if when == "before":
        register(app)
    attach(app, **options)
    add_views(app)
    if when == "after":
        register(app)
    return app


def assert_cleared_as_ever(answer: TestResponse, error: type[SuperTokensError]) -> None:
    assert deleted(answer) == (set() if error is SuperTokensTryRefreshTokenError else set(OURS))


@EACH
@WHEN
@pytest.mark.parametrize("registered_for", ["the class", "the root"])
def test_a_handler_of_the_application_for_our_class_or_their_root_answers(
    attach: Attach, clock: FakeClock, error: type[SuperTokensError], when: str, registered_for: str
) -> None:
    handled: list[Exception] = []

    def answer(caught: Exception) -> tuple[str, int]:
        handled.append(caught)
        return "as the application says", 403

    kind = error if registered_for == "the class" else SuperTokensError
    app = made(attach, when, lambda app: app.register_error_handler(kind, answer))

    given = PROVOKED[error](app, clock)

    assert (given.status_code, given.text) == (403, "as the application says")
    assert [isinstance(caught, error) for caught in handled] == [True]
    assert_cleared_as_ever(given, error)


@EACH
@WHEN
@pytest.mark.parametrize("registered_for", [Exception, HTTPException, 401], ids=str)
def test_a_handler_for_everything_does_not_replace_ours(
    attach: Attach, clock: FakeClock, error: type[SuperTokensError], when: str, registered_for: type[Exception] | int
) -> None:
    app = made(
        attach, when, lambda app: app.register_error_handler(registered_for, lambda caught: ("something broke", 500))
    )

    given = PROVOKED[error](app, clock)

    assert given.status_code == 401
    assert given.get_json() == {"error": MESSAGES[error], "message": MESSAGES[error]}
    assert_cleared_as_ever(given, error)


@WHEN
def test_the_handler_of_one_class_leaves_the_others_to_us(attach: Attach, clock: FakeClock, when: str) -> None:
    app = made(
        attach, when, lambda app: app.register_error_handler(SuperTokensUnauthorisedError, lambda _: ("log in", 403))
    )
    assert unauthorised(app, clock).status_code == 403
    assert expired(app, clock).get_json()["message"] == "try refresh token"
    assert stolen(app, clock).get_json()["message"] == "token theft detected"


@WHEN
def test_our_own_failure_is_answered_by_the_applications_handler(attach: Attach, clock: FakeClock, when: str) -> None:
    app = made(
        attach,
        when,
        lambda app: app.register_error_handler(SuperTokensGeneralError, lambda _: ("come back later", 503)),
    )

    @app.get("/breaks")
    def breaks() -> str:
        raise SuperTokensGeneralError("the store cannot be reached")

    assert Visitor(app, clock).get("/breaks").status_code == 503


def test_our_own_failure_is_a_server_error_without_a_word_of_what_it_was(attach: Attach, clock: FakeClock) -> None:
    app = made(attach, "before", lambda app: None)

    @app.get("/breaks")
    def breaks() -> str:
        raise SuperTokensGeneralError("the store cannot be reached")

    answer = Visitor(app, clock).get("/breaks")
    assert answer.status_code == 500
    assert "store" not in answer.text


def blueprint_with(kind: type[Exception], handler: Callable[[Any], Any]) -> flask.Blueprint:
    blueprint = flask.Blueprint("shop", "shop", url_prefix="/shop")
    blueprint.register_error_handler(kind, handler)

    @blueprint.get("/me")
    @supertokens_middleware
    def me() -> str:
        return "in"

    @blueprint.post("/refresh")
    def refresh() -> str:
        refresh_session(None)
        return "refreshed"

    return blueprint


def test_a_blueprints_handler_for_our_class_answers_its_views_and_no_others(app: flask.Flask, visitor: Visitor) -> None:
    app.register_blueprint(blueprint_with(SuperTokensUnauthorisedError, lambda _: ("the shop is for customers", 403)))
    assert visitor.get("/shop/me").text == "the shop is for customers"
    assert visitor.get("/me").get_json() == {"error": "unauthorised", "message": "unauthorised"}


@pytest.mark.parametrize("everything", [Exception, HTTPException])
def test_a_blueprints_handler_for_everything_does_not_replace_ours(
    app: flask.Flask, visitor: Visitor, clock: FakeClock, everything: type[Exception]
) -> None:
    app.register_blueprint(blueprint_with(everything, lambda _: ("the shop is broken", 500)))
    assert visitor.get("/shop/me").get_json() == {"error": "unauthorised", "message": "unauthorised"}
    visitor.log_in("ada")
    clock.advance(hours=2)
    assert visitor.get("/shop/me").get_json()["message"] == "try refresh token"


def test_a_blueprints_handler_for_http_errors_can_hand_out_what_we_would_answer(
    app: flask.Flask, visitor: Visitor, clock: FakeClock
) -> None:
    handled = []

    def pass_on(error: HTTPException) -> Any:
        handled.append(error.code)
        return error.get_response()

    app.register_blueprint(blueprint_with(HTTPException, pass_on))

    answer = visitor.get("/shop/me")
    assert (answer.status_code, answer.get_json()) == (401, {"error": "unauthorised", "message": "unauthorised"})
    visitor.log_in("ada")
    clock.advance(hours=2)
    answer = visitor.get("/shop/me")
    assert (answer.status_code, answer.get_json()["message"]) == (401, "try refresh token")
    assert handled in ([], [401, 401])  # whether Flask asks the blueprint or us is not ours to say


def test_an_http_error_has_the_status_and_the_answer_that_the_application_has_chosen(
    attach: Attach, clock: FakeClock
) -> None:
    app = flask.Flask("an_app")
    sessions = attach(app, session_expired_status_code=440)
    sessions.set_unauthorised_error_handler(lambda error: ({"please": "log in"}, 440))
    caught = []

    @app.get("/me")
    def me() -> Any:
        try:
            get_session(None, False)
        except HTTPException as error:  # as an extension does that knows HTTP and not us
            caught.append(error.code)
            return error.get_response()
        return "in"

    answer = Visitor(app, clock).get("/me")
    assert caught == [440]
    assert (answer.status_code, answer.get_json()) == (440, {"please": "log in"})
