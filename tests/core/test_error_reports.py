# SPDX-License-Identifier: Apache-2.0
"""An exception, raised at any line on the way of tokens and keys, tells an error tracker neither.

SECURITY.md says so of error trackers that hide locals by their names, with the names of sentry-sdk's defaults.
"""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core import issuer as issuer_module
from supertokens.engine import refresh_token as refresh_tokens
from supertokens.engine.signing_keys import generate_signing_material
from supertokens.errors import SuperTokensError
from supertokens.forks import ProcessLock
from supertokens.stores.base import Store
from supertokens.stores.memory import MemoryStore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .core_contract import create
from .error_reports import Position, Reports, fail_at, leaks, positions

# What fails between opening a connection and noting it leaves it to the collector, of which Python 3.13 warns.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")

ENCRYPTION_KEY = hashlib.sha256(b"an encryption key").digest()
Action = Callable[[EmbeddedCore], Any]


@pytest.fixture(scope="module")
def reports() -> Reports:
    return Reports()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, signing_keys: list[bytes]) -> dict[str, str | bytes]:
    """Every token and key that is made, by a name; those of before are forgotten when the test clears it."""
    made: dict[str, str | bytes] = {}

    def keep(kind: str, secret: Any) -> Any:
        made[f"{kind} {len(made)}"] = secret
        return secret

    pool = cycle(signing_keys)
    mint, derive = issuer_module.mint, refresh_tokens.derive
    monkeypatch.setattr(issuer_module, "mint", lambda *given: keep("access token", mint(*given)))
    monkeypatch.setattr(refresh_tokens, "derive", lambda *given: keep("refresh token", derive(*given)))
    monkeypatch.setattr(
        "supertokens.core.key_maker.generate_signing_material", lambda _: keep("signing key", next(pool))
    )
    return made


@pytest.fixture(scope="module")
def signing_keys() -> list[bytes]:
    return [generate_signing_material() for _ in range(3)]


def of_the_keys(core: EmbeddedCore) -> Iterator[tuple[str, bytes]]:
    yield "encryption key", ENCRYPTION_KEY
    if isinstance(core.store, MemoryStore):
        # CPython 3.13 skips the end of a `with` block if a trace function raises in a comprehension inside of it.
        core.store._lock = ProcessLock()
    for key in core.store.read_keys(0).keys:
        yield f"key {key.id}", core.keys._maker.sealer.open(key.material, key.id)
    ring = core.keys._ring
    if ring is not None:
        for refresh_key in ring.refresh.values():
            yield "refresh key", refresh_key.secret
            yield "subkey of tokens", refresh_key.token_subkey
            yield "subkey of anti-CSRF values", refresh_key.anti_csrf_subkey


def one_of_each_kind(core: EmbeddedCore) -> Any:
    """A session with an anti-CSRF value, whose access token this core has not verified yet."""
    return create(core, anti_csrf=True)


def one_of_each_kind_and_its_check(core: EmbeddedCore) -> None:
    core.verify(one_of_each_kind(core).access_token.text, check_anti_csrf=False)


def guarded(issued: Any) -> dict[str, Any]:
    return {"anti_csrf": True, "anti_csrf_token": issued.anti_csrf_token, "client": "browser"}


def forged(core: EmbeddedCore) -> None:
    issued = one_of_each_kind(core)
    for use in (
        lambda: core.refresh(f"{issued.refresh_token.text[:-4]}AAAA", anti_csrf=False),
        lambda: core.verify(f"e30.{issued.access_token.text.split('.', 1)[1]}", check_anti_csrf=False),
        lambda: core.verify(issued.refresh_token.text, check_anti_csrf=False),
        lambda: core.refresh(issued.access_token.text, anti_csrf=False),
    ):
        with suppress(SuperTokensError):
            use()


def refreshed_twice(core: EmbeddedCore, **how: Any) -> None:
    issued = one_of_each_kind(core)
    child = core.refresh(issued.refresh_token.text, **guarded(issued), **how)
    for token in (child, child):
        core.verify(token.access_token.text, check_anti_csrf=False, check_database=True, client="browser")
    core.refresh(child.refresh_token.text, **guarded(child), **how)
    with suppress(SuperTokensError):
        core.refresh(issued.refresh_token.text, **guarded(issued), **how)


def asked_about(core: EmbeddedCore) -> None:
    issued = one_of_each_kind(core)
    core.authentic_refresh_token(issued.refresh_token.text)
    core.authentic_access_token(issued.access_token.text)
    core.verifies_at_once(issued.access_token.text)
    core.regenerate(issued.access_token.text, {"new": True})
    core.regenerate(issued.access_token.text, None)


