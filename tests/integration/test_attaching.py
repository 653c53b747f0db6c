# SPDX-License-Identifier: Apache-2.0
"""An extension is attached once to an app; mistakes are said, and leave nothing half done."""

from __future__ import annotations

import flask
import pytest

from supertokens.config import ConfigError
from supertokens.core import EmbeddedCore
from supertokens.flask import SuperTokens
from supertokens.testing import FakeClock

from .views import add_views
from .visitor import Visitor, set_cookies


def test_an_app_that_has_sessions_already_refuses_a_second_attaching() -> None:
    app = flask.Flask("an_app")
    app.testing = True
    sessions = SuperTokens(app)
    with pytest.raises((RuntimeError, ConfigError)):
        sessions.init_app(app)


def test_an_app_refuses_a_second_extension() -> None:
    app = flask.Flask("an_app")
    app.testing = True
    SuperTokens(app)
    with pytest.raises((RuntimeError, ConfigError)):
        SuperTokens(app)


def test_one_extension_serves_several_apps(core: EmbeddedCore, clock: FakeClock) -> None:
    sessions = SuperTokens(core=core)
    for name in ("one", "other"):
        app = flask.Flask(name)
        sessions.init_app(app)
        add_views(app)
        visitor = Visitor(app, clock)
        visitor.log_in("ada")
        assert visitor.get("/me").status_code == 200


def test_a_factory_gives_its_app_a_core_of_its_own(core: EmbeddedCore, clock: FakeClock) -> None:
    sessions = SuperTokens(access_token_validity=900)
    app = flask.Flask("an_app")
    sessions.init_app(app, core=core)
    add_views(app)
    visitor = Visitor(app, clock)
    visitor.log_in("ada")
    assert len(core.session_handles("ada")) == 1
    clock.advance(hours=2)
    assert visitor.get("/me").get_json()["message"] == "try refresh token"


def test_an_app_on_a_core_with_a_clock_of_its_own_renews_by_that_clock(core: EmbeddedCore, clock: FakeClock) -> None:
    app = flask.Flask("an_app")
    SuperTokens(app, core=core)
    add_views(app)
    visitor = Visitor(app, clock)
    visitor.log_in("ada")
    clock.advance(hours=2)
    visitor.refresh()
    assert list(set_cookies(visitor.get("/me"))) == ["sAccessToken"]
    assert set_cookies(visitor.get("/me")) == {}
