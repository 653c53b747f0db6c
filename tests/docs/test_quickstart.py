# SPDX-License-Identifier: Apache-2.0
"""The quickstart, followed to the letter in a fresh folder."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from .pages import ROOT, Page, page

QUICKSTART: Final = page("docs/quickstart.md")
SETTING_UP, RUNNING = QUICKSTART.in_language("console")
MAX_COMMANDS: Final = 12


def commands(text: str) -> list[str]:
    return [line.removeprefix("$ ") for line in text.splitlines()]


def files(document: Page = QUICKSTART) -> dict[str, str]:
    """Return the files that a page says to save, by name: each names itself in its first line."""
    found = {}
    for block in document.blocks:
        first = re.match(r"(?:# |\{# )([\w./]+\.(?:py|html))(?: #\})?\n", block.text)
        if first is not None:
            found[first[1]] = block.text
    return found


def test_it_takes_at_most_twelve_commands() -> None:
    assert len([*commands(SETTING_UP.text), *commands(RUNNING.text)]) <= MAX_COMMANDS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder beside a clone of the project."""
    (tmp_path / "supertokens-sessions").symlink_to(ROOT)
    return tmp_path


def run(script: str, folder: Path) -> str:
    """Return what a script of bash prints."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_commands_run_as_written_and_print_what_it_says(folder: Path) -> None:
    run("\n".join(commands(SETTING_UP.text)), folder)
    app = folder / "notes"
    for name, text in files().items():
        (app / name).parent.mkdir(exist_ok=True)
        (app / name).write_text(text, "utf-8")
    add_user, start, *calls = commands(RUNNING.text)
    run(add_user, app)
    expected = next(block.text for block in QUICKSTART.in_language("text") if block.text.startswith("  <p>Hello"))
    assert printed_by(start, calls, app, "http://127.0.0.1:5055/") == expected


def printed_by(start: str, calls: list[str], app: Path, url: str) -> str:
    """Return what `calls` print while the server runs that `start` starts in the folder `app`, and that has `url`."""
    server = subprocess.Popen(["bash", "-c", f"exec {start.removesuffix(' &')}"], cwd=app, start_new_session=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        run(f"curl -s -o /dev/null --retry 60 --retry-delay 1 --retry-connrefused {url}", app)
        return "".join(f"{run(call, app).rstrip()}\n" for call in calls)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
