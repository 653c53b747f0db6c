# SPDX-License-Identifier: Apache-2.0
"""The README: short, and its quickstart runs as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Final

import pytest

from .pages import page

README: Final = page("README.md")
MAX_LINES: Final = 120
PATIENCE_S: Final = 60


def calls_and_answers() -> list[tuple[str, str]]:
    """Return each curl command of the quickstart, and the line that it prints."""
    block = next(block for block in README.in_language("console") if "curl" in block.text)
    lines = block.text.splitlines()
    return [(lines[at].removeprefix("$ "), lines[at + 1]) for at in range(0, len(lines), 2)]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    """The app of the quickstart, served by `flask run` in a fresh folder, by its port."""
    (tmp_path / "app.py").write_text(README.in_language("python")[0].text, "utf-8")
    command = [sys.executable, "-m", "flask", "run", "--port", "0"]
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    ports: Queue[str] = Queue()

    def read() -> None:
        for line in server.stderr or ():
            if found := re.search(r"Running on http://127\.0\.0\.1:(\d+)", line):
                ports.put(found[1])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield ports.get(timeout=PATIENCE_S)
    finally:
        server.terminate()
        server.wait(PATIENCE_S)
        reader.join()
        assert server.stderr is not None
        server.stderr.close()


def test_it_has_no_more_lines_than_somebody_reads() -> None:
    assert len(README.text.splitlines()) <= MAX_LINES


def test_five_lines_of_curl_log_in_call_refresh_log_out_and_are_refused(port: str, tmp_path: Path) -> None:
    calls = calls_and_answers()
    assert len(calls) == 5
    for call, answer in calls:
        words = call.replace("localhost:5000", f"localhost:{port}").split()
        assert words[0] == "curl"
        done = subprocess.run([words[0], "-s", *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == answer, call
