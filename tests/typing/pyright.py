# SPDX-License-Identifier: Apache-2.0
"""The real pyright of npm, installed beside this file when it is first asked for."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
PACKAGE: Final = "pyright"


class NoPyrightError(Exception):
    """The package is not there and cannot be installed; says what to do."""


def command() -> list[str]:
    """Return what starts pyright. Raise NoPyrightError."""
    node = shutil.which("node")
    if node is None:
        raise NoPyrightError(f"these tests ask the real {PACKAGE}: install Node.js with npm")
    _install()
    return [node, str(FOLDER / "node_modules" / PACKAGE / "index.js")]


def _install() -> None:
    with (FOLDER / "package.json").open("rb") as description:
        # Several test processes may come here together. The lock goes with the file.
        fcntl.flock(description, fcntl.LOCK_EX)
        wanted = json.loads(description.read())["dependencies"][PACKAGE]
        # npm writes this file last, so an installation that was cut off does not count.
        record = FOLDER / "node_modules" / ".package-lock.json"
        installed = json.loads(record.read_text("utf-8"))["packages"] if record.exists() else {}
        if installed.get(f"node_modules/{PACKAGE}", {}).get("version") == wanted:
            return
        npm = shutil.which("npm")
        if npm is None:
            raise NoPyrightError(f"these tests ask the real {PACKAGE}: install Node.js with npm")
        flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional"]
        done = subprocess.run([npm, "ci", *flags], cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoPyrightError(f"npm could not install {PACKAGE} {wanted}:\n{done.stdout}{done.stderr}")
