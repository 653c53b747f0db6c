# SPDX-License-Identifier: Apache-2.0
"""An exception, raised at any line of `transport` and `flask` that a request comes by, tells an error tracker no token.

As `tests/core/test_error_reports.py`. What counts are our frames: Flask's own hold the request.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.flask import SuperTokens
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock, KeysOnce
from tests.core.error_reports import Position, Reports, fail_at, leaks, positions

from .views import add_views
from .visitor import DIALECTS, OURS, Visitor

Secrets = dict[str, str | bytes]
Visit = Callable[[Secrets], None]


class Site:
    """An app of its own, and its visitors; what they are given is kept as a secret."""

    def __init__(self, secrets: Secrets, dialect: str = "plain", **settings: Any) -> None:
        self.clock = FakeClock()
        store = MemoryStore()
        KeysOnce.put_into(store, self.clock())
        self.app = flask.Flask("an_app")
        self.app.config["PROPAGATE_EXCEPTIONS"] = True
        core_settings = {name: settings[name] for name in ("enable_anti_csrf", "renewal") if name in settings}
        SuperTokens(self.app, core=EmbeddedCore(Config(**core_settings), store, clock=self.clock), **settings)
        add_views(self.app)
        self._headers = DIALECTS[dialect]
        self._secrets = secrets

    def visitor(self) -> Visitor:
        return Visitor(self.app, self.clock, self._headers)

    def ask(self, visitor: Visitor, path: str, **headers: str) -> Any:
        response = visitor.post(path, {"anti-csrf": visitor.browser.anti_csrf or "", **headers})
        for name in OURS:
            if visitor.browser.value(name):
                self._secrets[f"{name} {len(self._secrets)}"] = visitor.browser.value(name) or ""
        for name in ("st-access-token", "st-refresh-token"):
            if response.headers.get(name):
                self._secrets[f"{name} {len(self._secrets)}"] = response.headers[name]
        return response


def ordinary(secrets: Secrets, dialect: str = "plain", **settings: Any) -> None:
    site = Site(secrets, dialect, **settings)
    visitor = site.visitor()
    for path in ("/login?user=ada", "/me", "/session/refresh", "/me", "/me"):
        site.ask(visitor, path)
    site.clock.advance(hours=2)
    for path in ("/me", "/login?user=bob", "/me", "/logout"):
        site.ask(visitor, path)


def doubles(secrets: Secrets, dialect: str = "plain") -> None:
    site = Site(secrets, dialect)
    cookies = []
    for user in ("ada", "ada", "bob"):
        visitor = site.visitor()
        site.ask(visitor, f"/login?user={user}")
        cookies.append("; ".join(f"{name}={visitor.browser.value(name)}" for name in OURS))
        site.clock.advance(seconds=2)
    for other in (1, 2):
        for path in ("/me", "/session/refresh", "/logout", "/login?user=ada"):
            site.ask(site.visitor(), path, Cookie=f"{cookies[0]}; {cookies[other]}")


def bearer(secrets: Secrets) -> None:
    site = Site(secrets)
    machine, browser = site.visitor(), site.visitor()
    site.ask(browser, "/login?user=ada")
    access, refresh = browser.browser.value("sAccessToken"), browser.browser.value("sRefreshToken")
    for who, path, token in (
        (machine, "/me", access), (browser, "/me", access), (machine, "/session/refresh", refresh),
        (machine, "/me", f"{access}x"), (browser, "/logout", access), (machine, "/login?user=ada", access),
    ):  # fmt: skip
        site.ask(who, path, Authorization=f"Bearer {token}")


VISITS: list[Visit] = [
    lambda secrets: ordinary(secrets, enable_anti_csrf=True),
    lambda secrets: ordinary(secrets, "modern", enable_anti_csrf=True),
    lambda secrets: ordinary(secrets, "legacy", enable_anti_csrf=True),
    lambda secrets: ordinary(secrets, renewal="server"),
    doubles,
    lambda secrets: doubles(secrets, "modern"),
    bearer,
]


def new_positions(visit: Visit, done: set[Position]) -> Iterator[Position]:
    for position in positions(lambda: visit({})):
        if Path(position[0]).parent.name in ("transport", "flask") and position not in done:
            done.add(position)
            yield position


def test_no_report_of_an_exception_on_the_way_of_a_request_has_a_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    reports, done, found, reported = Reports(), set[Position](), set[str](), 0
    for visit in VISITS:
        for position in new_positions(visit, done):
            secrets: Secrets = {}
            error = fail_at(lambda visit=visit, secrets=secrets: visit(secrets), position)
            if error is not None:
                reported += 1
                found |= {leak for leak in leaks(reports.of(error), secrets) if " supertokens." in leak}
    assert found == set()
    assert reported > 400
