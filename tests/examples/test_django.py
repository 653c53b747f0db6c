# SPDX-License-Identifier: Apache-2.0
"""`examples/django`, by Django's own command line and test runner, in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TESTS = ROOT / "tests" / "examples" / "board_tests.py"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy of the example, with tests."""
    shutil.copytree(ROOT / "examples" / "django", tmp_path / "site")
    shutil.copy(TESTS, tmp_path / "site" / "board" / "tests.py")
    return tmp_path / "site"


def manage(site: Path, *words: str) -> str:
    """Return what a command of `manage.py` prints. A warning is an error."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    command = [sys.executable, "-W", "error", "manage.py", *words]
    done = subprocess.run(command, cwd=site, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_its_pages_do_what_they_say(site: Path) -> None:
    ran = manage(site, "test")
    assert "Ran 6 tests" in ran
    assert "no issues" in ran
    assert not (site / "instance").exists(), "a test run keeps no sessions"


def test_its_tables_are_those_of_its_models_and_its_settings_are_fit_to_be_served(site: Path) -> None:
    assert "No changes detected" in manage(site, "makemigrations", "--check")
    told = manage(site, "check", "--deploy")
    assert "supertokens" not in told
