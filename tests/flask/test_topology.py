# SPDX-License-Identifier: Apache-2.0
"""One app, wherever its core runs: the configuration says where, and no route is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import flask
import pytest

from supertokens.config import Config, ConfigError
from supertokens.core import EmbeddedCore, system_clock
from supertokens.errors import SuperTokensGeneralError
from supertokens.flask import SuperTokens, create_new_session, refresh_session, supertokens_middleware
from supertokens.remote import RemoteCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock
from tests.service.clocked import Services
from tests.service.running import Service

from .conftest import LEGACY, Client

pytestmark = pytest.mark.slow

API_KEY = "an-api-key-of-the-tests-123"


def app_with(folder: Path, **settings: Any) -> flask.Flask:
    """The app that is the same in every topology."""
    app = flask.Flask("one_app", instance_path=str(folder))
    app.config.update(settings)
    SuperTokens(app)

    @app.post("/login")
    def login() -> str:
        create_new_session(None, "user", {"role": "admin"}, {"cart": []})
        return "in"

    @app.get("/me")
    @supertokens_middleware
    def me() -> dict[str, Any]:
        return {"user": flask.g.supertokens.get_user_id(), "payload": flask.g.supertokens.get_jwt_payload()}

    @app.post("/session/refresh")
    def refresh() -> str:
        refresh_session(None)
        return "refreshed"

    @app.post("/logout")
    @supertokens_middleware
    def logout() -> str:
        flask.g.supertokens.revoke_session()
        return "out"

    return app


def use(app: flask.Flask, client: Client) -> None:
    """What a browser does in a day."""
    assert client.post("/login").status_code == 200
    for _ in range(2):
        answer = client.get("/me")
        assert answer.json == {"user": "user", "payload": {"role": "admin"}}
        assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").status_code == 200


@pytest.mark.parametrize("source", ["environment", "app.config"])
@pytest.mark.parametrize("form", ["text", "dicts"])
def test_hosts_alone_move_an_app_to_a_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, form: str
) -> None:
    with Service(tmp_path, {"api_keys": API_KEY}) as service:
        hosts: Any = service.url if form == "text" else [{"hostname": "127.0.0.1", "port": service.port}]
        settings: dict[str, Any] = {}
        if source == "environment":
            monkeypatch.setenv("SUPERTOKENS_HOSTS", f"http://127.0.0.1:{service.port}/;")
            monkeypatch.setenv("SUPERTOKENS_API_KEY", API_KEY)
        else:
            settings = {"SUPERTOKENS_HOSTS": hosts, "SUPERTOKENS_API_KEY": API_KEY}
        app = app_with(tmp_path / "instance", **settings)
        use(app, Client(app, FakeClock(system_clock()), LEGACY))
        core = app.extensions["supertokens"].core
        assert isinstance(core, RemoteCore)
        assert len(core.session_handles("user")) == 1
        assert not (tmp_path / "instance").exists(), "an app with a service keeps nothing itself"


def test_an_app_that_moves_to_a_service_on_its_database_and_back_logs_nobody_out(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    embedded = app_with(folder)
    client = Client(embedded, FakeClock(system_clock()), LEGACY)
    use(embedded, client)
    database = f"sqlite:///{folder / 'supertokens.sqlite3'}"
    with Service(tmp_path, {"database": database}) as service:
        remote = app_with(folder, SUPERTOKENS_HOSTS=service.url)
        client.app = remote
        assert client.get("/me").status_code == 200
        assert client.post("/session/refresh").status_code == 200
        assert client.get("/me").status_code == 200
        client.app = embedded
        assert client.get("/me").status_code == 200
        assert client.post("/session/refresh").status_code == 200
        client.app = remote
        assert client.get("/me").status_code == 200
        assert client.post("/logout").status_code == 200
        assert isinstance(embedded.extensions["supertokens"].core, EmbeddedCore)
        assert remote.extensions["supertokens"].core.session_handles("user") == []


def test_a_service_that_is_gone_is_a_general_error_with_its_cause_and_the_session_survives(
    services: Services, tmp_path: Path
) -> None:
    service = services.new()
    app = app_with(tmp_path, SUPERTOKENS_HOSTS=service.url)
    app.extensions["supertokens"].edge.opened_core = RemoteCore(
        app.extensions["supertokens"].edge.config, clock=services.clock
    )
    app.extensions["supertokens"].edge.clock = services.clock
    failures = []
    app.register_error_handler(SuperTokensGeneralError, lambda error: failures.append(error) or ("sorry", 500))
    client = Client(app, services.clock, LEGACY)
    use(app, client)
    service.kill()
    before = dict(client.browser.jar)
    assert client.get("/me").status_code == 200, "by the keys that it has"
    assert client.post("/session/refresh").status_code == 500
    services.clock.advance(seconds=31)
    assert client.get("/me").status_code == 500
    assert client.browser.jar == before, "no cookie was touched"
    assert failures[0].__cause__ is not None
    service.start()
    app.extensions["supertokens"].edge.opened_core = RemoteCore(
        app.extensions["supertokens"].edge.config, clock=services.clock
    )
    assert client.get("/me").status_code == 200
    assert client.post("/session/refresh").status_code == 200


def test_a_confirmed_token_with_blacklisting_off_costs_no_call(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(tmp_path, SUPERTOKENS_HOSTS=services.with_settings().url)
    edge = app.extensions["supertokens"].edge
    core = edge.opened_core = RemoteCore(edge.config, clock=services.clock)
    edge.clock = services.clock
    client = Client(app, services.clock, LEGACY)
    use(app, client)
    asked, send = [], core._client._send
    monkeypatch.setattr(core._client, "_send", lambda *args, **kw: asked.append(args[1]) or send(*args, **kw))
    for _ in range(5):
        assert client.get("/me").status_code == 200
    assert asked == []
    client.post("/session/refresh")
    client.get("/me")
    assert asked == ["/recipe/session/refresh", "/recipe/session/verify"]


def test_keys_of_the_core_are_refused_in_an_app_that_has_a_service(tmp_path: Path) -> None:
    for key, value in {"SUPERTOKENS_REFRESH_TOKEN_VALIDITY": 100, "SUPERTOKENS_DATABASE": "x.sqlite3"}.items():
        with pytest.raises(ConfigError, match="hosts"):
            app_with(tmp_path, SUPERTOKENS_HOSTS="http://127.0.0.1", **{key: value})


_WITHOUT_URLLIB3 = """
import sys
sys.modules["urllib3"] = None
import flask
from supertokens.flask import SuperTokens
SuperTokens(flask.Flask("embedded"))
try:
    SuperTokens(flask.Flask("remote"), hosts="http://127.0.0.1")
