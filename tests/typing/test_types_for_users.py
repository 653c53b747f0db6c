# SPDX-License-Identifier: Apache-2.0
"""What type checkers say of a user's app: nothing of a right one, and of each mistake that they can see, something."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from . import pyright

FOLDER: Final = Path(__file__).parent
RIGHT: Final = ("an_app.py", "a_fastapi_app.py")
WRONG: Final = ("mistakes.py", "fastapi_mistakes.py")

Complaints = dict[int, list[str]]
"""What was said of each line."""


def mypy_says(file: Path, folder: Path) -> Complaints:
    """Return the errors of `mypy --strict`, which reads no configuration."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-pretty", "--hide-error-context"]
    done = subprocess.run(
        [*command, "--cache-dir", str(folder / "cache"), str(file)],
        cwd=folder, env=os.environ | {"MYPYPATH": ""}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    complaints: Complaints = {}
    for name, line, message in re.findall(r"^(.+?):(\d+): error: (.+)$", done.stdout, re.MULTILINE):
        assert Path(name).name == file.name, f"{name}:{line}: {message}"
        complaints.setdefault(int(line), []).append(message)
    return complaints


def pyright_says(file: Path, folder: Path) -> Complaints:
    """Return the errors of pyright in its strict mode, which a comment in the file asks for."""
    try:
        command = pyright.command()
    except pyright.NoPyrightError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    done = subprocess.run(
        [*command, "--outputjson", "--pythonpath", sys.executable, str(file)],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    complaints: Complaints = {}
    for found in json.loads(done.stdout)["generalDiagnostics"]:
        if found["severity"] == "error":
            complaints.setdefault(found["range"]["start"]["line"] + 1, []).append(found["message"])
    return complaints


CHECKERS: Final = pytest.mark.parametrize("says", [mypy_says, pyright_says], ids=["mypy", "pyright"])


@CHECKERS
@pytest.mark.parametrize("name", RIGHT)
def test_an_app_without_a_mistake_is_clean(says: Callable[[Path, Path], Complaints], name: str, tmp_path: Path) -> None:
    assert says(FOLDER / name, tmp_path) == {}


@CHECKERS
@pytest.mark.parametrize("name", WRONG)
def test_every_mistake_is_flagged_and_nothing_else(
    says: Callable[[Path, Path], Complaints], name: str, tmp_path: Path
) -> None:
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    mistakes = {number: line for number, line in enumerate(lines, 1) if "# mistake: " in line}
    flagged = says(FOLDER / name, tmp_path)
    assert {number: line for number, line in mistakes.items() if number not in flagged} == {}
    assert {number: said for number, said in flagged.items() if number not in mistakes} == {}
