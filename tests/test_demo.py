# SPDX-License-Identifier: Apache-2.0
"""The demo without a browser: its JSON routes, and what `make run` starts and prints."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

pytestmark = pytest.mark.slow

LOGIN = {"userId": "ada", "jwtPayload": {"role": "reader"}}


@pytest.fixture
def app(root: Path, tmp_path: Path) -> Iterator[Flask]:
    spec = spec_from_file_location("supertokens_demo", root / "demo" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Flask = module.create_app(tmp_path / "demo")
    yield made
    made.extensions["supertokens"].core.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser's worth of cookies, not logged in."""
    return app.test_client()


@pytest.fixture
def ada(client: FlaskClient) -> FlaskClient:
    """The same, logged in."""
    assert client.post("/api/login", json=LOGIN).status_code == 200
    return client


def body(response: TestResponse, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    found: dict[str, Any] = json.loads(response.text)
    return found


# The routes


def test_login_answers_with_the_session_and_me_shows_the_same(client: FlaskClient) -> None:
    session = body(client.post("/api/login", json=LOGIN))
    assert session == LOGIN | {"sessionHandle": session["sessionHandle"]}
    assert body(client.get("/api/me")) == session


def test_a_login_without_payload_has_an_empty_one(client: FlaskClient) -> None:
    assert body(client.post("/api/login", json={"userId": "ada"}))["jwtPayload"] == {}


def test_a_posted_payload_replaces_the_old_one(ada: FlaskClient) -> None:
    assert body(ada.post("/api/payload", json={"a": [1, None]}))["jwtPayload"] == {"a": [1, None]}
    assert body(ada.get("/api/me"))["jwtPayload"] == {"a": [1, None]}


def test_sessions_lists_the_handles_of_this_user_only(app: Flask, ada: FlaskClient) -> None:
    here = body(ada.get("/api/me"))["sessionHandle"]
    there = body(app.test_client().post("/api/login", json={"userId": "ada"}))["sessionHandle"]
    app.test_client().post("/api/login", json={"userId": "bob"})
    listed = body(ada.get("/api/sessions"))
    assert listed["current"] == here
    assert listed["sessionHandles"] == [here, there]


def test_refresh_keeps_the_session_and_replaces_its_refresh_token(ada: FlaskClient) -> None:
    def refresh_token() -> str:
        cookie = ada.get_cookie("sRefreshToken", path="/session/refresh")
        assert cookie is not None
        return cookie.value

    before, token = body(ada.get("/api/me")), refresh_token()
    assert body(ada.post("/session/refresh")) == before
    assert refresh_token() != token


def test_logout_ends_this_session_and_no_other(app: Flask, ada: FlaskClient) -> None:
    other = app.test_client()
    other.post("/api/login", json=LOGIN)
    handle = body(ada.get("/api/me"))["sessionHandle"]
    assert body(ada.post("/api/logout")) == {"revoked": [handle]}
    assert ada.get_cookie("sAccessToken") is None
    assert ada.get("/api/me").status_code == 401
    assert other.get("/api/me").status_code == 200


def test_logout_everywhere_ends_all_sessions_of_the_user_at_once(app: Flask, ada: FlaskClient) -> None:
    other, bob = app.test_client(), app.test_client()
    other.post("/api/login", json=LOGIN)
    bob.post("/api/login", json={"userId": "bob"})
    assert len(body(ada.post("/api/logout-everywhere"))["revoked"]) == 2
    assert ada.get_cookie("sAccessToken") is None
    assert other.get("/api/me").status_code == 401
    assert bob.get("/api/me").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/me"),
        ("POST", "/api/payload"),
        ("GET", "/api/sessions"),
        ("POST", "/api/logout"),
        ("POST", "/api/logout-everywhere"),
        ("POST", "/session/refresh"),
        ("POST", "/api/demo/thief"),
    ],
)
def test_a_route_for_sessions_answers_401_without_one(client: FlaskClient, method: str, path: str) -> None:
    assert body(client.open(path, method=method), 401)["message"] == "unauthorised"


