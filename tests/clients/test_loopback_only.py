# SPDX-License-Identifier: Apache-2.0
"""The watch over the apps of this folder sees what it is there for: nothing of a test leaves the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .running import LOOPBACK_ONLY, environment

ELSEWHERE = "192.0.2.1"  # RFC 5737: nobody's address


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "left-loopback"


def in_python(address: str, record: Path) -> None:
    program = f"import socket; socket.socket(type=socket.SOCK_DGRAM).connect(({address!r}, 9))"
    more = {"PYTHONPATH": str(LOOPBACK_ONLY), "LEFT_LOOPBACK": str(record)}
    subprocess.run([sys.executable, "-c", program], env=os.environ | more, capture_output=True, check=False)


def in_node(address: str, record: Path) -> None:
    environment("supertokens-node")
    # Ended at once: what counts is the attempt.
    program = (
        f"const s = require('net').connect(9, {address!r}); s.on('error', () => 0); setImmediate(() => s.destroy())"
    )
    more = {"LEFT_LOOPBACK": str(record)}
    watch = ["--require", str(LOOPBACK_ONLY / "watch.js")]
    subprocess.run(["node", *watch, "-e", program], env=os.environ | more, check=True, timeout=60)


@pytest.mark.parametrize("speak", [in_python, in_node])
def test_an_address_elsewhere_is_noted(speak, record: Path) -> None:
    speak(ELSEWHERE, record)
    assert ELSEWHERE in record.read_text()


@pytest.mark.parametrize("speak", [in_python, in_node])
def test_an_address_of_this_machine_is_not(speak, record: Path) -> None:
    speak("127.0.0.1", record)
    assert not record.exists()
