# SPDX-License-Identifier: Apache-2.0
"""The sessions of an app are found in it, kept in memory for a test, and signed with other keys when it says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient

from supertokens import asgi, wsgi
from supertokens.config import ConfigError
from supertokens.core import EmbeddedCore
from supertokens.core.signals import Event
from supertokens.flask.signals import session_created
from supertokens.testing import Browser, FakeClock, Tab, in_memory, in_memory_core, rotate_keys
from supertokens.testing.apps import config_of, edge_of

from .an_app import fastapi_app, flask_app

MINUTE_MS = 60_000


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Answer nothing."""


def silent(environ: Any, start_response: Any) -> list[bytes]:
    return []


def test_the_edge_of_every_kind_of_app_is_found(core: EmbeddedCore) -> None:
    flask, fastapi = flask_app(core), fastapi_app(core)
    around, below = asgi.SuperTokens(bare, core=core), wsgi.SuperTokens(silent, core=core)

    class Middleware:
        def __init__(self, app: object) -> None:
            self.app = app

    for app in (
        flask,
        flask.test_client(),
        fastapi,
        TestClient(fastapi),
        around,
        below,
        Middleware(Middleware(fastapi)),
    ):
        assert edge_of(app).core is core


def test_an_app_without_sessions_is_refused_by_its_name() -> None:
    for app in (bare, None, 1):
        with pytest.raises(TypeError, match="has no sessions that can be found"):
            edge_of(app)
        assert config_of(app) is None


@pytest.mark.parametrize("make_app", [flask_app, fastapi_app])
def test_an_app_of_a_module_keeps_its_sessions_in_memory_for_a_test(
    make_app: Callable[..., Any], tmp_path: Path, clock: FakeClock
) -> None:
    file = tmp_path / "sessions.sqlite3"
    app = make_app(database=file, access_token_validity=60, cookie_secure=False)
    with in_memory(app, clock) as core:
        tab = Browser(clock, app).tab()
        tab.post("/login")
        assert len(core.session_handles("ada")) == 1
        clock.advance(seconds=59)
        assert tab.get("/me").status == 200
        clock.advance(seconds=2)
        assert tab.get("/me").status == 401, "as the app is configured"
        assert not file.exists()
    own = edge_of(app).core
    assert own is not core
    assert own.session_handles("ada") == []
    assert abs(edge_of(app).clock() - clock()) > 1000 * MINUTE_MS, "its clock is back, too"
    own.close()


def test_what_an_app_had_is_back_after_the_block(core: EmbeddedCore) -> None:
    app = flask_app(core)
    edge = edge_of(app)
    before = edge.core, edge.clock, edge.times
    with in_memory(app, FakeClock()):
        assert (edge.core, edge.clock) != before[:2]
    assert (edge.core, edge.clock, edge.times) == before


def test_what_the_app_listens_to_is_told_of_the_core_in_memory(clock: FakeClock) -> None:
    app, told = flask_app(), []

    @session_created.connect_via(app)
    def note(sender: object, event: Event, **_: object) -> None:
        told.append(event.user_id)

    with in_memory(app, clock):
        app.test_client().post("/login")
    assert told == ["ada"]


def test_a_core_that_must_not_renew_is_refused_and_changes_nothing(core: EmbeddedCore, clock: FakeClock) -> None:
    edge = edge_of(flask_app(core, renewal="server"))
    with pytest.raises(ConfigError), edge.replaced_core(in_memory_core(clock, refresh_token_rotation_grace_period=0)):
        pytest.fail("not reached")
    assert edge.core is core


@pytest.mark.parametrize(("drop_old", "first"), [(False, 200), (True, 401)])
def test_a_key_that_is_rotated_logs_nobody_out_and_one_that_is_dropped_makes_clients_refresh(
    tab: Tab, core: EmbeddedCore, clock: FakeClock, drop_old: bool, first: int
) -> None:
    tab.post("/login")
    clock.advance(seconds=1)
    kid = rotate_keys(core, drop_old=drop_old)
    assert tab.get("/me").status == first
    assert tab.fetch("/me").status == 200
    clock.advance(minutes=2)
    tab.refresh()
    assert key_of(tab) == kid
    assert tab.get("/me").status == 200


def test_without_a_rotation_the_key_stays(tab: Tab, clock: FakeClock) -> None:
    tab.post("/login")
    before = key_of(tab)
    clock.advance(minutes=2)
    tab.refresh()
    assert key_of(tab) == before


def key_of(tab: Tab) -> str:
    token = tab.browser.value("sAccessToken")
    assert token is not None
    kid = jwt.get_unverified_header(token)["kid"]
    assert isinstance(kid, str)
    return kid
