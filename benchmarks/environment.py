# SPDX-License-Identifier: Apache-2.0
"""`.venv-bench`: a virtual environment of the benchmarks' own, with the built package and the pinned peers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["ENVIRONMENT", "ROOT", "ensure_environment", "ensure_environment_of_supertokens_python"]

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENT: Final = ROOT / ".venv-bench"

_REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
_SUPERTOKENS_PYTHON: Final = ROOT / ".venv-bench-supertokens-python"
_ITS_REQUIREMENTS: Final = ROOT / "tests" / "clients" / "supertokens-python" / "requirements.txt"


def ensure_environment() -> Path:
    """Return its interpreter, after everything that has changed has been installed.

    Raise CalledProcessError where pip fails; its own words are on the terminal then.
    """
    python = _made(ENVIRONMENT)
    _unless_done(ENVIRONMENT, "requirements", _digest([_REQUIREMENTS]), "--requirement", str(_REQUIREMENTS))
    sources = sorted(path for path in (ROOT / "src").rglob("*") if path.is_file() and path.suffix != ".pyc")
    # From a wheel, as users get it: an editable install would measure the source tree's import hooks as well.
    package = ("--no-deps", "--no-build-isolation", "--force-reinstall", str(ROOT))
    _unless_done(ENVIRONMENT, "package", _digest([ROOT / "pyproject.toml", *sources]), *package)
    return python


def ensure_environment_of_supertokens_python() -> Path:
    """Return the interpreter of an environment for that peer, which wants other versions of what the others use."""
    python = _made(_SUPERTOKENS_PYTHON)
    digest = _digest([_ITS_REQUIREMENTS])
    _unless_done(_SUPERTOKENS_PYTHON, "requirements", digest, "--requirement", str(_ITS_REQUIREMENTS))
    return python


def _made(environment: Path) -> Path:
    python, made_with = environment / "bin" / "python", environment / "python.stamp"
    if not python.exists() or not made_with.exists() or made_with.read_text("utf-8") != sys.version:
        venv.create(environment, with_pip=True, clear=True)
        (environment / ".gitignore").write_text("*\n", "utf-8")
        made_with.write_text(sys.version, "utf-8")
    return python


def _unless_done(environment: Path, what: str, digest: str, *arguments: str) -> None:
    stamp = environment / f"{what}.stamp"
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    python = str(environment / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments
    stamp.write_text(digest, "utf-8")


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
