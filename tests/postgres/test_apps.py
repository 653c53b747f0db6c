# SPDX-License-Identifier: Apache-2.0
"""Apps, services and commands on a PostgreSQL database: they change to it by one setting."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask, g

from supertokens.cli.commands import supertokens
from supertokens.config import Config
from supertokens.flask import SuperTokens, create_new_session, revoke_all_sessions_for_user, supertokens_middleware
from supertokens.stores import opening
from supertokens.stores.postgres import PostgresStore

from .conftest import MakeDatabase
from .server import PostgresServer, free_port


def app_on(database: str) -> Flask:
    app = Flask(__name__)
    SuperTokens(app, database=database, access_token_blacklisting=True, routes=True)

    @app.post("/login")
    def login() -> str:
        return create_new_session(None, "ada").get_user_id()

    @app.get("/me")
    @supertokens_middleware
    def me() -> str:
        return g.supertokens.get_user_id()

    return app


def test_hosts_share_sessions_and_a_revoke_on_one_counts_on_the_other(url: str) -> None:
    first, second = app_on(url), app_on(url)
    browser = first.test_client()
    assert browser.post("/login").text == "ada"
    assert browser.get("/me").text == "ada"
    browser.application = second
    assert browser.get("/me").text == "ada"
    assert browser.post("/session/refresh").status_code == 200
    assert browser.get("/me").text == "ada"
    browser.application = first
    assert browser.get("/me").text == "ada"
    with second.test_request_context():
        assert len(revoke_all_sessions_for_user("ada")) == 1
    assert browser.get("/me").status_code == 401
    for app in (first, second):
        app.extensions["supertokens"].core.close()


def test_pool_and_timeout_are_those_of_the_configuration(url: str) -> None:
    app = Flask(__name__)
    SuperTokens(app, database=url, database_pool_size=3, database_timeout=0.7)
    store = app.extensions["supertokens"].core.store
    assert isinstance(store, PostgresStore)
    assert store._database._connections._size == 3
    assert store._database._timeout_s == 0.7
    assert Config(database=url).database_pool_size == 10


def test_without_the_driver_an_app_does_not_start_and_says_what_to_install(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("supertokens.stores.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'supertokens-sessions\[postgres\]'"):
        opening.open_store(url)


# Commands


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SUPERTOKENS_")}
    return kept | {"SUPERTOKENS_STATE_FOLDER": str(tmp_path / "state")}


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(supertokens, list(arguments), env=environ, catch_exceptions=False)


def test_commands_work_on_the_database_that_a_url_names_and_never_show_its_password(
    url: str, server: PostgresServer, tmp_path: Path
) -> None:
    database = url.replace("postgres@", "postgres:correct-horse@")
    name = database.rpartition("@")[2]
    app = app_on(url)
    app.test_client().post("/login")
    app.extensions["supertokens"].core.close()
    listed = run("sessions", "list", "ada", "--database", database, "--json")
    assert len(json.loads(listed.stdout)) == 1
    migrated = run("migrate", "--database", database)
    assert migrated.stdout == f"{name} already has schema version 2: nothing to do.\n"
    config = tmp_path / "config.yaml"
    config.write_text(f"database: {database}\nencryption_key: {hashlib.sha256(b'key').hexdigest()}\n")
    checked = run("config", "check", str(config))
    assert name in checked.stdout
    assert "the keys in the store are not sealed" in checked.stderr
    for refused in (run("backup", "x", "--database", database), run("restore", str(config), "--database", database)):
        assert refused.exit_code == 1
        assert "this database is not a file" in refused.stderr
    revoked = run("sessions", "revoke", "--user", "ada", "--yes", "--database", database)
    for result in (listed, migrated, checked, revoked):
        assert "correct-horse" not in result.output


def test_a_look_at_a_database_without_tables_makes_none(server: PostgresServer) -> None:
    with server.administrator() as administrator:
        administrator.execute("CREATE DATABASE looked_at")
    url = server.url("looked_at")
    looked = run("sessions", "list", "ada", "--database", url)
    assert looked.exit_code == 1
    assert "run 'supertokens migrate'" in looked.stderr
    assert run("migrate", "--database", url).stdout.endswith("looked_at (schema version 2).\n")
    assert run("keys", "list", "--database", url).exit_code == 0


@pytest.fixture
def service(make_database: MakeDatabase, environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A service with two workers, by its port, and what it said first."""
    port = free_port()
    database = make_database().replace("postgres@", "postgres:correct-horse@")
    environ = environment | {"SUPERTOKENS_DATABASE": database, "SUPERTOKENS_WORKERS": "2"}
    command = [sys.executable, "-m", "supertokens.cli", "start", "--foreground", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        while "Started" not in process.stdout.readline():
            assert process.poll() is None
        yield port, said
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def ask(port: int, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"cdi-version": "5.4", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return dict(json.load(reply))


def test_a_service_keeps_its_sessions_there_and_is_ready_only_while_it_can_write(service: tuple[int, str]) -> None:
    port, said = service
    assert said.startswith("Sessions are kept in 127.0.0.1:")
    assert "correct-horse" not in said
    assert ask(port, "/ready")["status"] == "OK"
    made = ask(
        port,
        "/recipe/session",
        {"userId": "ada", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False},
    )
    assert made["status"] == "OK"
    handles = ask(port, "/recipe/session/user?userId=ada")["sessionHandles"]
    assert handles == [made["session"]["handle"]]  # type: ignore[index]


# gevent

WITH_GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys, time, gevent
from supertokens.stores.opening import open_store
from supertokens.testing.store_contract import a_record
import psycopg

store = open_store(sys.argv[1], timeout_s=2.0)
store.create(a_record(expires_at=2**60), "{}")
ticks = 0

def tick():
    global ticks
    while True:
        ticks += 1
        gevent.sleep(0.01)

ticking = gevent.spawn(tick)
other = psycopg.connect(sys.argv[1])
other.execute("SELECT FROM supertokens.session FOR UPDATE")
removing = gevent.spawn(store.remove, [a_record().handle], 0)
gevent.sleep(0.5)
assert not removing.ready()
assert ticks > 20, ticks
other.close()
assert removing.get(timeout=10) == [a_record().handle]
records = [a_record(number, expires_at=2**60) for number in range(2, 40)]
gevent.joinall([gevent.spawn(store.create, record, "{}") for record in records], raise_error=True)
assert store.count_sessions("user", 0) == 38
store.close()
print("done", ticks)
"""


def test_waiting_for_the_server_lets_other_greenlets_run(url: str) -> None:
    pytest.importorskip("gevent", reason="install gevent: pip install '.[dev]'")
    done = subprocess.run(
        [sys.executable, "-c", WITH_GEVENT, url], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("done")
