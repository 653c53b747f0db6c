# SPDX-License-Identifier: Apache-2.0
"""What Sentry sends with its defaults: the local variables of every frame, but no token and no key of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WINDOW = 16
"""Characters: a report that holds as many of a secret in one piece holds the secret."""


def reported(root: Path, **options: Any) -> dict[str, Any]:
    """Return the secrets of `sentry_app`, and what it reports with those options of Sentry."""
    command = [sys.executable, "-m", "tests.integration.sentry_app", json.dumps(options)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert len(told["events"]) == 9
    assert len(told["secrets"]) >= 5
    return told


@pytest.fixture(scope="module")
def with_defaults(root: Path) -> dict[str, Any]:
    return reported(root)


def secret_part(text: str) -> str:
    """Return what makes `text` a credential: of an access token its signature, since the rest can be known."""
    return text.rpartition(".")[2]


def has_variables(event: Any) -> bool:
    frames = [frame for error in event["exception"]["values"] for frame in error["stacktrace"]["frames"]]
    return any("vars" in frame for frame in frames)


def secret_in(told: dict[str, Any]) -> str | None:
    """Return what is reported around the first piece of a secret; None if there is none."""
    text = json.dumps(told["events"])
    for secret in map(secret_part, told["secrets"]):
        for piece in (secret[at : at + WINDOW] for at in range(len(secret) - WINDOW + 1)):
            if piece in text:
                return text[max(0, text.find(piece) - 300) :][:400]
    return None


def test_with_the_defaults_every_frame_is_reported_with_its_local_variables(with_defaults: dict[str, Any]) -> None:
    assert all(has_variables(event) for event in with_defaults["events"])


def test_with_the_defaults_no_report_holds_a_token(with_defaults: dict[str, Any]) -> None:
    assert secret_in(with_defaults) is None


def test_without_local_variables_no_report_holds_a_token(root: Path) -> None:
    told = reported(root, include_local_variables=False)
    assert not any(has_variables(event) for event in told["events"])
    assert secret_in(told) is None
