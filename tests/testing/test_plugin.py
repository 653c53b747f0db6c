# SPDX-License-Identifier: Apache-2.0
"""The plugin gives fixtures to those who ask for it, and to nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

CONFTEST = """
import flask
import pytest
from supertokens.flask import SuperTokens, supertokens_middleware

pytest_plugins = ["supertokens.testing.plugin"]

@pytest.fixture
def session_options():
    return {"access_token_validity": 60}

@pytest.fixture
def app(core, session_options):
    app = flask.Flask(__name__)
    SuperTokens(app, core=core, **session_options)
    app.get("/me")(supertokens_middleware(lambda: flask.g.supertokens.get_user_id()))
    return app
"""

TESTS = """
def test_all(tab, browser, clock, server_clock, core, login_as):
    assert core.clock is server_clock and tab.browser is browser
    handle = login_as(tab, "ada")
    assert core.session_handles("ada") == [handle]
    assert tab.get("/me").text == "ada"
    clock.advance(seconds=61)
    assert tab.get("/me").status == 401
"""


def test_a_project_asks_for_it_in_its_conftest(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    (tmp_path / "test_app.py").write_text(TESTS, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout


def test_pytest_does_not_load_it_by_itself() -> None:
    assert [each.value for each in entry_points(group="pytest11") if each.value.startswith("supertokens")] == []


def test_without_pytest_it_says_what_to_install() -> None:
    program = """
import sys
sys.modules["pytest"] = None
import supertokens.testing
try:
    import supertokens.testing.plugin
except ModuleNotFoundError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "supertokens.testing.plugin needs pytest: pip install 'supertokens-sessions[testing]'\n"
