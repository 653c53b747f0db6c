# SPDX-License-Identifier: Apache-2.0
"""The small API of each framework's page does the same in each of them."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from werkzeug.test import Client

from supertokens.testing import Browser, FakeClock
from tests.asgi.calling import call, http_scope, reply_of
from tests.conftest import ROOT

EXAMPLES: Final = ROOT / "examples"
ASGI: Final = ("asgi", "fastapi", "starlette")
WSGI: Final = ("bottle", "falcon", "pyramid", "wsgi")
EVIL: Final = ("Origin", "https://evil.example")

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(params=[*ASGI, *WSGI])
def ask(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Ask the app of an example, from a folder of its own, by one browser; return the status and the JSON."""
    app = _loaded(request.param, tmp_path, monkeypatch)
    browser, loop = Browser(FakeClock()), asyncio.new_event_loop()

    def asked(method: str, path: str, said: object = None, *headers: tuple[str, str]) -> tuple[int, Any]:
        body = b"" if said is None else json.dumps(said).encode()
        sent = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers]
        if cookie := browser.cookie_header(path):
            sent.append(("Cookie", cookie))
        if request.param in ASGI:
            reply = reply_of(loop.run_until_complete(call(app, http_scope(method, path, sent), body)))
            browser.take(reply.headers)
            is_json = reply.header("content-type") == "application/json"
            return reply.status, json.loads(reply.text) if is_json else reply.text
        answered = Client(app, use_cookies=False).open(path, method=method, headers=sent, data=body)
        browser.take(list(answered.headers))
        return answered.status_code, answered.get_json()

    yield asked
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    assert (tmp_path / "instance" / "supertokens.sqlite3").exists()


def _loaded(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    file = Path(shutil.copy(EXAMPLES / name / "app.py", folder))
    spec = importlib.util.spec_from_file_location(f"example_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module.app


def test_it_lets_in_who_knows_the_password_and_ends_sessions_everywhere(ask: Ask) -> None:
    right = {"name": "ada", "password": "correct-horse"}
    assert ask("GET", "/notes")[0] == 401
    for wrong in ({**right, "password": "wrong"}, {"name": "bob", "password": "no user has this password"}):
        assert ask("POST", "/login", wrong)[0] == 403
    assert ask("POST", "/login", right, EVIL)[0] == 403
    assert ask("GET", "/notes")[0] == 401
    assert ask("POST", "/login", right) == (200, {"user": "ada"})
    assert ask("GET", "/notes") == (200, {"user": "ada", "role": "author"})
    assert ask("POST", "/session/refresh") == (200, {"status": "OK"})
    refused = {"error": "cross-origin request", "message": "cross-origin request"}
    assert ask("POST", "/everywhere/signout", None, EVIL) == (403, refused)
    assert ask("GET", "/notes") == (200, {"user": "ada", "role": "author"})
    assert ask("POST", "/everywhere/signout") == (200, {"ended": 1})
    assert ask("GET", "/notes") == (401, {"error": "unauthorised", "message": "unauthorised"})


def test_every_example_is_tested() -> None:
    folders = {path.parent.name for path in EXAMPLES.glob("*/app.py")}
    assert folders == {*ASGI, *WSGI}
