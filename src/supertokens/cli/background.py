# SPDX-License-Identifier: Apache-2.0
"""Start a service in the background: a process of its own session, whose output is relayed until it is ready."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO, Final

import click

from supertokens.cli.instances import log_file

__all__ = ["start_in_background"]

READY: Final = "Started SuperTokens on"
_CRASH: Final = "What caused the crash:"
_QUITTING: Final = "Quitting SuperTokens because of an error"
_UP_WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.02
# What belongs on the caller's standard error; the service writes everything to one file, in order.
_TO_STDERR: Final = (_CRASH, "WARNING", "ERROR")


def start_in_background(arguments: Sequence[str]) -> int:
    """Run `start --foreground` with `arguments`, relay its output until it is ready; return the exit status.

    The output goes to a file, since the terminal or pipe may be gone before the service is.
    """
    try:
        path, log = log_file()
    except OSError as error:
        click.echo(f"{_CRASH} cannot create a file for the service's output: {error}", err=True)
        click.echo(_QUITTING)
        return 1
    # -P: without it, `-m` puts the working directory first on the path, and would run any `yaml.py` in it.
    command = [sys.executable, "-P", "-m", "supertokens.cli", "start", "--foreground", *arguments]
    with log, path.open(encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(  # noqa: S603 - our own program, and no shell in between
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            outcome = _relay_until_ready(process, output)
        except BaseException:
            process.terminate()
            raise
    if outcome is None:
        click.echo(f"Its output goes to {path}")
        return 0
    path.unlink(missing_ok=True)  # all of it was relayed
    return outcome


def _relay_until_ready(process: subprocess.Popen[bytes], output: IO[str]) -> int | None:
    """Relay the `output` of `process`. Return None once it is ready, or its exit status."""
    deadline = time.monotonic() + _UP_WITHIN_S
    said = ""
    quitting = False
    while True:
        ended = process.poll()
        said += output.read()
        *lines, said = said.split("\n")
        for line in lines:
            click.echo(line, err=any(word in line for word in _TO_STDERR))
            quitting = quitting or line == _QUITTING
            if line.startswith(READY):
                return None
        if ended is None and time.monotonic() > deadline:
            process.kill()
            ended = process.wait()
        if ended is not None:
            if not quitting:
                click.echo(f"{_CRASH} the service exited with status {ended} before it was ready", err=True)
                click.echo(_QUITTING)
            return 1
        time.sleep(_LOOK_EVERY_S)
