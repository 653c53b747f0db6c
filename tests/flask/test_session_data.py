# SPDX-License-Identifier: Apache-2.0
"""Session data that several requests change at one time: none of their changes is lost, wherever the core runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.flask import (
    create_new_session,
    get_session_data,
    supertokens_middleware,
    update_session_data,
)
from supertokens.testing import FakeClock

from .conftest import Client, MakeApp


def shop(app: flask.Flask) -> flask.Flask:
    """An app with a cart in the session data. `app.wait` is called between reading and writing."""
    app.extensions["wait"] = lambda: None

    @app.post("/cart/<item>")
    @supertokens_middleware
    def add(item: str) -> dict[str, Any]:
        def with_item(data: dict[str, Any]) -> dict[str, Any]:
            app.extensions["wait"]()
            return {**data, "cart": [*data["cart"], item]}

        flask.g.supertokens.update_session_data(with_item)
        return {}

    @app.post("/by-handle/<item>")
    @supertokens_middleware
    def add_by_handle(item: str) -> dict[str, Any]:
        handle = flask.g.supertokens.get_handle()
        update_session_data(handle, lambda data: data["cart"].append(item))
        return get_session_data(handle)

    @app.get("/cart")
    @supertokens_middleware
    def cart() -> dict[str, Any]:
        data: dict[str, Any] = flask.g.supertokens.get_session_data()
        return data

    return app


def test_two_requests_that_add_to_a_cart_both_keep_their_item(make_app: MakeApp, clock: FakeClock) -> None:
    app = shop(make_app())
    client = Client(app, clock, {})
    client.post("/login")
    both_have_read = threading.Barrier(2)
    first = threading.local()

    def wait() -> None:
        if not getattr(first, "has_waited", False):
            first.has_waited = True
            both_have_read.wait(timeout=20)

    app.extensions["wait"] = wait
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda item: client.post(f"/cart/{item}").status_code, ["tea", "cake"]))
    assert answers == [200, 200]
    assert sorted(client.get("/cart").get_json()["cart"]) == ["cake", "tea"]


def test_many_at_once_all_keep_theirs(make_app: MakeApp, clock: FakeClock) -> None:
    app = shop(make_app())
    client = Client(app, clock, {})
    client.post("/login")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda item: client.post(f"/cart/{item}").status_code, range(24)))
    assert answers == [200] * 24
    assert sorted(map(int, client.get("/cart").get_json()["cart"])) == list(range(24))


def test_a_function_may_change_the_object_that_it_is_given(make_app: MakeApp, clock: FakeClock) -> None:
    client = Client(shop(make_app()), clock, {})
    client.post("/login")
    assert client.post("/by-handle/tea").get_json() == {"cart": ["tea"]}


@pytest.mark.parametrize(
    ("returned", "error"), [({"x": object()}, TypeError), ([], TypeError), ({"x": "y" * 200}, ValueError)]
)
def test_what_a_function_returns_is_checked_as_data_are_and_changes_nothing_otherwise(
    make_app: MakeApp, clock: FakeClock, returned: Any, error: type[Exception]
) -> None:
    app = make_app(max_session_data_bytes=100)
    with app.test_request_context():
        session = create_new_session(None, "user", {}, {"kept": 1})
        with pytest.raises(error, match="session_data"):
            session.update_session_data(lambda data: returned)
        with pytest.raises(ZeroDivisionError):
            session.update_session_data(lambda data: 1 / 0)  # type: ignore[arg-type, return-value]
        assert session.get_session_data() == {"kept": 1}


@pytest.mark.embedded_only
def test_a_change_that_always_loses_gives_up(make_app: MakeApp) -> None:
    app = make_app()
    with app.test_request_context():
        session = create_new_session(None, "user", {}, {"n": 0})

        def overtaken(data: dict[str, Any]) -> dict[str, Any]:
            update_session_data(session.get_handle(), {"n": data["n"] + 1})
            return {"mine": True}

        with pytest.raises(SuperTokensGeneralError, match="200 races"):
            session.update_session_data(overtaken)
        assert session.get_session_data() == {"n": 200}
