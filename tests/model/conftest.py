# SPDX-License-Identifier: Apache-2.0
"""Running a check in a test: the states are counted, a counterexample is printed and kept."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from . import tally
from .check import Check, Finding


@pytest.fixture
def find(record_property: Callable[[str, object], None]) -> Callable[[Check], Finding]:
    def run(check: Check) -> Finding:
        finding = check.run()
        record_property(tally.STATES, finding.states)
        if finding.story:
            print(finding.story)
            keep(check.claim, finding.story)
        return finding

    return run


def keep(claim: str, story: str) -> None:
    """One file for each story, so that several test processes do not write into one."""
    if folder := os.environ.get("SUPERTOKENS_TEST_ARTIFACTS"):
        stories = Path(folder) / "model-stories"
        stories.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^a-z0-9]+", "-", claim.lower()).strip("-")
        (stories / f"{name}.txt").write_text(f"{story}\n", encoding="utf-8")
