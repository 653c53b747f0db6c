# SPDX-License-Identifier: Apache-2.0
"""When the public keys of a core are read, and what happens while they cannot be."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine import base64url
from supertokens.errors import SuperTokensGeneralError, SuperTokensTryRefreshTokenError
from supertokens.remote import RemoteCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .faulty import Fault, FaultyHost, Request, reply


class Published:
    """A host that publishes the keys of an embedded core, and answers nothing else."""

    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.core = EmbeddedCore(Config(), store, clock=clock)
        self.clock = clock
        self.answer: bytes | Fault | None = None
        self.hold: Held | None = None

    def __call__(self, request: Request) -> bytes | Fault:
        assert request.path == "/.well-known/jwks.json"
        assert "api-key" not in request.headers
        if self.hold is not None:
            self.hold.wait()
        keys, _ = self.core.keys.published(self.clock())
        return self.answer or reply({"keys": keys})

    def token(self) -> str:
        return self.core.create_session("user", {}, {}, anti_csrf=False).access_token.text


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def published(store: SqliteStore, clock: FakeClock) -> Published:
    return Published(store, clock)


def remote(host: FaultyHost, clock: FakeClock) -> RemoteCore:
    config = Config(hosts=host.url, api_key="x" * 20, core_connect_timeout=500, core_read_timeout=500)
    return RemoteCore(config, clock=clock, monotonic=lambda: clock() / 1000)


def verify(core: RemoteCore, text: str) -> str:
    return core.verify(text, check_anti_csrf=False).user_id


def forged(text: str, created_at: int) -> str:
    """`text` under the name of a key that nobody has, made at that moment (ms)."""
    _, body, signature = text.split(".")
    header = f'{{"alg":"RS256","typ":"JWT","version":"5","kid":"d-{created_at}"}}'
    return f"{base64url.encode(header.encode())}.{body}.{signature}"


class Held:
    """What a host answers to one thread that is held until the test is done, while the test goes on in its own."""

    def __init__(self, core: RemoteCore, text: str, published: Published) -> None:
        self.is_asked, self._may_answer = threading.Event(), threading.Event()
        self.outcome: str | Exception | None = None
        self._core, self._text, self._published = core, text, published
        self._thread = threading.Thread(target=self._verify, daemon=True)

    def __enter__(self) -> None:
        self._published.hold = self
        self._thread.start()
        assert self.is_asked.wait(30)

    def __exit__(self, *exception: object) -> None:
        self._may_answer.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._published.hold = None

    def wait(self) -> None:
        self.is_asked.set()
        assert self._may_answer.wait(10)

    def _verify(self) -> None:
        try:
            self.outcome = verify(self._core, self._text)
        except (SuperTokensGeneralError, SuperTokensTryRefreshTokenError) as error:
            self.outcome = error


def test_keys_are_read_once_for_many_tokens_and_again_when_they_are_due(published: Published, clock: FakeClock) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        texts = [published.token() for _ in range(20)]
        assert {verify(core, text) for text in texts} == {"user"}
        assert len(host.requests) == 1
        clock.advance(seconds=15)
        verify(core, texts[0])
        assert len(host.requests) == 1
        clock.advance(seconds=1)
        for text in texts:
            verify(core, text)
        assert len(host.requests) == 2
        assert host.asked_for_versions == 0, "keys are for everybody"


def test_whether_verify_waits_for_nothing_is_told_without_a_call(published: Published, clock: FakeClock) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        text = published.token()
        assert not core.verifies_at_once(text)
        assert host.requests == []
        verify(core, text)
        clock.advance(seconds=15)
        assert core.verifies_at_once(text)
        assert not core.verifies_at_once(forged(text, clock())), "newer keys would have to be read"
        clock.advance(seconds=1)
        assert not core.verifies_at_once(text), "verify would read the keys again"
        assert len(host.requests) == 1


def test_while_keys_cannot_be_read_the_last_ones_serve_for_half_a_minute_and_no_longer(
    published: Published, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        text = published.token()
        verify(core, text)
        published.answer = reply({}, 500)
        clock.advance(seconds=16)
        with caplog.at_level(logging.WARNING):
            for _ in range(50):
                verify(core, text)
        assert len(host.requests) == 2, "it is not tried for each request"
        assert "could not be read" in caplog.text
        clock.advance(seconds=14)
        verify(core, text)
        clock.advance(seconds=1)
        with pytest.raises(SuperTokensGeneralError):
            verify(core, text)
        published.answer = None
        verify(core, text)


@pytest.mark.parametrize("set_back", [59, 3600])
def test_a_clock_that_is_set_back_lets_no_dropped_key_live_longer(
    published: Published, clock: FakeClock, set_back: int
) -> None:
    elapsed = 0.0
    with FaultyHost(published) as host:
        config = Config(hosts=host.url, core_connect_timeout=500, core_read_timeout=500)
        core = RemoteCore(config, clock=clock, monotonic=lambda: elapsed)
        old = published.token()
        verify(core, old)
        published.core.keys.rotate(clock(), drop_old=True)
        clock.advance(seconds=set_back)
        elapsed += set_back
        clock.advance(seconds=-set_back)
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, old)
        before = len(host.requests)
        clock.advance(seconds=31)
        verify(core, published.token())
        assert len(host.requests) == before + 1, "the other clock may have stood still"


@pytest.mark.parametrize("nonsense", [b"", b"{}", b'{"keys":[]}', b'{"keys":[{"kty":"RSA"}]}', b"[" * 10_000])
def test_a_key_set_that_makes_no_sense_is_an_error(published: Published, clock: FakeClock, nonsense: bytes) -> None:
    published.answer = reply(nonsense)
    with FaultyHost(published) as host, pytest.raises(SuperTokensGeneralError, match="key set is invalid"):
        verify(remote(host, clock), published.token())


def test_a_key_made_after_the_last_reading_is_read_at_once(published: Published, clock: FakeClock) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        old = published.token()
        verify(core, old)
        clock.advance(seconds=3)
        published.core.keys.rotate(clock(), drop_old=True)
        verify(core, published.token())
        assert len(host.requests) == 2
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, old)
        assert len(host.requests) == 2


def test_a_key_that_was_published_a_while_after_it_was_made_is_read_at_once(
    published: Published, clock: FakeClock
) -> None:
    """A service publishes of a ring that may be half a minute old, so a key can be older than a reading without it."""
    with FaultyHost(published) as host:
        core = remote(host, clock)
        old = published.token()
        verify(core, old)
        keys, _ = published.core.keys.published(clock())
        published.core.keys.rotate(clock(), drop_old=True)
        published.answer = reply({"keys": keys})
        clock.advance(seconds=30)
        verify(core, old)
        assert len(host.requests) == 2, "read again, but still of the old ring"
        published.answer = None
        assert verify(core, published.token()) == "user"
        assert len(host.requests) == 3


def test_forged_key_names_do_not_become_a_load_on_the_core(published: Published, clock: FakeClock) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        text = published.token()
        verify(core, text)
        clock.advance(seconds=3)
        _, body, signature = text.split(".")
        for implausible in (0, clock() - 104_000, clock() + 61_000, 10**15):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, forged(text, implausible))
        assert len(host.requests) == 1, "it would have been in the last reading, or is not of this time"
        for created_at in (*range(clock() - 200, clock() + 200), 0, clock() + 10**9, 10**15):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, forged(text, created_at))
        assert len(host.requests) == 2
        for garbage in ("", "a.b.c", f"x.{body}.{signature}", f"{text}x"):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, garbage)
        assert len(host.requests) == 2


def test_a_forged_key_name_holds_one_thread_at_most_while_the_core_is_slow(
    published: Published, clock: FakeClock
) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        text = published.token()
        verify(core, text)
        clock.advance(seconds=3)
        held = Held(core, forged(text, clock() + 1000), published)
        with held:
            for pause in (0, 2, 2):  # the last ones are due again while the first is still held
                clock.advance(seconds=pause)
                with pytest.raises(SuperTokensTryRefreshTokenError):
                    verify(core, forged(text, clock() + 1000))
                assert verify(core, text) == "user"
        assert isinstance(held.outcome, SuperTokensTryRefreshTokenError)
        assert len(host.requests) == 2


def test_while_one_thread_tries_whether_the_core_has_keys_again_the_others_fail_at_once(
    published: Published, clock: FakeClock
) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        text = published.token()
        verify(core, text)
        clock.advance(seconds=31)
        published.answer = reply({}, 500)
        with pytest.raises(SuperTokensGeneralError, match="500"):
            verify(core, text)
        published.answer = None
        held = Held(core, text, published)
        with held:
            for _ in range(7):
                with pytest.raises(SuperTokensGeneralError, match="500"):
                    verify(core, text)
        assert held.outcome == verify(core, text) == "user"
        assert len(host.requests) == 3


def test_a_key_whose_name_stays_and_whose_number_changes_refuses_what_was_verified_before(
    published: Published, clock: FakeClock, tmp_path: Any
) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        text = published.token()
        verify(core, text)
        keys, _ = published.core.keys.published(clock())
        others, _ = EmbeddedCore(Config(), SqliteStore(tmp_path / "other.sqlite3"), clock=clock).keys.published(clock())
        keys[0]["n"] = others[0]["n"]
        published.answer = reply(json.dumps({"keys": keys}).encode())
        clock.advance(seconds=16)
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, text)


def test_expiry_and_anti_csrf_are_checked_without_a_call(published: Published, clock: FakeClock) -> None:
    with FaultyHost(published) as host:
        core = remote(host, clock)
        issued = published.core.create_session("user", {}, {}, anti_csrf=True)
        text, value = issued.access_token.text, issued.anti_csrf_token
        assert core.verify(text, check_anti_csrf=True, anti_csrf_token=value).user_id == "user"
        for wrong in (None, "", "wrong", "é"):
            with pytest.raises(SuperTokensTryRefreshTokenError, match="anti-csrf"):
                core.verify(text, check_anti_csrf=True, anti_csrf_token=wrong)
        clock.now = issued.access_token.expires_at + 1
        with pytest.raises(SuperTokensTryRefreshTokenError, match="expired"):
            core.verify(text, check_anti_csrf=False)
        assert {request.path for request in host.requests} == {"/.well-known/jwks.json"}
