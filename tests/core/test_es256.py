# SPDX-License-Identifier: Apache-2.0
"""Apps that sign with ES256: keys of both kinds in one store, and switching from one to the other."""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joserfc.jwt
import jwt
import pytest
from joserfc.jwk import KeySet as JoseKeySet
from joserfc.jws import JWSRegistry

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine import base64url
from supertokens.engine.algorithms import ALGORITHMS, algorithm_of
from supertokens.engine.session import IssuedSession
from supertokens.engine.signing_keys import StoredKey
from supertokens.errors import SuperTokensGeneralError, SuperTokensTryRefreshTokenError
from supertokens.stores.base import KeyStore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .core_contract import create, kid, refresh, verify

ES256, RS256 = "ES256", "RS256"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


def core_of(path: Path, clock: FakeClock, algorithm: str, **options: Any) -> EmbeddedCore:
    config = Config(access_token_signing_algorithm=algorithm)
    return EmbeddedCore(config, SqliteStore(path, synchronous="normal"), clock=clock, **options)


def algorithm(issued: IssuedSession | str) -> str:
    text = issued if isinstance(issued, str) else issued.access_token.text
    name: str = json.loads(base64url.decode(text.split(".")[0]))["alg"]
    return name


def purposes(store: KeyStore) -> list[str]:
    return sorted(key.purpose for key in store.read_keys(0).keys)


def test_a_store_of_es256_alone_has_no_rsa_key(path: Path, clock: FakeClock) -> None:
    core = core_of(path, clock, ES256)
    for static_key in (False, True):
        issued = create(core, static_key=static_key)
        assert algorithm(issued) == ES256
        assert kid(issued.access_token.text).startswith("s-" if static_key else "d-")
        assert verify(core, issued).user_id == "user"
        assert len(issued.access_token.text) < 700
    assert purposes(core.store) == ["dynamic-es256", "refresh", "static-es256"]


@pytest.mark.parametrize(("before", "after"), [(RS256, ES256), (ES256, RS256)])
def test_switching_logs_nobody_out_worker_by_worker(path: Path, clock: FakeClock, before: str, after: str) -> None:
    workers = [core_of(path, clock, before) for _ in range(3)]
    sessions = [create(workers[0]), create(workers[1], static_key=True)]
    for number in range(3):
        workers[number] = core_of(path, clock, after)
        for core in workers:
            sessions.append(create(core))
            for other in workers:
                for issued in sessions:
                    assert verify(other, issued).handle == issued.handle
        clock.advance(seconds=61)
    assert {algorithm(create(core)) for core in workers} == {after}
    clock.advance(hours=2)
    for issued in sessions:
        child = refresh(workers[0], issued)
        assert algorithm(child) == after
        assert {verify(core, child).handle for core in workers} == {issued.handle}


def test_an_app_that_switches_under_load_and_back_logs_nobody_out(path: Path) -> None:
    """A check that meets a new key while another thread reads the keys is told to refresh, and that helps."""
    KeysOnce.put_into(SqliteStore(path), system_clock())

    def started(algorithm: str) -> EmbeddedCore:
        config = Config(access_token_signing_algorithm=algorithm)
        return EmbeddedCore(config, SqliteStore(path, synchronous="normal"))

    workers = [started(RS256) for _ in range(3)]
    served: list[str] = []
    ended = threading.Event()

    def browse(seed: int) -> None:
        rng, issued = random.Random(seed), create(workers[0])
        while not ended.is_set():
            issued = refresh(rng.choice(workers), issued) if rng.random() < 0.5 else create(rng.choice(workers))
            try:
                verified = verify(rng.choice(workers), issued)
            except SuperTokensTryRefreshTokenError:
                refresh(rng.choice(workers), issued)
                continue
            again = verified.new_access_token.text if verified.new_access_token else issued
            try:
                assert verify(rng.choice(workers), again, check_database=rng.random() < 0.5).handle == issued.handle
            except SuperTokensTryRefreshTokenError:
                refresh(rng.choice(workers), issued)
                continue
            served.append(algorithm(issued))

    with ThreadPoolExecutor(6) as threads:
        browsing = [threads.submit(browse, seed) for seed in range(6)]
        try:
            for switched_to in (ES256, RS256):
                for number in range(3):
                    enough = len(served) + 60
                    while len(served) < enough and not any(each.done() for each in browsing):
                        time.sleep(0.001)
                    workers[number] = started(switched_to)
        finally:
            ended.set()
    assert [each.exception() for each in browsing] == [None] * 6
    assert {RS256, ES256} <= set(served)
    assert served[0] == RS256


def test_two_kinds_of_workers_on_one_store_do_not_make_keys_in_turn(path: Path, clock: FakeClock) -> None:
    workers = [core_of(path, clock, RS256), core_of(path, clock, ES256)]
    for _ in range(12):
        for core in workers:
            issued = create(core)
            for other in workers:
                assert verify(other, issued).handle == issued.handle
        clock.advance(hours=6)
    counted = purposes(workers[0].store)
    assert counted.count("dynamic") <= 2
    assert counted.count("dynamic-es256") <= 2
    assert (counted.count("static"), counted.count("static-es256"), counted.count("refresh")) == (1, 1, 1)


