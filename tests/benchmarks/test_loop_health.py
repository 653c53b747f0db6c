# SPDX-License-Identifier: Apache-2.0
"""The measurement of what others notice of a slow store runs, and says what it has measured."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.conftest import ROOT


def test_it_measures_a_plain_endpoint_alone_and_beside_refreshes_that_wait() -> None:
    command = [sys.executable, "-m", "benchmarks.loop_health", "--waiting", "9", "--store-s", "30", "--seconds", "0.2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"plain endpoint alone: \d+ requests, p50 [\d.]+ ms, p99 [\d.]+ ms", done.stdout)) == 2
    assert done.stdout.count("plain endpoint beside 9 refreshes") == 2
    assert done.stdout.count("0 of 9 refreshes were answered") == 2, "the store stood still for all of them"
