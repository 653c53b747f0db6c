# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.engine import base64url
from supertokens.engine.access_token import AccessToken, mint, verify_signature
from supertokens.engine.key_set import KeySet, PublicKey, read_key_set
from supertokens.engine.refresh_token import lineage_hash
from supertokens.engine.signing_keys import KeyRing
from supertokens.errors import SuperTokensTryRefreshTokenError

from .conftest import NOW


@pytest.fixture(scope="session")
def jwks(ring: KeyRing) -> dict[str, Any]:
    return {"keys": [key.jwk() for key in (*ring.dynamic, *ring.static)]}


@pytest.fixture
def key_set(jwks: dict[str, Any]) -> KeySet:
    return KeySet(read_key_set(json.dumps(jwks).encode()), NOW)


def token(version: Any = "5") -> AccessToken:
    return AccessToken(
        version=version,
        handle="7b0aa0a2-3f4c-4f0e-8a43-0123456789ab",
        user_id="user",
        refresh_token_hash=lineage_hash(1, "r"),
        parent_refresh_token_hash=None,
        anti_csrf_token=None,
        jwt_payload={"role": "admin", "nothing": None},
        created_at=NOW,
        expires_at=NOW + 3_600_000,
        regenerated_at=NOW,
    )


def spelt(ring: KeyRing, header: str) -> str:
    """A token whose header has that text, signed by a key of the ring."""
    body = mint(token(), ring.dynamic[0]).split(".")[1]
    signed = f"{base64url.encode(header.encode())}.{body}"
    return f"{signed}.{base64url.encode(ring.dynamic[0].sign(signed.encode()))}"


def test_the_key_set_verifies_what_the_ring_that_published_it_signs(ring: KeyRing, key_set: KeySet) -> None:
    for key in (ring.dynamic[0], ring.static[0]):
        assert verify_signature(mint(token(), key), key_set).jwt_payload == {"role": "admin", "nothing": None}


def test_a_v2_token_is_refused_without_a_signature_check(
    ring: KeyRing, key_set: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PublicKey, "is_signature", None)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature(mint(token("2"), ring.dynamic[0]), key_set)


def test_the_order_of_members_in_a_header_does_not_matter_and_nothing_else_is_let_pass(
    ring: KeyRing, key_set: KeySet
) -> None:
    kid = ring.dynamic[0].kid
    for good in (
        f'{{"kid":"{kid}","typ":"JWT","version":"5","alg":"RS256"}}',
        f'{{"typ":"JWT", "alg":"RS256", "kid":"{kid}", "version":"5"}}',
    ):
        for _ in range(2):
            assert verify_signature(spelt(ring, good), key_set).user_id == "user"
    for bad in (
        f'{{"kid":"{kid}","typ":"JWT","version":"5","alg":"none"}}',
        f'{{"kid":"{kid}","typ":"JWT","version":"5","alg":"HS256"}}',
        f'{{"kid":"{kid}","typ":"jwt","version":"5","alg":"RS256"}}',
        f'{{"kid":"{kid}","typ":"JWT","version":5,"alg":"RS256"}}',
        f'{{"kid":"{kid}","typ":"JWT","version":"4","alg":"RS256"}}',
        f'{{"kid":"{kid}","typ":"JWT","alg":"RS256"}}',
        f'{{"kid":"{kid}","typ":"JWT","version":"5","alg":"RS256","jku":"https://attacker.example"}}',
        f'{{"kid":["{kid}"],"typ":"JWT","version":"5","alg":"RS256"}}',
        f'{{"kid":"{ring.static[0].kid}","typ":"JWT","version":"5","alg":"RS256"}}',  # not the key that signed
        f'["{kid}"]',
        "",
    ):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(spelt(ring, bad), key_set)


def test_spellings_of_a_header_are_remembered_up_to_a_bound(ring: KeyRing, key_set: KeySet) -> None:
    kid = ring.dynamic[0].kid
    for spaces in range(200):
        header = f'{{"alg":"RS256",{" " * spaces}"typ":"JWT","version":"5","kid":"{kid}"}}'
        assert key_set.key_of(base64url.encode(header.encode())) is not None
    assert len(key_set._spellings) == 64
    assert key_set.key_of("A" * 10_000_000) is None


def test_keys_that_are_not_for_rs256_are_left_out_with_a_log_line(
    jwks: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    good = jwks["keys"][0]
    small = base64url.encode((2**1023 + 1).to_bytes(128, "big"))
    huge = base64url.encode((2**16384 + 1).to_bytes(2049, "big"))
    bad: list[Any] = [
        {**good, "kty": "EC"}, {**good, "alg": "HS256"}, {**good, "alg": None}, {**good, "use": "enc"},
        {**good, "kid": "x-1"}, {**good, "kid": 7}, {**good, "kid": "d-1\n"}, {**good, "e": "Aw"},
        {**good, "n": small}, {**good, "n": huge}, {**good, "n": good["n"] + "="}, {**good, "n": "é"}, {**good, "n": 1},
        {key: value for key, value in good.items() if key != "n"}, {}, [], None, "key", 1,
    ]  # fmt: skip
    keys = read_key_set(json.dumps({"keys": [*bad, good, good]}).encode())
    assert [key.kid for key in keys] == [good["kid"]]
    assert len(caplog.records) == len(bad) + 1, "the second key of a name is left out, too"
    for nothing in ({"keys": bad}, {"keys": []}, {"keys": {}}, {}):
        with pytest.raises(ValueError, match=r"key|Key"):
            read_key_set(json.dumps(nothing).encode())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_key_set(garbage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_key_set(garbage)


def test_sets_are_equal_by_names_and_keys(ring: KeyRing, jwks: dict[str, Any]) -> None:
    one, same = (KeySet(read_key_set(json.dumps(jwks).encode()), NOW) for _ in range(2))
    assert one.by_header == same.by_header == ring.by_header
    first, second = jwks["keys"]
    swapped = {"keys": [{**first, "n": second["n"]}, second]}
    assert KeySet(read_key_set(json.dumps(swapped).encode()), NOW).by_header != one.by_header
    assert one.keys[0] != first
    assert len({*one.keys, *same.keys}) == 2
    assert (one.age(NOW + 5), one.age(NOW - 5)) == (5, 5)
