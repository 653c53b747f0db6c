# SPDX-License-Identifier: Apache-2.0
"""`examples/pages` on a clock of the test, and browsers in front of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.test import TestResponse

from jotter import SESSIONS, create_app, users
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

PASSWORD: Final = "correct horse battery"
OTHER_PASSWORD: Final = "staple staple staple"
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)


class Visitor:
    """A browser with cookies of its own, which navigates: links, and forms of the app's own pages."""

    def __init__(self, app: Flask, agent: str = FIREFOX) -> None:
        self.client = app.test_client()
        self.headers = {
            "User-Agent": agent,
            "Accept": "text/html",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Site": "same-origin",
        }

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=self.headers | headers)

    def post(self, path: str, **fields: str) -> TestResponse:
        return self.send(path, fields)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> TestResponse:
        """Send a form, with headers (`_` for `-`) in the place of a browser's own."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, data=fields, headers=self.headers | changed)

    def sign_up(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/sign-up", name=name, password=password)

    def log_in(self, name: str, password: str = PASSWORD, path: str = "/login", **fields: str) -> TestResponse:
        return self.post(path, name=name, password=password, **fields)

    def is_logged_in(self) -> bool:
        return self.get("/notes").status_code == 200

    def cookies(self) -> dict[str, str]:
        names = ("sAccessToken", "sRefreshToken")
        found = {name: self.client.get_cookie(name) for name in names}
        return {name: cookie.value for name, cookie in found.items() if cookie is not None}


def said(response: TestResponse, status: int = 200) -> str:
    """Return what a page shows, without its tags."""
    assert response.status_code == status, response.text
    assert response.mimetype == "text/html"
    assert "<script" not in response.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def goes_to(response: TestResponse) -> str:
    assert response.status_code == 303, response.text
    return response.headers["Location"]


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes that cost next to nothing: there are hundreds of log-ins here."""
    monkeypatch.setattr(users, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    users._hash_of_nobody.cache_clear()
    yield
    users._hash_of_nobody.cache_clear()


MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(store: SqliteStore, clock: FakeClock, tmp_path: Path, cheap_hashes: None) -> MakeApp:
    """`make_app(max_sessions_per_user=1, …)`: the app on the clock of the test, with settings of its own."""

    def make(**options: Any) -> Flask:
        core = EmbeddedCore(Config(**(SESSIONS | options)), store, clock=clock)
        return create_app(tmp_path / "jotter", core=core, **options)

    return make


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def visit(app: Flask) -> Callable[..., Visitor]:
    """`visit()`: another browser."""
    return lambda agent=FIREFOX: Visitor(app, agent)


@pytest.fixture
def ada(app: Flask) -> Visitor:
    """A browser in which ada has just signed up."""
    visitor = Visitor(app)
    assert visitor.sign_up("ada").status_code == 303
    return visitor


@pytest.fixture
def admin(app: Flask) -> Visitor:
    """A browser of the admin."""
    visitor = Visitor(app)
    visitor.sign_up("root")
    give_role(app, "root", "admin")
    return visitor


def give_role(app: Flask, name: str, role: str) -> str:
    done = app.test_cli_runner().invoke(args=["admin", "set-role", name, role])
    assert done.exit_code == 0, done.output
    return done.output
