# SPDX-License-Identifier: Apache-2.0
"""Flask-RESTful and Flask-RESTX answer errors of their resources themselves: what they answer is what we would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flask
import flask_restful
import flask_restx
import pytest

from supertokens.flask import create_new_session, refresh_session, supertokens_middleware
from supertokens.testing import FakeClock

from .conftest import Attach
from .views import add_views
from .visitor import OURS, Visitor, deleted, set_cookies


def with_restful(app: flask.Flask, on_a_blueprint: bool) -> None:
    blueprint = flask.Blueprint("api", "api") if on_a_blueprint else None
    api = flask_restful.Api(blueprint or app)

    class Me(flask_restful.Resource):  # type: ignore[misc]
        method_decorators = (supertokens_middleware,)

        def get(self) -> dict[str, str]:
            return {"user": flask.g.supertokens.get_user_id()}

        def delete(self) -> dict[str, Any]:
            flask.g.supertokens.revoke_session()
            return {}

    class Login(flask_restful.Resource):  # type: ignore[misc]
        def post(self) -> dict[str, Any]:
            create_new_session(None, flask.request.args["user"])
            return {}

    class Refresh(flask_restful.Resource):  # type: ignore[misc]
        def post(self) -> dict[str, Any]:
            refresh_session(None)
            return {}

    api.add_resource(Me, "/me")
    api.add_resource(Login, "/login")
    api.add_resource(Refresh, "/session/refresh")
    if blueprint is not None:
        app.register_blueprint(blueprint)


def with_restx(app: flask.Flask, on_a_blueprint: bool) -> None:
    blueprint = flask.Blueprint("api", "api") if on_a_blueprint else None
    api = flask_restx.Api(blueprint or app, doc=False)

    @api.route("/me")
    class Me(flask_restx.Resource):  # type: ignore[misc]
        method_decorators = (supertokens_middleware,)

        def get(self) -> dict[str, str]:
            return {"user": flask.g.supertokens.get_user_id()}

        def delete(self) -> dict[str, Any]:
            flask.g.supertokens.revoke_session()
            return {}

    @api.route("/login")
    class Login(flask_restx.Resource):  # type: ignore[misc]
        def post(self) -> dict[str, Any]:
            create_new_session(None, flask.request.args["user"])
            return {}

    @api.route("/session/refresh")
    class Refresh(flask_restx.Resource):  # type: ignore[misc]
        def post(self) -> dict[str, Any]:
            refresh_session(None)
            return {}

    if blueprint is not None:
        app.register_blueprint(blueprint)


@pytest.fixture(params=[with_restful, with_restx], ids=["Flask-RESTful", "Flask-RESTX"])
def resources(request: pytest.FixtureRequest) -> Callable[[flask.Flask, bool], None]:
    """What gives an app its resources."""
    chosen: Callable[[flask.Flask, bool], None] = request.param
    return chosen


@pytest.fixture(params=[False, True], ids=["on the app", "on a blueprint"])
def app(request: pytest.FixtureRequest, attach: Attach, resources: Callable[[flask.Flask, bool], None]) -> flask.Flask:
    """An app of resources, as in production: `TESTING` would have errors propagate instead of being answered."""
    made = flask.Flask("an_app")
    attach(made)
    resources(made, request.param)
    assert not made.testing
    return made


def assert_refused(answer: Any, message: str) -> None:
    assert (answer.status_code, answer.get_json()) == (401, {"error": message, "message": message})
    assert answer.mimetype == "application/json"


def test_a_resource_without_a_session_is_refused_as_a_view_is(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str]
) -> None:
    visitor = Visitor(app, clock, dialect)
    answer = visitor.get("/me")
    assert_refused(answer, "unauthorised")
    assert answer.headers.getlist("Set-Cookie") == []
    assert {"cookie", "authorization"} <= {name.lower() for name in answer.vary}


def test_a_resource_with_an_expired_token_asks_for_a_refresh(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str]
) -> None:
    visitor = Visitor(app, clock, dialect)
    visitor.log_in("ada")
    assert visitor.get("/me").get_json() == {"user": "ada"}
    clock.advance(hours=2)
    answer = visitor.get("/me")
    assert_refused(answer, "try refresh token")
    assert set_cookies(answer) == {}
    visitor.refresh()
    assert list(set_cookies(visitor.get("/me"))) == ["sAccessToken"]


def test_a_resource_of_a_session_that_has_ended_clears_the_cookies(app: flask.Flask, clock: FakeClock) -> None:
    visitor, other_device = Visitor(app, clock), Visitor(app, clock)
    visitor.log_in("ada")
    visitor.refresh()
    other_device.browser.jar.update(visitor.browser.jar)
    assert deleted(other_device.call("DELETE", "/me")) == set(OURS)
    answer = visitor.get("/me")
    assert_refused(answer, "unauthorised")
    assert deleted(answer) == set(OURS)


def test_a_resource_that_refreshes_answers_a_theft(app: flask.Flask, clock: FakeClock) -> None:
    owner, thief = Visitor(app, clock), Visitor(app, clock, {"User-Agent": "curl"})
    owner.log_in("ada")
    thief.browser.jar.update(owner.browser.jar)
    owner.refresh()
    owner.get("/me")
    answer = thief.post("/session/refresh")
    assert_refused(answer, "token theft detected")
    assert deleted(answer) == set(OURS)
    assert_refused(owner.post("/session/refresh"), "unauthorised")


def test_what_the_application_has_chosen_to_answer_is_answered_by_resources_too(
    attach: Attach, clock: FakeClock, resources: Callable[[flask.Flask, bool], None]
) -> None:
    app = flask.Flask("an_app")
    sessions = attach(app)
    sessions.set_unauthorised_error_handler(lambda error: ({"message": "log in", "at": "/login"}, 403))
    resources(app, False)
    answer = Visitor(app, clock).get("/me")
    assert answer.get_json() == {"message": "log in", "at": "/login"}
    # Flask-RESTX asks for the status before there is a response (docs/integrations/flask.md).
    assert answer.status_code == (401 if resources is with_restx else 403)


def test_a_status_of_the_older_libraries_is_answered_by_flask_restful_too(attach: Attach, clock: FakeClock) -> None:
    app = flask.Flask("an_app")
    attach(app, session_expired_status_code=440)
    with_restful(app, False)
    assert Visitor(app, clock).get("/me").status_code == 440


def test_flask_restx_knows_no_status_that_http_does_not_have(attach: Attach, clock: FakeClock) -> None:
    app = flask.Flask("an_app")
    attach(app, session_expired_status_code=440)
    with_restx(app, False)
    assert Visitor(app, clock).get("/me").status_code == 500  # docs/integrations/flask.md says to keep 401


@pytest.mark.parametrize("api", [flask_restful.Api, flask_restx.Api], ids=["Flask-RESTful", "Flask-RESTX"])
def test_a_whole_api_can_be_protected(attach: Attach, clock: FakeClock, api: Callable[..., Any]) -> None:
    app = flask.Flask("an_app")
    attach(app)
    add_views(app)

    class Order(flask_restful.Resource if api is flask_restful.Api else flask_restx.Resource):  # type: ignore[misc]
        def get(self) -> dict[str, str]:
            return {"of": flask.g.supertokens.get_user_id()}

    api(app, prefix="/api", decorators=[supertokens_middleware]).add_resource(Order, "/order")
    visitor = Visitor(app, clock)
    assert_refused(visitor.get("/api/order"), "unauthorised")
    visitor.log_in("ada")
    assert visitor.get("/api/order").get_json() == {"of": "ada"}
