# SPDX-License-Identifier: Apache-2.0
"""Two apps in one folder, with the defaults of both: customer 1 of the shop must not be staff member 1."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import flask
import pytest

from supertokens.config import ConfigError
from supertokens.flask import SuperTokens

from .views import add_views

APP: Final = """
from flask import Flask
from supertokens.flask import SuperTokens, create_new_session

app = Flask(__name__)
SuperTokens(app{options})

@app.post("/login")
def login():
    create_new_session(None, "1")
    return "in"

app.config["PROPAGATE_EXCEPTIONS"] = True
print(app.test_client().post("/login").text)
"""


def run(folder: Path, name: str, options: str = "") -> subprocess.CompletedProcess[str]:
    """Run an app of that name in a process of its own: it logs somebody in."""
    (folder / f"{name}.py").write_text(APP.format(options=options), "utf-8")
    return subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_one_app_comes_back_to_its_database(tmp_path: Path) -> None:
    assert [run(tmp_path, "shop").stdout for _ in range(2)] == ["in\n", "in\n"]


def test_another_app_of_the_folder_is_refused_with_the_setting_that_helps(tmp_path: Path) -> None:
    assert run(tmp_path, "shop").stdout == "in\n"
    refused = run(tmp_path, "staff")
    assert refused.stdout == ""
    assert "'database'" in refused.stderr
    assert run(tmp_path, "shop").stdout == "in\n"


def test_another_app_of_the_folder_with_a_database_of_its_own_is_served(tmp_path: Path) -> None:
    assert run(tmp_path, "shop").stdout == "in\n"
    assert run(tmp_path, "staff", ", database='sqlite:///staff.sqlite3'").stdout == "in\n"


def test_two_apps_of_one_process_on_one_default_file_are_refused(tmp_path: Path) -> None:
    def serve(name: str) -> flask.Flask:
        app = flask.Flask(name, instance_path=str(tmp_path))
        app.config["PROPAGATE_EXCEPTIONS"] = True
        SuperTokens(app)
        add_views(app)
        app.test_client().post("/login?user=1")
        return app

    shop = serve("shop")
    with pytest.raises((RuntimeError, ConfigError), match="'database'"):
        serve("staff")
    assert shop.test_client().post("/login?user=2").status_code == 200
