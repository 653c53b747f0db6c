# SPDX-License-Identifier: Apache-2.0
"""Werkzeug's middleware around an app: ProxyFix tells it where the browser is, a dispatcher mounts it below a path."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from supertokens.flask import SuperTokens
from supertokens.testing import FakeClock

from .conftest import Attach
from .views import add_views
from .visitor import OURS, Visitor, deleted, set_cookies

FORWARDED = {
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "shop.example.com",
    "X-Forwarded-Prefix": "/shop",
}


@pytest.fixture(params=["before", "after"])
def behind_a_proxy(request: pytest.FixtureRequest, attach: Attach) -> flask.Flask:
    """An app that believes its proxy, told so before or after its sessions were attached."""
    made = flask.Flask("an_app")

    def believe() -> None:
        made.wsgi_app = ProxyFix(made.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]

    if request.param == "before":
        believe()
    attach(made)
    if request.param == "after":
        believe()
    add_views(made)
    return made


def attributes(answer: Any) -> dict[str, set[str]]:
    """Return the attributes of our cookies, by name."""
    lines = [line.split("; ") for line in answer.headers.getlist("Set-Cookie")]
    return {pair.partition("=")[0]: set(rest) for pair, *rest in lines if pair.startswith(OURS)}


def test_cookies_follow_the_scheme_and_the_prefix_that_the_proxy_names(
    behind_a_proxy: flask.Flask, clock: FakeClock, dialect: Mapping[str, str]
) -> None:
    visitor = Visitor(behind_a_proxy, clock, {**FORWARDED, **dialect})
    given = attributes(visitor.log_in("ada"))
    assert all("Secure" in rest for rest in given.values())
    assert "Path=/shop" in given["sAccessToken"]
    assert "Path=/shop/session/refresh" in given["sRefreshToken"]


def test_without_a_proxy_on_this_machine_cookies_are_as_ever(behind_a_proxy: flask.Flask, clock: FakeClock) -> None:
    given = attributes(Visitor(behind_a_proxy, clock).log_in("ada"))
    assert "Path=/" in given["sAccessToken"]
    assert not any("Secure" in rest for rest in given.values())


class Mounted(Visitor):
    """A visitor whose paths are below a mount point."""

    def __init__(self, application: Any, clock: FakeClock, prefix: str, browser: Any = None) -> None:
        super().__init__(application, clock)
        self._prefix = prefix
        self.browser = browser or self.browser

    def call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> Any:
        return super().call(method, self._prefix + path, headers, **options)


@pytest.mark.parametrize("prefix", ["/app", "/deep/below"])
def test_below_a_mount_point_a_session_begins_is_refreshed_and_ends_with_the_defaults(
    app: flask.Flask, clock: FakeClock, prefix: str
) -> None:
    site = DispatcherMiddleware(flask.Flask("nothing_else"), {prefix: app})
    visitor = Mounted(site, clock, prefix)
    visitor.log_in("ada")
    clock.advance(hours=2)
    assert visitor.get("/me").get_json()["message"] == "try refresh token"
    visitor.refresh()
    assert visitor.get("/me").get_json()["user"] == "ada"
    assert deleted(visitor.post("/logout")) == set(OURS)
    assert visitor.browser.jar == {}


def test_paths_that_are_set_are_taken_as_they_are(attach: Attach, clock: FakeClock) -> None:
    app = flask.Flask("an_app")
    attach(app, access_token_path="/", refresh_api_path="/app/session/refresh")
    add_views(app)
    visitor = Mounted(DispatcherMiddleware(flask.Flask("nothing_else"), {"/app": app}), clock, "/app")
    given = attributes(visitor.log_in("ada"))
    assert "Path=/" in given["sAccessToken"]
    assert "Path=/app/session/refresh" in given["sRefreshToken"]
    visitor.refresh()
    assert visitor.get("/me").get_json()["user"] == "ada"


def test_a_refresh_path_with_a_slash_at_its_end_reaches_the_route_with_and_without(
    attach: Attach, clock: FakeClock
) -> None:
    app = flask.Flask("an_app")
    attach(app, refresh_api_path="/session/refresh/")
    add_views(app)
    visitor = Visitor(app, clock)
    assert "Path=/session/refresh" in attributes(visitor.log_in("ada"))["sRefreshToken"]
    visitor.refresh()


@pytest.fixture
def system_clock() -> FakeClock:
    """The clock of browsers in front of apps that are on the system's."""
    return FakeClock(round(time.time() * 1000))


@pytest.fixture
def two_apps(tmp_path: Path) -> dict[str, flask.Flask]:
    """Two apps with their own users, each on a database of its own."""
    apps = {}
    for name in ("shop", "staff"):
        apps[name] = app = flask.Flask(name)
        SuperTokens(app, database=f"sqlite:///{tmp_path / name}.sqlite3", enable_anti_csrf=False)
        add_views(app)
    return apps


@pytest.mark.parametrize(("shop", "staff"), [("/shop", "/staff"), ("", "/staff"), ("/app", "/app/staff")])
def test_two_apps_of_one_site_leave_each_others_sessions_alone(
    two_apps: dict[str, flask.Flask], system_clock: FakeClock, shop: str, staff: str
) -> None:
    mounts: dict[str, Any] = {shop: two_apps["shop"], staff: two_apps["staff"]}
    site = DispatcherMiddleware(mounts.pop("", flask.Flask("nothing_else")), mounts)
    customer = Mounted(site, system_clock, shop)
    employee = Mounted(site, system_clock, staff, customer.browser)

    customer.log_in("1")
    employee.log_in("7")
    for _ in range(2):
        for visitor, user in ((customer, "1"), (employee, "7")):
            assert visitor.get("/me").get_json()["user"] == user
            visitor.refresh()
            assert visitor.get("/me").get_json()["user"] == user
    employee.post("/logout")
    assert employee.get("/me").status_code == 401
    assert customer.get("/me").get_json()["user"] == "1"


def test_an_app_that_is_mounted_inside_of_another_has_sessions_of_its_own(
    two_apps: dict[str, flask.Flask], system_clock: FakeClock
) -> None:
    outer, inner = flask.Flask("outer"), two_apps["staff"]
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/staff": inner})  # type: ignore[method-assign]
    outer.testing = True
    SuperTokens(outer)
    add_views(outer)
    employee = Mounted(outer, system_clock, "/staff")
    given = employee.log_in("7")
    assert set(set_cookies(given)) == set(OURS)
    employee.refresh()
    assert employee.get("/me").get_json()["user"] == "7"
    customer = Mounted(outer, system_clock, "", employee.browser)
    customer.log_in("1")
    assert [visitor.get("/me").get_json()["user"] for visitor in (employee, customer)] == ["7", "1"]