def test_an_unknown_path_and_a_wrong_method_are_answered_in_json(client: FlaskClient) -> None:
    assert body(client.get("/api/nothing"), 404)["error"] == "not found"
    wrong = client.get("/api/login")
    assert body(wrong, 405)["error"] == "method not allowed"
    assert "POST" in wrong.headers["Allow"]


def test_every_answer_says_that_only_our_own_files_may_run(client: FlaskClient) -> None:
    for path in ("/", "/static/page.js", "/api/me"):
        with client.get(path) as response:
            assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")


# Bad input


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"", "the body is not JSON"),
        (b"userId=ada", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b'{"userId": "ada", "jwtPayload": {"n": NaN}}', "NaN is not a JSON number"),
        (b'{"n": ' + b"9" * 5000 + b"}", "the body is not JSON"),
        (b"[" * 50_000, "the body is nested too deeply"),
        (b" " * 65_537, "the body is too large: at most 65536 bytes"),
        (b"[]", "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
        (b"{}", "userId is missing"),
        (b'{"userId": ""}', "userId must have 1 to 512 bytes"),
        (b'{"userId": 7}', "userId must be a str, not int"),
        (b'{"userId": null}', "userId must be a str, not NoneType"),
        (b'{"userId": "' + b"a" * 513 + b'"}', "userId must have 1 to 512 bytes in UTF-8, not 513"),
        (b'{"userId": "\\ud800"}', "userId contains a lone surrogate"),
        (b'{"userId": "ada", "jwtPayload": []}', "jwtPayload must be a JSON object"),
        (b'{"userId": "ada", "jwtPayload": null}', "jwtPayload must be a JSON object"),
        (b'{"userId": "ada", "jwtPayload": {"n": 1e999}}', "jwtPayload.n is inf"),
        (b'{"userId": "ada", "jwtPayload": {"sub": 1}}', "jwtPayload must not use the names of the token's own claims"),
        (b'{"userId": "ada", "jwtPayload": {"a": "' + b"a" * 5000 + b'"}}', "jwtPayload is too large"),
        (b'{"userId": "ada", "jwtPayload": ' + b'{"a": ' * 70 + b"1" + b"}" * 71, "more than 64 levels deep"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_login_that_cannot_be_is_answered_400_with_the_reason(client: FlaskClient, sent: bytes, message: str) -> None:
    refused = body(client.post("/api/login", data=sent, content_type="application/json"), 400)
    assert refused["error"] == "bad request"
    assert message in refused["message"]
    assert client.get_cookie("sAccessToken") is None


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"nonsense", "the body is not JSON"),
        (b"null", "the body must be a JSON object"),
        (b'"text"', "the body must be a JSON object"),
        (b'{"n": 1e999}', "jwtPayload.n is inf"),
        (b'{"sessionHandle": "x"}', "jwtPayload must not use the names of the token's own claims: sessionHandle"),
        (b'{"a": "' + b"a" * 5000 + b'"}', "jwtPayload is too large"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_payload_that_cannot_be_is_answered_400_and_the_old_one_stays(
    ada: FlaskClient, sent: bytes, message: str
) -> None:
    assert message in body(ada.post("/api/payload", data=sent, content_type="application/json"), 400)["message"]
    assert body(ada.get("/api/me"))["jwtPayload"] == {"role": "reader"}


def test_json_has_to_be_sent_as_json_so_that_no_form_of_another_site_passes(client: FlaskClient) -> None:
    refused = client.post("/api/login", data=json.dumps(LOGIN), content_type="text/plain")
    assert "Content-Type: application/json" in body(refused, 400)["message"]


# The thief


def test_the_thief_is_caught_with_a_token_that_was_replaced(ada: FlaskClient) -> None:
    ada.post("/session/refresh")
    play = body(ada.post("/api/demo/thief"))
    assert play["caught"] is play["revoked"] is True
    assert [(step["who"], step["request"], step["status"]) for step in play["steps"]] == [
        ("thief", "POST /session/refresh", 401)
    ]
    assert play["steps"][0]["answer"]["error"] == "token theft detected"
    assert body(ada.get("/api/me"), 401)["message"] == "unauthorised"


def test_where_nothing_was_replaced_yet_the_demo_refreshes_and_uses_the_new_pair_first(ada: FlaskClient) -> None:
    play = body(ada.post("/api/demo/thief"))
    assert play["caught"] is play["revoked"] is True
    assert [(step["who"], step["request"], step["status"]) for step in play["steps"]] == [
        ("victim", "POST /session/refresh", 200),
        ("victim", "GET /api/me", 200),
        ("thief", "POST /session/refresh", 401),
    ]
    assert ada.get("/api/me").status_code == 401


def test_the_thief_takes_from_the_session_that_asks_and_harms_no_other(app: Flask, ada: FlaskClient) -> None:
    other = app.test_client()
    other.post("/api/login", json=LOGIN)
    other.post("/session/refresh")
    handle = body(ada.get("/api/me"))["sessionHandle"]
    assert body(ada.post("/api/demo/thief"))["sessionHandle"] == handle
    assert other.get("/api/me").status_code == 200


def test_the_thief_answers_with_no_token(ada: FlaskClient) -> None:
    shown = ada.post("/api/demo/thief").text
    for name, path in (("sAccessToken", "/"), ("sRefreshToken", "/session/refresh")):
        cookie = ada.get_cookie(name, path=path)
        assert cookie is not None
        assert cookie.value not in shown


# The process


@dataclass
class Running:
    """The demo as a process, and what it printed when it was ready."""

    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def url(self) -> str:
        return self.lines[0]

    @property
    def curls(self) -> list[str]:
        return [line for line in self.lines if line.startswith("curl ")]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(timeout=20)


@contextmanager
def demo_process(root: Path, tmp_path: Path, *arguments: str, **environ: str) -> Iterator[Running]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("PORT", "DEMO_FOLDER")}
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, str(root / "demo" / "app.py"), *arguments],
        env=inherited | {"PORT": "0", "TMPDIR": str(temporary)} | environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As from a terminal: what a shell has put into its background ignores SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        running = Running(process, [])
        assert process.stdout is not None
        for line in process.stdout:
            running.lines.append(line.rstrip("\n"))
            if "Ctrl-C stops" in line:
                break
        yield running
    finally:
        process.kill()
        process.communicate(timeout=20)