except ModuleNotFoundError as error:
    print(error)
"""


def test_what_hosts_take_is_named_at_the_start_where_it_is_missing() -> None:
    done = subprocess.run([sys.executable, "-c", _WITHOUT_URLLIB3], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "pip install 'supertokens-sessions[remote]'" in done.stdout


def test_a_session_of_an_embedded_core_is_known_to_a_service_on_the_same_store(
    services: Services, tmp_path: Path
) -> None:
    service = services.new()
    store = SqliteStore(service.database)
    embedded = EmbeddedCore(Config(), store, clock=services.clock)
    issued = embedded.create_session("user", {"a": None}, {}, anti_csrf=True)
    remote = RemoteCore(Config(hosts=service.url), clock=services.clock)
    assert remote.verify(issued.access_token.text, check_anti_csrf=False).jwt_payload == {"a": None}
    child = remote.refresh(issued.refresh_token.text, anti_csrf=True, anti_csrf_mode="if_sent", client="x")
    again = embedded.refresh(issued.refresh_token.text, anti_csrf=True, anti_csrf_mode="if_sent", client="x")
    assert child.refresh_token.text == again.refresh_token.text
    assert child.id_refresh_token.text == again.id_refresh_token.text
    assert child.anti_csrf_token == again.anti_csrf_token == issued.anti_csrf_token
    store.close()
