# SPDX-License-Identifier: Apache-2.0
"""The role that is in the access token: who is let in, and how soon a change counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from jotter import accounts, users
from supertokens.testing import FakeClock

from .conftest import Visitor, give_role, goes_to, said

Visit = Callable[..., Visitor]


def test_only_an_admin_sees_the_page_and_the_link_to_it(ada: Visitor, admin: Visitor) -> None:
    page = said(admin.get("/admin/"))
    assert "ada" in page
    assert "root admin" in page
    assert 'href="/admin/"' in admin.get("/").text
    assert "This page is not for you." in said(ada.get("/admin/"), 403)
    assert 'href="/admin/"' not in ada.get("/").text


def test_nobody_else_uses_what_is_on_the_page(app: Flask, ada: Visitor, admin: Visitor, visit: Visit) -> None:
    with app.app_context():
        root = users.by_name("root")
    assert root is not None
    said(ada.post(f"/admin/{root.id}/log-out"), 403)
    assert goes_to(visit().post(f"/admin/{root.id}/log-out")) == "/login"
    assert admin.is_logged_in()


def test_an_admin_logs_a_user_out_everywhere(app: Flask, ada: Visitor, admin: Visitor, visit: Visit) -> None:
    phone = visit()
    phone.log_in("ada")
    with app.app_context():
        user = users.by_name("ada")
    assert user is not None
    assert goes_to(admin.post(f"/admin/{user.id}/log-out")) == "/admin/"
    assert "Sessions ended: 2." in said(admin.get("/admin/"))
    assert [visitor.is_logged_in() for visitor in (ada, phone, admin)] == [False, False, True]


def test_a_role_counts_from_the_next_request_on_in_every_session(
    app: Flask, ada: Visitor, visit: Visit, clock: FakeClock
) -> None:
    phone = visit()
    phone.log_in("ada", remember="on")
    assert give_role(app, "ADA", "admin") == "ada is admin.\n"
    for visitor in (ada, phone, visit()):
        if visitor not in (ada, phone):
            visitor.log_in("ada")
        assert "ada admin" in said(visitor.get("/admin/"))
    clock.advance(hours=2)
    said(ada.get("/admin/"))
    give_role(app, "ada", "member")
    for visitor in (ada, phone):
        said(visitor.get("/admin/"), 403)
        assert visitor.is_logged_in()
    clock.advance(hours=2)
    said(ada.get("/admin/"), 403)


def test_a_role_that_was_taken_while_a_log_in_was_under_way_does_not_come_with_it(
    app: Flask, admin: Visitor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = accounts._begin_session

    def demoted_first(user: users.User, *, remember: bool) -> bool:
        users.set_role(user, "member")
        return begin(user, remember=remember)

    monkeypatch.setattr(accounts, "_begin_session", demoted_first)
    late = visit()
    said(late.log_in("root"), 403)
    assert goes_to(late.get("/admin/")).startswith("/login")


def test_a_role_needs_a_user_and_is_one_of_two(app: Flask) -> None:
    cli = app.test_cli_runner()
    assert "there is no user 'nobody'" in cli.invoke(args=["admin", "set-role", "nobody", "admin"]).output
    assert cli.invoke(args=["admin", "set-role", "nobody", "owner"]).exit_code == 2
