# SPDX-License-Identifier: Apache-2.0
"""Flask-CORS says who may read an answer; what it says and what we say is merged."""

from __future__ import annotations

from collections.abc import Mapping

import flask
import flask_cors
import pytest

from supertokens.flask import get_cors_allowed_headers
from supertokens.testing import FakeClock

from .conftest import Attach
from .views import add_views
from .visitor import Visitor

PAGE = "https://page.example.com"


@pytest.fixture(params=["before", "after"])
def app(request: pytest.FixtureRequest, attach: Attach) -> flask.Flask:
    """An app for a page on another origin, its CORS attached before or after its sessions."""
    made = flask.Flask("an_app")

    def attach_cors() -> None:
        flask_cors.CORS(
            made,
            origins=[PAGE, "https://other.example.com"],
            supports_credentials=True,
            allow_headers=["content-type", *get_cors_allowed_headers()],
            expose_headers=["x-total"],
        )

    if request.param == "before":
        attach_cors()
    attach(made, cookie_secure=True)
    if request.param == "after":
        attach_cors()
    add_views(made)
    return made


def listed(value: str) -> list[str]:
    return [name.strip().lower() for name in value.split(",")]


def test_a_preflight_allows_what_the_libraries_send(app: flask.Flask, clock: FakeClock) -> None:
    asked = ", ".join(get_cors_allowed_headers())
    answer = Visitor(app, clock).call(
        "OPTIONS",
        "/me",
        {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked},
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert set(get_cors_allowed_headers()) <= set(listed(answer.headers["Access-Control-Allow-Headers"]))
    assert answer.headers.getlist("Set-Cookie") == []


def test_what_both_expose_and_vary_by_is_in_one_header_each(
    app: flask.Flask, clock: FakeClock, dialect: Mapping[str, str]
) -> None:
    visitor = Visitor(app, clock, {**dialect, "Origin": PAGE})
    for answer in (visitor.log_in("ada"), visitor.refresh()):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert len(answer.headers.getlist("Access-Control-Expose-Headers")) == 1
        exposed = listed(answer.headers["Access-Control-Expose-Headers"])
        assert {"x-total", "front-token"} <= set(exposed)
        assert len(exposed) == len(set(exposed))
    for answer in (visitor.get("/me"), visitor.get("/me")):  # with a new token, and without
        assert len(answer.headers.getlist("Vary")) == 1
        assert sorted(listed(answer.headers["Vary"])) == ["authorization", "cookie", "origin"]


def test_a_refused_request_can_be_read_by_the_page(app: flask.Flask, clock: FakeClock) -> None:
    answer = Visitor(app, clock, {"Origin": PAGE}).get("/me")
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert {"origin", "cookie", "authorization"} <= set(listed(answer.headers["Vary"]))