def run(line: str, cwd: Path) -> list[dict[str, Any]]:
    """What a printed line answers, one JSON object for each line of output."""
    done = subprocess.run(["bash", "-c", line], cwd=cwd, capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    return [json.loads(answer) for answer in done.stdout.splitlines()]


def test_every_printed_curl_line_works_as_pasted(root: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.fail("this test pastes the printed lines: apt-get install curl")
    with demo_process(root, tmp_path) as demo:
        assert demo.url.startswith("http://127.0.0.1:")
        answers = [run(line, tmp_path) for line in demo.curls]
        session = {"userId": "ada", "sessionHandle": answers[0][0]["sessionHandle"], "jwtPayload": {"role": "reader"}}
        promoted = session | {"jwtPayload": {"role": "editor"}}
        assert answers[:4] == [[session], [session], [session], [promoted]]
        assert answers[4][0]["sessionHandles"] == [session["sessionHandle"]]
        refreshed, play = answers[5]
        assert refreshed == promoted
        assert play["caught"] is play["revoked"] is True
        assert run(demo.curls[1], tmp_path)[0]["message"] == "unauthorised"
        # The list is complete, and leaves nothing behind where it was pasted.
        assert len(answers) == 6
        assert [path.name for path in tmp_path.iterdir()] == ["tmp"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_temporary_folder_goes_with_the_process(root: Path, tmp_path: Path, how: signal.Signals) -> None:
    with demo_process(root, tmp_path) as demo:
        run(demo.curls[0], tmp_path)
        [folder] = (tmp_path / "tmp").iterdir()
        assert (folder / "supertokens.sqlite3").exists()
        assert f"The sessions are in {folder}, removed at the end" in demo.lines[-1]
        assert demo.stop(how) == 0
        assert list((tmp_path / "tmp").iterdir()) == []
        assert demo.process.stderr is not None
        assert demo.process.stderr.read() == ""


@pytest.mark.parametrize("given", ["--folder", "DEMO_FOLDER"])
def test_sessions_in_a_given_folder_outlive_the_process(root: Path, tmp_path: Path, given: str) -> None:
    folder = tmp_path / "my sessions"
    arguments = ["--folder", str(folder)] if given == "--folder" else []
    environ = {} if arguments else {"DEMO_FOLDER": str(folder)}
    with demo_process(root, tmp_path, *arguments, **environ) as demo:
        [session] = run(demo.curls[0], tmp_path)
        assert demo.stop() == 0
    with demo_process(root, tmp_path, *arguments, **environ) as demo:
        assert run(demo.curls[2], tmp_path) == [session]
        assert run(demo.curls[1], tmp_path) == [session]


def test_a_session_older_than_the_process_has_to_refresh_before_the_thief_can_play(root: Path, tmp_path: Path) -> None:
    arguments = ["--folder", str(tmp_path / "kept")]
    with demo_process(root, tmp_path, *arguments) as demo:
        run(demo.curls[0], tmp_path)
        demo.stop()
    with demo_process(root, tmp_path, *arguments) as demo:
        thief_alone = demo.curls[5].replace(f"{demo.url}/session/refresh ", "")
        assert "refresh once" in run(thief_alone, tmp_path)[0]["message"]
        assert run(demo.curls[5], tmp_path)[1]["caught"] is True


def test_a_port_in_use_is_said_and_exits_with_1(root: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with demo_process(root, tmp_path, PORT=port) as demo:
            _, error = demo.process.communicate(timeout=20)
            assert demo.process.returncode == 1
            assert error == f"Port {port} is in use. Choose another one: PORT=8001 make run\n"


@pytest.mark.parametrize("port", ["http", "-1", "65536", "80.5", "²", " 8000"])
def test_a_port_that_is_none_is_said_and_exits_with_1(root: Path, tmp_path: Path, port: str) -> None:
    with demo_process(root, tmp_path, PORT=port) as demo:
        _, error = demo.process.communicate(timeout=20)
        assert demo.process.returncode == 1
        assert error == f"PORT must be a number from 0 to 65535 (0: any free port), not {port!r}.\n"


def test_a_folder_that_cannot_be_is_said_and_exits_with_1(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with demo_process(root, tmp_path, "--folder", str(tmp_path / "file")) as demo:
        _, error = demo.process.communicate(timeout=20)
        assert demo.process.returncode == 1
        assert error.startswith(f"Cannot keep sessions in {tmp_path / 'file'}: ")


# The pages without a script


@pytest.fixture
def pages(root: Path, tmp_path: Path) -> tuple[Flask, FakeClock]:
    spec = spec_from_file_location("supertokens_demo_pages", root / "demo" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    clock = FakeClock()
    config = Config(access_token_validity=module.SECONDS, refresh_token_rotation_grace_period=1.5)
    core = EmbeddedCore(config, SqliteStore(tmp_path / "of_the_test.sqlite3"), clock=clock)
    app: Flask = module.create_pages(tmp_path, core=core)
    app.extensions["supertokens"].edge.clock = clock
    return app, clock


def test_the_pages_without_a_script_outlive_their_tokens(pages: tuple[Flask, FakeClock]) -> None:
    app, clock = pages
    browser = app.test_client()
    assert "Nobody is logged in" in browser.get("/").text
    assert browser.post("/login", data={"name": "ada"}).status_code == 303
    assert "The access token is alive." in browser.get("/").text
    clock.advance(seconds=20)
    assert "The server has just renewed this session." in browser.get("/").text
    clock.advance(seconds=20)
    assert browser.post("/note", data={"text": "sent once"}).status_code == 303
    assert browser.get("/").text.count("sent once") == 1
    assert browser.post("/signout", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 303
    assert "Nobody is logged in" in browser.get("/").text


def test_the_pages_without_a_script_have_none(pages: tuple[Flask, FakeClock]) -> None:
    app, _ = pages
    answer = app.test_client().get("/")
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
