# SPDX-License-Identifier: Apache-2.0
"""What newcomers are told about commands and commits is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .pages import page


def hooks(root: Path) -> list[dict[str, Any]]:
    """Return the hooks that run before a commit."""
    config = yaml.safe_load((root / ".pre-commit-config.yaml").read_text("utf-8"))
    return [hook for repo in config["repos"] for hook in repo["hooks"]]


def test_contributing_and_make_help_name_the_same_commands(root: Path) -> None:
    section = page("CONTRIBUTING.md").text.partition("\n## Commands\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `make ([\w-]+)` \|", section, re.MULTILINE))
    helped = set(re.findall(r'@echo "make ([\w-]+)', (root / "Makefile").read_text("utf-8")))
    assert documented - {"clean"} == helped


def test_what_runs_before_a_commit_is_what_make_check_runs(root: Path) -> None:
    check = (root / "Makefile").read_text("utf-8").partition("\ncheck:")[2].partition("\n\n")[0]
    for hook in hooks(root):
        if hook["language"] == "system":
            tool = Path(hook["entry"].split(".venv/bin/")[1]).name.split()[0]
            assert f"$(BIN)/{tool}" in check, hook["id"]
        else:
            assert (root / hook["entry"]).exists()


@pytest.mark.parametrize(("subject", "status"), [("x" * 72, 0), ("é" * 72, 0), ("x" * 73, 1)])
def test_a_commit_subject_has_at_most_72_characters(root: Path, tmp_path: Path, subject: str, status: int) -> None:
    message = tmp_path / "message"
    message.write_text(f"{subject}\n\n{'why ' * 30}\n", "utf-8")
    environ = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    assert (
        subprocess.run([root / "tests" / "commit_subject", message], env=environ, capture_output=True).returncode
        == status
    )
