# SPDX-License-Identifier: Apache-2.0
"""The last line of a test run: how much was explored. Each search notes its number with its own test's report, so
that the sum is right in one process and, over xdist, in several."""

from __future__ import annotations

import pytest

STATES = "states explored"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    searches = [
        states
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, states in report.user_properties
        if name == STATES
    ]
    if searches:
        terminalreporter.write_line(f"model check: {sum(searches):,} states explored, {len(searches)} searches")
