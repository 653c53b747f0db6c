# SPDX-License-Identifier: Apache-2.0
"""Log lines that nobody can fill the log with."""

from __future__ import annotations

import pytest

from supertokens.errors import SuperTokensGeneralError
from supertokens.service.rationing import Failures, Rationed


class Moment:
    """A clock that stands still until it is moved (seconds)."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_is_told_at_once_and_then_one_line_a_minute_counts_them(caplog: pytest.LogCaptureFixture) -> None:
    moment = Moment()
    refused = Rationed("requests refused", moment)
    for _ in range(500):
        refused.note()
    moment.now += 59.9
    refused.note()
    moment.now += 0.1
    refused.note()
    counts = [record.getMessage().rpartition(": ")[2] for record in caplog.records]
    assert counts == ["1", "502"]


def test_requests_that_fail_for_one_reason_share_a_line_with_the_traceback(caplog: pytest.LogCaptureFixture) -> None:
    moment = Moment()
    failures = Failures(moment)
    for _ in range(500):
        failures.note("POST", "/session", SuperTokensGeneralError("the disk is full"))
    failures.note("POST", "/session", ValueError("the disk is full"))
    failures.note("GET", "/user", SuperTokensGeneralError("the disk is full"))
    moment.now += 60
    failures.note("POST", "/session", SuperTokensGeneralError("the disk is full"))
    assert [record.getMessage() for record in caplog.records] == [
        "POST /session failed: the disk is full",
        "POST /session failed: the disk is full",
        "GET /user failed: the disk is full",
        "POST /session failed: the disk is full (before this one, 500 have failed so)",
    ]
    assert all(record.exc_info for record in caplog.records)


def test_as_many_reasons_as_anyone_can_think_of_take_bounded_memory(caplog: pytest.LogCaptureFixture) -> None:
    failures = Failures(Moment())
    for number in range(1000):
        failures.note("GET", "/\x1b[2J\n", ValueError(str(number)))
    assert len(failures._reasons) == 100
    assert all(line.isprintable() for line in (record.getMessage() for record in caplog.records))
