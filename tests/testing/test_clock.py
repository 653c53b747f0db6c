# SPDX-License-Identifier: Apache-2.0
"""Time passes when a test says so, and on a machine with a wrong clock, too."""

from __future__ import annotations

from supertokens.testing import FakeClock, SkewedClock, in_memory_core
from supertokens.testing.tab import Tab

from .an_app import flask_app


def test_a_frozen_clock_stands_still_until_it_is_advanced() -> None:
    clock = FakeClock(1000)
    assert (clock(), clock()) == (1000, 1000)
    clock.advance(days=1, hours=1, minutes=1, seconds=0.5)
    assert clock() == 1000 + 86_400_000 + 3_600_000 + 60_000 + 500


def test_a_skewed_clock_goes_as_the_other_one_does() -> None:
    clock = FakeClock(1000)
    behind = SkewedClock(clock)
    assert behind() == 1000
    behind.skew(seconds=-1)
    clock.advance(seconds=5)
    assert behind() == 5000
    behind.skew(seconds=2)
    assert behind() == 8000, "not on top of what it was"


def test_a_skew_of_the_server_counts_for_its_tokens(tab: Tab, server_clock: SkewedClock) -> None:
    assert tab.post("/login").status == 200
    assert tab.get("/me").status == 200
    server_clock.skew(hours=2)
    assert tab.get("/me").status == 401
    server_clock.skew()
    assert tab.get("/me").status == 200


def test_a_core_in_memory_goes_by_its_clock_and_its_options(clock: FakeClock) -> None:
    core = in_memory_core(clock, access_token_validity=60)
    client = flask_app(core, access_token_validity=60).test_client()
    client.post("/login")
    clock.advance(seconds=59)
    assert client.get("/me").status_code == 200
    clock.advance(seconds=2)
    assert client.get("/me").status_code == 401