def crowded(core: EmbeddedCore) -> None:
    for issued in [one_of_each_kind(core) for _ in range(4)]:
        core.verify(issued.access_token.text, check_anti_csrf=False)
        core.verify(issued.access_token.text, check_anti_csrf=False)


ACTIONS: dict[str, Action] = {
    "create": one_of_each_kind,
    "refresh, verify, theft": refreshed_twice,
    "the same with V2": partial(refreshed_twice, version="2"),
    "forged": forged,
    "authenticate, regenerate": asked_about,
    "a cache that is full": crowded,
    "rotate": lambda core: core.keys.rotate(core._clock() + 5, drop_old=True),
    "seal": lambda core: core.keys.seal(core._clock()),
    "read what is sealed": lambda core: (core.keys.seal(core._clock()), core.keys.ring_for_signing(core._clock())),
    "make all keys": lambda core: core.keys.replace_all(core._clock()),
}


def fresh(store: Store, clock: FakeClock, **settings: Any) -> EmbeddedCore:
    KeysOnce.put_into(store, clock())
    config = Config(encryption_key=(ENCRYPTION_KEY,), verified_token_cache=2, **settings)
    return EmbeddedCore(config, store, clock=clock)


def assert_nothing_leaks(
    reports: Reports, secrets: dict[str, str | bytes], new_core: Callable[[], EmbeddedCore], action: Action,
    only: Callable[[Position], bool] = lambda position: True,
) -> int:  # fmt: skip
    """Fail at every line that the action comes by, and look into the report of each; return how many there were."""
    core = new_core()
    lines = [position for position in positions(lambda: action(core)) if only(position)]
    found, reported = set(), 0
    for position in lines:
        secrets.clear()
        core = new_core()
        error = fail_at(partial(action, core), position)
        if error is not None:
            reported += 1
            found |= leaks(reports.of(error), secrets | dict(of_the_keys(core)))
    gc.collect()  # the connections that were left, while their warning is ignored
    assert found == set()
    return reported


@pytest.mark.parametrize("name", ACTIONS)
def test_no_report_of_an_exception_in_core_or_engine_has_a_token_or_a_key(
    reports: Reports, secrets: dict[str, str | bytes], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    reported = assert_nothing_leaks(reports, secrets, lambda: fresh(MemoryStore(), FakeClock()), ACTIONS[name])
    assert reported > 20


def test_no_report_has_a_token_or_a_key_where_tokens_are_signed_with_es256(
    reports: Reports, secrets: dict[str, str | bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supertokens.core.key_maker.generate_signing_material", generate_signing_material)
    reported = assert_nothing_leaks(
        reports, secrets, lambda: fresh(MemoryStore(), FakeClock(), access_token_signing_algorithm="ES256"),
        one_of_each_kind_and_its_check, lambda position: Path(position[0]).parent.name == "engine",
    )  # fmt: skip
    assert reported > 20


@pytest.mark.parametrize("name", ["refresh, verify, theft", "rotate", "seal"])
def test_no_report_of_an_exception_in_the_store_has_a_token_or_a_key(
    reports: Reports, secrets: dict[str, str | bytes], name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    numbers = iter(range(10_000))
    stores: list[SqliteStore] = []

    def new_core() -> EmbeddedCore:
        stores.append(SqliteStore(tmp_path / f"{next(numbers)}.sqlite3", synchronous="normal"))
        return fresh(stores[-1], FakeClock())

    def in_stores(position: Position) -> bool:
        return Path(position[0]).parent.name == "stores"

    reported = assert_nothing_leaks(reports, secrets, new_core, ACTIONS[name], in_stores)
    for store in stores:
        with suppress(Exception):
            store.close()
    assert reported > 20


def test_what_is_searched_for_is_found_in_every_encoding(reports: Reports) -> None:
    """The searching itself: a local of any other name shows what is in it."""
    secret = hashlib.sha256(b"something secret").digest() * 2

    def careless(key: Any) -> None:
        raise ValueError("an error")

    for shown in (secret, secret.hex(), secret.hex().upper(), {"a": [secret]}, f"x{secret!r}"):
        try:
            careless(shown)
        except ValueError as error:
            event = reports.of(error)
        assert any("careless: key" in found for found in leaks(event, {"it": secret})), shown


def test_an_argument_called_token_or_secret_is_hidden(reports: Reports) -> None:
    def careful(token: str, secret: bytes) -> None:
        raise ValueError("an error")

    try:
        careful("t" * 100, b"s" * 100)
    except ValueError as error:
        event = reports.of(error)
    shown = event["exception"]["values"][0]["stacktrace"]["frames"][-1]["vars"]
    assert {name: str(value) for name, value in shown.items()} == {"token": "[Filtered]", "secret": "[Filtered]"}
