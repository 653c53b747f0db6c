# SPDX-License-Identifier: Apache-2.0
"""Errors are pages, with the headers of pages; and a thief who is noticed is told of."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from flask import Flask

from supertokens.core import EmbeddedCore
from supertokens.errors import SuperTokensGeneralError
from supertokens.testing import FakeClock

from .conftest import SAFARI, Visitor, goes_to, said

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("path", ["/nothing", "/notes/7", "/admin/nothing", "/static/nothing.css", "/login%00"])
def test_what_is_not_there_is_said_on_a_page(ada: Visitor, visit: Visit, path: str) -> None:
    for visitor in (ada, visit()):
        page = visitor.get(path)
        assert "There is nothing here" in said(page, 404)
        assert 'href="/"' in page.text


def test_an_error_page_leaves_messages_for_the_page_that_they_are_for(ada: Visitor) -> None:
    said(ada.get("/nothing"), 404)
    assert "Welcome, ada." in said(ada.get("/"))


def test_a_failure_is_a_page_that_tells_nothing_of_it(
    app: Flask, ada: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SuperTokensGeneralError("the disk of the database is full")

    monkeypatch.setattr(EmbeddedCore, "verify", fail)
    with caplog.at_level(logging.ERROR):
        page = ada.get("/notes")
    assert "Something went wrong on our side" in said(page, 500)
    assert "disk" not in page.text
    assert "the disk of the database is full" in caplog.text
    monkeypatch.undo()
    assert ada.is_logged_in(), "a failure logs nobody out"


@pytest.mark.parametrize("path", ["/", "/login", "/notes", "/nothing", "/static/jotter.css"])
def test_no_page_may_run_scripts_or_be_framed(ada: Visitor, visit: Visit, path: str) -> None:
    for visitor in (ada, visit()):
        with visitor.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; style-src 'self';")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_cache_keeps_a_page_of_a_user_or_hands_one_to_another(ada: Visitor, visit: Visit) -> None:
    for path in ("/", "/notes", "/devices", "/password", "/confirm", "/admin/"):
        assert ada.get(path).headers["Cache-Control"] == "no-store", path
    for path in ("/", "/login", "/sign-up"):
        answer = visit().get(path)
        assert "Cookie" in answer.headers["Vary"]
        assert not answer.headers.getlist("Set-Cookie")
    with visit().get("/static/jotter.css") as style:
        assert "Cookie" not in style.headers.get("Vary", "")


def test_a_stolen_token_is_told_of_where_it_is_noticed(ada: Visitor, visit: Visit, clock: FakeClock) -> None:
    thief = visit(SAFARI)
    for name, value in ada.cookies().items():
        thief.client.set_cookie(name, value)
    clock.advance(hours=2)
    assert thief.is_logged_in()
    assert thief.is_logged_in()
    clock.advance(hours=2)
    assert goes_to(ada.get("/notes")) == "/login"
    assert "Somebody has used a copy of your session" in said(ada.get("/login"))
    assert not thief.is_logged_in()


def test_a_script_that_asks_without_a_session_is_not_sent_to_a_page(visit: Visit) -> None:
    visitor = visit()
    visitor.headers = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    assert visitor.get("/notes").status_code == 401
