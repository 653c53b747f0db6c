# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks`: make the environment, then run everything in it. Needs nothing but Python itself."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.environment import ROOT, ensure_environment


def main() -> int:
    if {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        print("preparing .venv-bench: the built package, and the peers from PyPI", flush=True)
    python = ensure_environment()
    # Settings of the person who measures must not become settings of what is measured.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SUPERTOKENS_", "PYTHON"))}
    command = [str(python), "-m", "benchmarks.run", *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode  # noqa: S603 - our own module


if __name__ == "__main__":
    sys.exit(main())