def test_rotating_makes_the_new_key_the_one_that_signs_whichever_process_is_asked(path: Path, clock: FakeClock) -> None:
    rs, es = core_of(path, clock, RS256), core_of(path, clock, ES256)
    old = {kid(create(core).access_token.text) for core in (rs, es)}
    issued = [create(core) for core in (rs, es)]
    clock.advance(seconds=1)
    new = rs.keys.rotate(clock(), drop_old=True)
    clock.advance(seconds=61)
    now = [kid(create(core).access_token.text) for core in (rs, es)]
    assert now[0] == new
    assert old.isdisjoint(now)
    for token in issued:
        for core in (rs, es):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, token)


def test_the_key_set_has_both_kinds_and_other_libraries_verify_by_it(path: Path, clock: FakeClock) -> None:
    rs, es = core_of(path, clock, RS256), core_of(path, clock, ES256)
    issued = [create(rs), create(es)]
    clock.advance(seconds=61)
    key_set, _ = es.keys.published(clock())
    assert {(key["kty"], key["alg"], key["use"]) for key in key_set} == {("RSA", RS256, "sig"), ("EC", ES256, "sig")}
    assert rs.keys.published(clock())[0] == key_set
    by_jwt = jwt.PyJWKSet.from_dict({"keys": key_set})
    by_joserfc = JoseKeySet.import_key_set({"keys": key_set})  # type: ignore[typeddict-item]
    for token in (each.access_token.text for each in issued):
        name = algorithm(token)
        claims = jwt.decode(token, by_jwt[kid(token)], algorithms=[name], options={"verify_exp": False})
        assert claims["sub"] == "user"
        registry = JWSRegistry(algorithms=[name], strict_check_header=False)  # `version` is in no standard
        assert joserfc.jwt.decode(token, by_joserfc, registry=registry).claims == claims
        tampered = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(tampered, by_jwt[kid(token)], algorithms=[name], options={"verify_exp": False})


def test_v2_tokens_are_signed_with_an_rsa_key_that_stays(path: Path, clock: FakeClock) -> None:
    service, app = core_of(path, clock, RS256, accepts_v2=True), core_of(path, clock, ES256)
    issued = create(service, version="2")
    child = refresh(service, issued, version="2")
    clock.advance(seconds=61)
    renewed = verify(app, child).new_access_token
    assert renewed is not None
    assert algorithm(renewed.text.replace("=", "")) == RS256
    for core in (service, app):
        assert verify(core, renewed.text).handle == issued.handle
    for _ in range(20):
        clock.advance(hours=12)
        create(app)
    assert "dynamic" in purposes(app.store)
    fresh = refresh(service, child, version="2")
    assert verify(app, fresh).handle == issued.handle
    app.keys.replace_all(clock())
    assert "dynamic" in purposes(app.store), "V2 was minted here"


def test_a_core_of_es256_that_is_asked_for_v2_makes_the_rsa_key_for_it(path: Path, clock: FakeClock) -> None:
    core = core_of(path, clock, ES256)
    issued = create(core, version="2")
    assert verify(core, issued).handle == issued.handle
    assert purposes(core.store).count("dynamic") == 1


@pytest.mark.parametrize("algorithm_of_a_key", [RS256, ES256])
def test_a_key_is_bound_to_its_algorithm(path: Path, clock: FakeClock, algorithm_of_a_key: str) -> None:
    """RFC 8725, section 3.1: the header of a token chooses no algorithm."""
    core = core_of(path, clock, algorithm_of_a_key)
    text = create(core).access_token.text
    header, body, signature = text.split(".")
    fields = json.loads(base64url.decode(header))
    for name in ("RS256", "ES256", "HS256", "PS256", "ES384", "none", "es256", ""):
        if name != algorithm_of_a_key:
            forged = base64url.encode(json.dumps(fields | {"alg": name}, separators=(",", ":")).encode())
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, f"{forged}.{body}.{signature}")
    for key in (ALGORITHMS["ES256"].generate(), ALGORITHMS["RS256"].generate()):
        forged = base64url.encode(algorithm_of(key).sign(key, f"{header}.{body}".encode()))
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, f"{header}.{body}.{forged}")


def test_a_key_dated_ahead_is_succeeded_in_each_chain(path: Path, clock: FakeClock) -> None:
    rs, es = core_of(path, clock, RS256), core_of(path, clock, ES256)
    now = clock()
    clock.advance(days=365)
    wrong = [create(rs), create(es)]
    clock.advance(days=-365)
    for core in (rs, es):
        assert kid(create(core).access_token.text) in (f"d-{now}", f"d-{now + 1}")
        for token in wrong:
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, token)


def test_a_damaged_key_in_the_store_is_an_error_of_the_store(path: Path, clock: FakeClock) -> None:
    core = core_of(path, clock, ES256)
    create(core)
    stored = core.store.read_keys(clock())
    bad = StoredKey("d-9", "dynamic-es256", clock(), b"\x30\x03\x02\x01\x00")
    assert core.store.add_key(bad, stored.of("dynamic-es256")[-1].id, None)
    with pytest.raises(SuperTokensGeneralError, match="a key in the store is damaged"):
        core_of(path, clock, ES256).keys.ring_for_signing(clock())
