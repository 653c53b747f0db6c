# SPDX-License-Identifier: Apache-2.0
"""Errors in Flask: whose handler answers them, and what they are to frameworks that know nothing of sessions."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import flask
import pytest
from werkzeug.exceptions import HTTPException, Unauthorized

from supertokens.errors import (
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.flask import get_session, supertokens_middleware
from supertokens.testing import FakeClock

from .conftest import NOBODY, OUR_COOKIES, Client, MakeApp, deleted, logged_in, who

# Handlers of the application


class SuspendedError(SuperTokensUnauthorisedError):
    """An error of the application's own, with arguments of its own."""

    def __init__(self, *, until: int) -> None:
        super().__init__("suspended", reason="suspended")
        self.until = until


def refuse_with(app: flask.Flask, error: Callable[[], Exception], *, protected: bool) -> None:
    def view() -> str:
        raise error()

    app.add_url_rule("/refuses", view_func=supertokens_middleware(view) if protected else view)


@pytest.mark.parametrize("protected", [True, False])
def test_an_error_of_a_class_of_the_applications_own_reaches_its_handler_as_it_is(
    app: flask.Flask, clock: FakeClock, protected: bool
) -> None:
    handled: list[SuspendedError] = []

    @app.errorhandler(SuspendedError)
    def answer(error: SuspendedError) -> tuple[str, int]:
        handled.append(error)
        return f"until {error.until}", 403

    refuse_with(app, lambda: SuspendedError(until=7), protected=protected)
    given = logged_in(app, clock).get("/refuses")
    assert (given.status_code, given.text) == (403, "until 7")
    assert [isinstance(error, SuspendedError) for error in handled] == [True]
    if protected:
        assert deleted(given) == OUR_COOKIES


@pytest.mark.parametrize("protected", [True, False])
def test_without_a_handler_it_is_answered_as_the_class_that_it_comes_from(
    app: flask.Flask, clock: FakeClock, protected: bool
) -> None:
    refuse_with(app, lambda: SuspendedError(until=7), protected=protected)
    given = logged_in(app, clock).get("/refuses")
    assert (given.status_code, given.json) == (401, {"error": "unauthorised", "message": "unauthorised"})
    assert deleted(given) == OUR_COOKIES


def test_a_decorator_inside_or_outside_of_ours_can_catch_it(app: flask.Flask, clock: FakeClock) -> None:
    def catching(view: Callable[[], Any]) -> Callable[[], Any]:
        def caught() -> Any:
            try:
                return view()
            except SuspendedError as error:
                return f"until {error.until}"

        return caught

    def view() -> str:
        raise SuspendedError(until=7)

    app.add_url_rule("/outside", "outside", catching(supertokens_middleware(view)))
    app.add_url_rule("/inside", "inside", supertokens_middleware(catching(view)))
    assert logged_in(app, clock).get("/outside").text == "until 7"
    inside = logged_in(app, clock).get("/inside")
    assert (inside.text, deleted(inside)) == ("until 7", set()), "what was caught before us is the application's affair"


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("registered_for", [SuperTokensUnauthorisedError, SuperTokensError])
def test_a_handler_of_the_application_that_looks_at_the_session_brings_nothing_back(
    app: flask.Flask, clock: FakeClock, protected: bool, registered_for: type[Exception]
) -> None:
    seen: list[str] = []

    @app.errorhandler(registered_for)
    def answer(error: Exception) -> tuple[str, int]:
        seen.append(who())
        return "no", 403

    refuse_with(app, SuperTokensUnauthorisedError, protected=protected)
    client = logged_in(app, clock)
    given = client.get("/refuses")
    assert given.status_code == 403
    if protected or registered_for is SuperTokensError:
        assert seen == [NOBODY]
        assert deleted(given) == OUR_COOKIES


@pytest.mark.parametrize("code", [401, 440, 500])
@pytest.mark.parametrize("trapped", [True, False])
def test_handlers_for_status_codes_and_trapped_exceptions_do_not_take_the_place_of_ours(
    make_app: MakeApp, clock: FakeClock, code: int, trapped: bool
) -> None:
    app = make_app(session_expired_status_code=440 if code == 440 else 401)
    app.config["TRAP_HTTP_EXCEPTIONS"] = trapped
    for own in ({401, 500} | {code}) - {440}:  # 440 is no status that werkzeug knows
        app.register_error_handler(own, lambda error: ("own page", 418))
    app.add_url_rule("/aborts", view_func=lambda: flask.abort(401))
    client = Client(app, clock, {})
    answer = client.get("/me")
    assert (answer.status_code, answer.json) == (
        440 if code == 440 else 401, {"error": "unauthorised", "message": "unauthorised"},
    )  # fmt: skip
    assert client.get("/aborts").text == "own page"


def test_our_errors_are_http_exceptions_with_the_status_of_their_answer(app: flask.Flask, clock: FakeClock) -> None:
    caught: list[HTTPException] = []

    @app.get("/raw")
    def raw() -> Any:
        try:
            get_session(None, False)
        except HTTPException as error:
            caught.append(error)
            return error  # as handlers of frameworks on top of Flask do

    answer = Client(app, clock, {}).get("/raw")
    assert (answer.status_code, answer.json) == (401, {"error": "unauthorised", "message": "unauthorised"})
    [error] = caught
    assert error.code == 401
    assert not isinstance(error, Unauthorized), "of werkzeug's own, for which the application may have a page"
    assert isinstance(error, SuperTokensUnauthorisedError)


def test_our_own_failure_is_none(app: flask.Flask) -> None:
    with app.test_request_context():
        edge = app.extensions["supertokens"].edge
        assert not isinstance(edge.as_raised(SuperTokensGeneralError("the store is away")), HTTPException)


@pytest.mark.parametrize(
    "error",
    [
        SuperTokensUnauthorisedError("no session", reason="no_session"),
        SuperTokensTryRefreshTokenError("expired", reason="expired"),
        SuperTokensTokenTheftError("handle", "ada"),
        SuperTokensGeneralError("the store is away"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_go_to_another_process_and_are_copied_as_what_they_stand_for(
    app: flask.Flask, error: SuperTokensError
) -> None:
    """A task queue, a pool of processes and pytest-xdist pickle exceptions."""
    with app.test_request_context():
        raised = app.extensions["supertokens"].edge.as_raised(error)
        assert isinstance(raised, type(error))
        for copied in (pickle.loads(pickle.dumps(raised)), copy.copy(raised), copy.deepcopy(raised)):
            assert isinstance(copied, type(error))
            assert (str(copied), copied.reason) == (str(error), error.reason)
            if isinstance(copied, SuperTokensTokenTheftError):
                assert (copied.session_handle, copied.user_id) == ("handle", "ada")
