# SPDX-License-Identifier: Apache-2.0
"""An app whose clock differs from the core's is told so, in its log, and told what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.errors import SuperTokensTryRefreshTokenError
from supertokens.remote import RemoteCore
from supertokens.remote.clocks import Clocks
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .faulty import FaultyHost, Request, reply

HOUR = 3_600_000
NOW = 1_795_000_000_000  # 2026-11-18T11:06:40Z


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What has been warned of since the last time."""

    def warnings() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        caplog.clear()
        return found

    return warnings


def test_one_warning_names_both_clocks_and_what_follows(warnings: Callable[[], list[str]]) -> None:
    clocks = Clocks(lambda: 0.0)
    for _ in range(100):
        clocks.compare(NOW - HOUR, NOW - 20, NOW)
    (warning,) = warnings()
    assert "differ by 3599 seconds" in warning
    assert "it is 2026-11-18T11:06:40Z here, and 2026-11-18T10:06:40Z at the core" in warning
    assert "reject access tokens that much too early" in warning
    behind = Clocks(lambda: 0.0)
    behind.compare(NOW + HOUR, NOW - 20, NOW)
    (warning,) = warnings()
    assert "it is 2026-11-18T11:06:40Z here, and 2026-11-18T12:06:40Z at the core" in warning
    assert "accept access tokens that much too long" in warning


def test_a_slow_answer_is_no_difference_of_clocks(warnings: Callable[[], list[str]]) -> None:
    clocks = Clocks(lambda: 0.0)
    for made_at in (NOW - 10_000, NOW, NOW + 45_000, NOW + 90_000, NOW + 100_000):
        clocks.compare(made_at, NOW, NOW + 90_000)
    clocks.explain_refusal()
    assert warnings() == []
    clocks.compare(NOW + 100_001, NOW, NOW + 90_000)
    assert len(warnings()) == 1


def test_hosts_whose_clocks_differ_from_each_other_do_not_fill_the_log(warnings: Callable[[], list[str]]) -> None:
    elapsed = 0.0
    clocks = Clocks(lambda: elapsed)
    for _ in range(100):
        clocks.compare(NOW - HOUR, NOW, NOW)
        clocks.compare(NOW, NOW, NOW)
    assert len(warnings()) == 1
    elapsed += 3600
    clocks.compare(NOW - HOUR, NOW, NOW)
    assert len(warnings()) == 1


def test_refusals_are_explained_once_a_minute_while_this_clock_is_ahead(warnings: Callable[[], list[str]]) -> None:
    elapsed = 0.0
    clocks = Clocks(lambda: elapsed)
    clocks.explain_refusal()
    clocks.compare(NOW + HOUR, NOW, NOW)
    warnings()
    clocks.explain_refusal()
    assert warnings() == [], "tokens are good for longer here, which refuses nothing"
    clocks.compare(NOW - HOUR, NOW, NOW)
    for _ in range(100):
        clocks.explain_refusal()
    (explanation,) = warnings()
    assert "may still be valid by the core's clock: this app's is 3600 seconds ahead" in explanation
    elapsed += 60
    clocks.explain_refusal()
    assert len(warnings()) == 1
    elapsed += 60
    clocks.compare(NOW, NOW, NOW)
    clocks.explain_refusal()
    assert warnings() == []


class OverHttp:
    """A host that makes and refreshes sessions of an embedded core whose clock is an hour behind."""

    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.core = EmbeddedCore(Config(), store, clock=clock)
        self.clock = clock

    def __call__(self, request: Request) -> bytes:
        if request.path == "/.well-known/jwks.json":
            return reply({"keys": self.core.keys.published(self.clock())[0]})
        if request.path == "/recipe/session":
            issued = self.core.create_session("u", {}, {}, anti_csrf=False)
        else:
            issued = self.core.refresh(self.refresh_token, anti_csrf=False)
        self.refresh_token = issued.refresh_token.text
        session = {"handle": issued.handle, "userId": "u", "userDataInJWT": {}}
        tokens = {
            name: {"token": token.text, "expiry": token.expires_at, "createdTime": token.created_at}
            for name, token in (("accessToken", issued.access_token), ("refreshToken", issued.refresh_token))
        }
        return reply({"status": "OK", "session": session} | tokens)


def test_with_a_clock_an_hour_ahead_the_log_says_why_every_check_asks_for_a_refresh(
    tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    there, here = FakeClock(), FakeClock()
    here.advance(seconds=3600)
    store = SqliteStore(tmp_path / "sessions.sqlite3", synchronous="normal")
    KeysOnce.put_into(store, there())
    with FaultyHost(OverHttp(store, there)) as host:
        core = RemoteCore(Config(hosts=host.url), clock=here)
        issued = core.create_session("u", {}, {}, anti_csrf=False)
        assert "differ by 3600 seconds" in warnings()[0]
        for _ in range(3):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                core.verify(issued.access_token.text, check_anti_csrf=False)
            issued = core.refresh(issued.refresh_token.text, anti_csrf=False)
        (explanation,) = warnings()
        assert "this app's is 3600 seconds ahead" in explanation
        core.close()
    store.close()
