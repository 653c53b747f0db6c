# SPDX-License-Identifier: Apache-2.0
"""The decorator: which views it protects. What it does to a request is in test_extension.py."""

from __future__ import annotations

import flask
import pytest
from flask.views import MethodView

from supertokens.flask import current_session, supertokens_middleware
from supertokens.testing import FakeClock

from .conftest import NOBODY, Client, logged_in

# Which views are protected


def test_a_view_that_is_registered_with_and_without_protection_is_meant_so(
    app: flask.Flask, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def page() -> str:
        session = current_session()
        return NOBODY if session is None else session.get_user_id()

    app.add_url_rule("/public", "public", page)
    app.add_url_rule("/mine", "mine", supertokens_middleware(page))
    client = logged_in(app, clock)
    assert [client.get(path).text for path in ("/public", "/mine")] == [NOBODY, "ada"]
    assert caplog.messages == []


class Vault(MethodView):
    decorators = [supertokens_middleware]  # noqa: RUF012

    def get(self) -> str:
        return str(flask.g.supertokens.get_user_id())

    def post(self) -> str:
        return str(flask.g.supertokens.get_user_id())


def test_the_decorator_protects_class_based_views(app: flask.Flask, clock: FakeClock) -> None:
    app.add_url_rule("/vault", view_func=Vault.as_view("vault"))
    client = logged_in(app, clock)
    assert [client.call(method, "/vault").text for method in ("GET", "POST")] == ["ada", "ada"]
    assert [Client(app, clock, {}).call(method, "/vault").status_code for method in ("GET", "POST")] == [401, 401]
