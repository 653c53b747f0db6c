# SPDX-License-Identifier: Apache-2.0
"""What people see: a command on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from supertokens.core import EmbeddedCore

from .conftest import Command

WITHIN = 30.0  # seconds


def on_a_terminal(
    arguments: list[str], environment: dict[str, str], folder: Path, *, columns: int = 80, answer: str = ""
) -> tuple[int, str]:
    """Exit status, and what was on the screen; `answer` is typed once something was asked."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.chdir(folder)
        os.execve(
            sys.executable,
            [sys.executable, "-m", "supertokens.cli", *arguments],
            environment | {"TERM": "xterm-256color"},
        )
    screen = b""
    deadline = time.monotonic() + WITHIN
    with suppress(OSError):  # the end of the command closes the terminal
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            more = os.read(terminal, 65_536)
            if not more:
                break
            screen += more
            if answer and b"[y/N]" in screen:
                os.write(terminal, f"{answer}\n".encode())
                answer = ""
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), screen.decode()


@pytest.fixture
def handle(core: EmbeddedCore) -> str:
    return core.create_session("ada", {}, {}, anti_csrf=False).handle


def bare(screen: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)


def test_a_table_has_colours_on_a_terminal_only(
    command: Command, environment: dict[str, str], tmp_path: Path, database: str, handle: str
) -> None:
    status, screen = on_a_terminal(["sessions", "list", "ada", database], environment, tmp_path)
    assert status == 0
    assert "\x1b[36m" in screen
    assert handle in bare(screen), "it is wide enough for a handle in one piece"
    assert "\x1b" not in command("sessions", "list", "ada", database).stdout


def test_colours_can_be_switched_off(environment: dict[str, str], tmp_path: Path, database: str, handle: str) -> None:
    _, screen = on_a_terminal(["sessions", "list", "ada", database], environment | {"NO_COLOR": "1"}, tmp_path)
    assert "\x1b[36m" not in screen


def test_json_has_no_colours_on_a_terminal_either(
    environment: dict[str, str], tmp_path: Path, database: str, handle: str
) -> None:
    _, screen = on_a_terminal(["sessions", "list", "ada", database, "--json"], environment, tmp_path)
    assert "\x1b" not in screen
    assert handle in screen


def test_nothing_is_lost_on_a_narrow_terminal(
    environment: dict[str, str], tmp_path: Path, database: str, handle: str
) -> None:
    _, screen = on_a_terminal(["sessions", "list", "ada", database], environment, tmp_path, columns=40)
    lines = [line for line in bare(screen).replace("\r", "").splitlines() if line.strip()]
    assert all(len(line) <= 40 for line in lines)
    folded = "".join(line[: line.find("  ", 1)].strip() for line in lines[2:] if line.strip())
    assert handle.replace("-", "") in folded.replace("-", "").replace("…", "?")


def test_every_id_of_a_key_is_in_one_piece_on_a_terminal_of_80_columns(
    environment: dict[str, str], tmp_path: Path, core: EmbeddedCore, database: str
) -> None:
    _, screen = on_a_terminal(["keys", "list", database], environment, tmp_path)
    lines = bare(screen).replace("\r", "").splitlines()
    assert all(len(line) <= 80 for line in lines)
    first_words = {line.split()[0] for line in lines if line.strip()}
    assert {key.id for key in core.store.read_keys(0).keys} <= first_words


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 1), ("", 1), ("perhaps\nn", 1)])
def test_who_is_there_is_asked_before_sessions_end(
    environment: dict[str, str], tmp_path: Path, core: EmbeddedCore, database: str, handle: str, answer: str, left: int
) -> None:
    arguments = ["sessions", "revoke", "--all", database]
    status, screen = on_a_terminal(arguments, environment, tmp_path, answer=answer or "\r")
    assert "End all 1 session of all users? [y/N]" in bare(screen)
    assert len(core.session_handles("ada")) == left
    assert status == (0 if left == 0 else 1)


def test_with_yes_nothing_is_asked(
    environment: dict[str, str], tmp_path: Path, core: EmbeddedCore, database: str, handle: str
) -> None:
    status, screen = on_a_terminal(["sessions", "revoke", "--all", database, "--yes"], environment, tmp_path)
    assert status == 0
    assert "[y/N]" not in screen
    assert core.session_handles("ada") == []
