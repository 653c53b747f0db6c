# SPDX-License-Identifier: Apache-2.0
"""`make run EXAMPLE=pages`, and what it starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def make(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return what `make` says to that, as from a shell: the one that runs these tests tells its children of itself."""
    of_make = ("PORT", "FOLDER", "EXAMPLE", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL")
    environ = {name: value for name, value in os.environ.items() if name not in of_make}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_make_run_serves_the_example_that_is_named_and_the_demo_otherwise(root: Path, tmp_path: Path) -> None:
    example = make(root, "--dry-run", "run", "EXAMPLE=pages", "PORT=8123", f"FOLDER={tmp_path}").stdout
    assert "--app jotter run --port" in example
    assert '"8123"' in example
    assert f'JOTTER_FOLDER="{tmp_path}"' in example
    installed = make(root, "--dry-run", "--always-make", "run", "EXAMPLE=pages").stdout
    assert "--requirement examples/pages/requirements.txt" in installed
    assert "demo/app.py" in make(root, "--dry-run", "run").stdout
    assert "EXAMPLE=pages" in make(root, "help").stdout


def test_an_example_that_is_none_is_said_to_be_none(root: Path) -> None:
    done = make(root, "run", "EXAMPLE=payges")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith('There is no example "payges": EXAMPLE=pages and EXAMPLE=django are there.')


def test_the_command_that_it_runs_serves_the_app(root: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "jotter", "run", "--port", "0"],
        cwd=root / "examples" / "pages",
        env=os.environ | {"JOTTER_FOLDER": str(tmp_path / "kept")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        port = next(int(found[1]) for line in lines if (found := re.search(r"127\.0\.0\.1:(\d+)", line)))
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/")
        page = connection.getresponse().read().decode()
        assert "Notes that are yours" in page
    finally:
        process.kill()
        process.communicate(timeout=20)
    assert (tmp_path / "kept" / "jotter.sqlite3").exists()
