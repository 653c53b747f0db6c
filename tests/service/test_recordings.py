# SPDX-License-Identifier: Apache-2.0
"""The recorded exchanges with the reference core, replayed: every reply is the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import StartService

CONFIGURATIONS = {
    "cdi-2.3-default": {},
    "cdi-2.3-anti-csrf": {"enable_anti_csrf": True},
    "cdi-2.3-blacklisting": {"access_token_blacklisting": True},
    "cdi-2.3-api-keys": {"api_keys": "key1-aaaaaaaaaaaaaaaaaaaa, key2=BBBBBBBBBBBBBBBBBBBB"},
    "cdi-5.3-default": {},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_recording_of_the_reference_core_is_answered_as_it_was(
    name: str, start_service: StartService, root: Path
) -> None:
    folder = root.parent / "shared" / "conformance"
    assert (folder / "replay.py").exists(), "the recordings are not beside the repository, in ../shared/conformance"
    service = start_service(CONFIGURATIONS[name] | {"refresh_token_rotation_grace_period": 0})
    replay = [sys.executable, str(folder / "replay.py"), service.url, str(folder / f"{name}.jsonl")]
    done = subprocess.run(replay, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exchanges match the reference" in done.stdout
