# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from supertokens.engine import base64url
from supertokens.engine.access_token import (
    MAX_TOKEN_CHARACTERS,
    PROTECTED_CLAIMS,
    AccessToken,
    TokenVersion,
    UnknownSigningKeyError,
    body_of,
    carried_payload,
    claims_of,
    longest_text,
    longest_token,
    mint,
    verify_signature,
)
from supertokens.engine.key_set import PublicKey
from supertokens.engine.refresh_token import lineage_hash
from supertokens.engine.sealing import Sealer
from supertokens.engine.signing_keys import KeyRing, SigningKey, StoredKey, StoredKeys, generate_signing_material
from supertokens.errors import SuperTokensTryRefreshTokenError

NOW = 1_700_000_000_000
TOKEN = AccessToken(
    version="5",
    handle="7b0aa0a2-3f4c-4f0e-8a43-0123456789ab",
    user_id="Jörg ☃",
    refresh_token_hash=lineage_hash(7, "own"),
    parent_refresh_token_hash=lineage_hash(6, "parent"),
    anti_csrf_token="value",
    jwt_payload={"role": "admin", "n": [1, 2.5, None], "deep": {"null": None}},
    created_at=NOW,
    expires_at=NOW + 3_600_000,
    regenerated_at=NOW + 5,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
).filter(lambda value: not any(0xD800 <= ord(c) < 0xE000 for c in repr(value)))
PAYLOADS = st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), JSON, max_size=4)


def expected_back(token: AccessToken) -> AccessToken:
    return token if token.version == "2" else replace(token, regenerated_at=None)


def test_a_v5_token_comes_back_as_it_was_minted(ring: KeyRing) -> None:
    assert verify_signature(mint(TOKEN, ring.dynamic[0]), ring) == expected_back(TOKEN)
    assert verify_signature(mint(TOKEN, ring.static[0]), ring) == expected_back(TOKEN)
    assert (TOKEN.serial, TOKEN.parent) == (7, 6)


def test_a_v5_token_is_a_standard_jws_with_exactly_the_claims_of_the_protocol(ring: KeyRing) -> None:
    header, body, signature = (urlsafe_b64decode(part + "==") for part in mint(TOKEN, ring.dynamic[0]).split("."))
    assert json.loads(header) == {"alg": "RS256", "typ": "JWT", "version": "5", "kid": f"d-{NOW}"}
    claims = json.loads(body)
    assert claims == {
        "sub": TOKEN.user_id, "rsub": TOKEN.user_id, "tId": "public", "iat": NOW // 1000, "exp": NOW // 1000 + 3600,
        "sessionHandle": TOKEN.handle, "refreshTokenHash1": TOKEN.refresh_token_hash,
        "parentRefreshTokenHash1": TOKEN.parent_refresh_token_hash, "antiCsrfToken": "value", **TOKEN.jwt_payload,
    }  # fmt: skip
    assert set(claims) - set(TOKEN.jwt_payload) == PROTECTED_CLAIMS
    assert len(signature) == 256


def test_absent_claims_of_v5_are_null_and_there_all_the_same(ring: KeyRing) -> None:
    token = replace(TOKEN, parent_refresh_token_hash=None, anti_csrf_token=None)
    text = mint(token, ring.dynamic[0])
    body = body_of(text)
    assert body is not None
    claims = json.loads(body)
    assert claims["parentRefreshTokenHash1"] is None
    assert claims["antiCsrfToken"] is None
    back = verify_signature(text, ring)
    assert back == expected_back(token)
    assert back.parent is None


def test_a_v2_token_has_the_form_of_the_older_protocol(ring: KeyRing) -> None:
    text = mint(replace(TOKEN, version="2"), ring.dynamic[0])
    header, body, _ = text.split(".")
    assert header == "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0="
    fields = json.loads(b64decode(body, validate=True))
    assert list(fields) == [
        "sessionHandle", "userId", "refreshTokenHash1", "parentRefreshTokenHash1", "userData", "antiCsrfToken",
        "expiryTime", "timeCreated", "lmrt",
    ]  # fmt: skip
    assert fields["userData"] == {"role": "admin", "n": [1, 2.5, None], "deep": {}}, "null members go, null items stay"
    assert fields["lmrt"] == NOW + 5
    assert body_of(text) is None
    assert verify_signature(text, ring) == replace(TOKEN, version="2", jwt_payload=fields["userData"])


def test_a_v2_token_leaves_absent_claims_out_and_escapes_line_separators(ring: KeyRing) -> None:
    token = replace(
        TOKEN, version="2", parent_refresh_token_hash=None, anti_csrf_token=None, jwt_payload={"a": "\u2028\u2029é"}
    )
    text = mint(token, ring.dynamic[0])
    body = b64decode(text.split(".")[1])
    assert b"parentRefreshTokenHash1" not in body
    assert b"antiCsrfToken" not in body
    assert b"\\u2028\\u2029" in body
    assert "é".encode() in body
    assert verify_signature(text, ring) == token


@given(PAYLOADS, st.text(alphabet=st.characters(codec="utf-8")), st.sampled_from(["2", "5"]))
def test_any_payload_comes_back_as_its_version_carries_it(
    ring: KeyRing, payload: dict[str, Any], user_id: str, version: TokenVersion
) -> None:
    token = replace(TOKEN, version=version, jwt_payload=payload, user_id=user_id)
    back = verify_signature(mint(token, ring.dynamic[0]), ring)
    assert back.jwt_payload == carried_payload(payload, version)
    assert back.user_id == user_id


def test_a_stored_payload_loses_protected_names_in_v5_and_keeps_them_in_v2() -> None:
    payload = {"sub": "somebody else", "exp": 1, "mine": 2}
    assert carried_payload(payload, "5") == {"mine": 2}
    assert carried_payload(payload, "2") == payload
    assert claims_of(replace(TOKEN, jwt_payload=payload))["sub"] == TOKEN.user_id


@pytest.mark.parametrize("version", ["5", "2"])
def test_every_flipped_bit_of_a_token_is_noticed(ring: KeyRing, version: TokenVersion) -> None:
    text = mint(replace(TOKEN, version=version), ring.dynamic[0])
    for position in range(len(text)):
        for bit in (0, 3, 6):
            flipped = text[:position] + chr(ord(text[position]) ^ 1 << bit) + text[position + 1 :]
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify_signature(flipped, ring)


@pytest.mark.parametrize("version", ["5", "2"])
def test_every_truncation_is_noticed(ring: KeyRing, version: TokenVersion) -> None:
    text = mint(replace(TOKEN, version=version), ring.dynamic[0])
    for length in range(len(text)):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(text[:length], ring)


def with_header(text: str, header: dict[str, Any], key: SigningKey | None = None, secret: bytes | None = None) -> str:
    """The body of `text` under another header, signed by `key`, MACed with `secret`, or not at all."""
    signed = f"{base64url.encode(json.dumps(header).encode())}.{text.split('.')[1]}"
    if key is not None:
        return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"
    if secret is not None:
        return f"{signed}.{base64url.encode(hmac.digest(secret, signed.encode(), 'sha256'))}"
    return f"{signed}."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "RS512", "PS256", "ES256", "HS256"])
def test_another_algorithm_is_refused_even_with_our_own_signature(ring: KeyRing, algorithm: str) -> None:
    text = mint(TOKEN, ring.dynamic[0])
    header = {"alg": algorithm, "typ": "JWT", "version": "5", "kid": f"d-{NOW}"}
    for forged in (with_header(text, header), with_header(text, header, ring.dynamic[0])):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(forged, ring)


def test_a_mac_with_the_public_key_is_no_signature(ring: KeyRing) -> None:
    """RFC 8725, 2.1: the public key is everybody's, so a verifier that lets the token choose HS256 is forged."""
    text = mint(TOKEN, ring.dynamic[0])
    public = ring.dynamic[0].public_key_info().encode()
    pem = b"-----BEGIN PUBLIC KEY-----\n" + public + b"\n-----END PUBLIC KEY-----\n"
    header = {"alg": "HS256", "typ": "JWT", "version": "5", "kid": f"d-{NOW}"}
    for secret in (public, pem, b64decode(public)):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(with_header(text, header, secret=secret), ring)
        signed = text.rpartition(".")[0]
        mac = base64url.encode(hmac.digest(secret, signed.encode(), "sha256"))
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(f"{signed}.{mac}", ring)


@pytest.mark.parametrize(
    "extra",
    [{"jku": "https://attacker.example/jwks"}, {"jwk": {"kty": "RSA"}}, {"x5u": "https://attacker.example"},
     {"crit": ["exp"]}, {"typ": "at+jwt"}, {"version": "4"}, {"version": 5}],
)  # fmt: skip
def test_nothing_in_a_header_is_ever_acted_upon(ring: KeyRing, extra: dict[str, Any]) -> None:
    header = {"alg": "RS256", "typ": "JWT", "version": "5", "kid": f"d-{NOW}"} | extra
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature(with_header(mint(TOKEN, ring.dynamic[0]), header, ring.dynamic[0]), ring)


@pytest.mark.parametrize(
    ("kid", "created_at"),
    [("d-1", 1), (f"d-{NOW + 1}", NOW + 1), ("d-", None), ("d-１２", None), ("d-" + "9" * 16, None), ("s-1", None),
     ("../../etc/passwd", None), (7, None), (None, None)],
)  # fmt: skip
def test_only_a_dynamic_key_can_be_unknown_in_a_way_that_is_worth_a_reading(
    ring: KeyRing, kid: object, created_at: int | None
) -> None:
    header = {"alg": "RS256", "typ": "JWT", "version": "5", "kid": kid}
    with pytest.raises(SuperTokensTryRefreshTokenError) as refused:
        verify_signature(with_header(mint(TOKEN, ring.dynamic[0]), header), ring)
    assert getattr(refused.value, "created_at", None) == created_at
    assert isinstance(refused.value, UnknownSigningKeyError) is (created_at is not None)


def test_a_key_with_the_same_id_of_another_deployment_is_refused(ring: KeyRing, material: list[bytes]) -> None:
    impostor = SigningKey(f"d-{NOW}", NOW, material[2])
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature(mint(TOKEN, impostor), ring)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature(mint(replace(TOKEN, version="2"), impostor), ring)


@pytest.fixture
def signature_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key of each signature check, from here on."""
    checks: list[str] = []
    check = PublicKey.is_signature

    def counted(key: PublicKey, signature: bytes, data: bytes) -> bool:
        checks.append(key.kid)
        return check(key, signature, data)

    monkeypatch.setattr(PublicKey, "is_signature", counted)
    return checks


def test_a_forged_v2_token_costs_three_signature_checks_at_most(
    material: list[bytes], signature_checks: list[str]
) -> None:
    keys = [StoredKey(f"d-{NOW + number}", "dynamic", NOW + number, material[number % 3]) for number in range(50)]
    others = [StoredKey("s-1", "static", NOW, material[1]), StoredKey("5a" * 8, "refresh", NOW, b"r" * 32)]
    ring = KeyRing.build(StoredKeys([*keys, *others], NOW, has_v2=True), NOW, 3_600_000, Sealer(()), {})
    assert ring is not None
    impostor = SigningKey("d-1", 1, generate_signing_material())
    for version, expected in (("2", [f"d-{NOW + number}" for number in (49, 48, 47)]), ("5", [])):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(mint(replace(TOKEN, version=version), impostor), ring)
        assert signature_checks == expected
        signature_checks.clear()


def test_a_v2_token_costs_no_signature_check_where_none_was_ever_minted(
    stored_keys: list[StoredKey], signature_checks: list[str]
) -> None:
    ring = KeyRing.build(StoredKeys(stored_keys, NOW), NOW, 3_600_000, Sealer(()), {})
    assert ring is not None
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature(mint(replace(TOKEN, version="2"), ring.dynamic[0]), ring)
    assert signature_checks == []


def test_a_static_key_that_is_not_known_may_have_been_added_since(ring: KeyRing) -> None:
    unknown = SigningKey("s-00000000-0000-4000-8000-00000000000f", 1, generate_signing_material())
    with pytest.raises(UnknownSigningKeyError) as raised:
        verify_signature(mint(TOKEN, unknown), ring)
    assert raised.value.created_at is None
    with pytest.raises(SuperTokensTryRefreshTokenError) as refused:
        verify_signature(mint(TOKEN, SigningKey("s-other", 1, generate_signing_material())), ring)
    assert not isinstance(refused.value, UnknownSigningKeyError)


def test_a_dynamic_keys_token_is_refused_under_the_static_keys_header(ring: KeyRing) -> None:
    _, body, signature = mint(TOKEN, ring.dynamic[0]).split(".")
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature(f"{ring.static[0].header}.{body}.{signature}", ring)


def signed(ring: KeyRing, body: bytes) -> str:
    text = f"{ring.dynamic[0].header}.{base64url.encode(body)}"
    return f"{text}.{base64url.encode(ring.dynamic[0].sign(text.encode()))}"


def signed_v2(ring: KeyRing, body: bytes) -> str:
    text = f"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0=.{b64encode(body).decode()}"
    return f"{text}.{b64encode(ring.dynamic[0].sign(text.encode())).decode()}"


@pytest.mark.parametrize("name", sorted(PROTECTED_CLAIMS))
@pytest.mark.parametrize("wrong", [None, 7.5, [], {}, True, "", "missing"])
def test_a_signed_token_whose_claims_are_not_ours_is_refused(ring: KeyRing, name: str, wrong: object) -> None:
    claims = claims_of(TOKEN)
    if wrong == "missing":
        del claims[name]
    else:
        claims[name] = wrong
    nullable = {"parentRefreshTokenHash1", "antiCsrfToken"}
    if (name in nullable and wrong is None) or (name == "antiCsrfToken" and wrong == ""):
        verify_signature(signed(ring, json.dumps(claims).encode()), ring)
        return
    if name in ("sessionHandle",) and wrong == "":
        verify_signature(signed(ring, json.dumps(claims).encode()), ring)
        return
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature(signed(ring, json.dumps(claims).encode()), ring)


@given(st.binary(max_size=200))
def test_any_signed_bytes_are_a_token_or_refused(ring: KeyRing, body: bytes) -> None:
    for text in (signed(ring, body), signed_v2(ring, body)):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(text, ring)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'{"userData":[]}', b"[" * 5000 + b"]" * 5000, b'{"a":NaN}'])
def test_signed_json_that_is_no_token_is_refused(ring: KeyRing, body: bytes) -> None:
    for text in (signed(ring, body), signed_v2(ring, body)):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(text, ring)


@given(st.text())
def test_any_text_is_refused(ring: KeyRing, text: str) -> None:
    for candidate in (text, f"{ring.dynamic[0].header}.{text}", f"{text}.{text}.{text}"):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify_signature(candidate, ring)


def test_an_oversized_text_is_refused_unread(ring: KeyRing) -> None:
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify_signature("." * 10_000_000, ring)
    assert len(mint(TOKEN, ring.dynamic[0])) < MAX_TOKEN_CHARACTERS


@given(PAYLOADS, st.text(alphabet=st.characters(codec="utf-8"), min_size=1), st.integers(0, 2**63))
def test_no_token_is_longer_than_the_longest(ring: KeyRing, payload: dict[str, Any], user_id: str, serial: int) -> None:
    longest = len(longest_text(longest_token(user_id, payload)))
    token = replace(
        TOKEN,
        jwt_payload=payload,
        user_id=user_id,
        anti_csrf_token="0" * 22,
        refresh_token_hash=lineage_hash(serial, ""),
    )
    assert len(mint(token, ring.static[0])) == longest
    assert len(mint(token, ring.dynamic[0])) < longest


def test_neither_payload_nor_anti_csrf_value_show_in_a_repr() -> None:
    shown = repr(replace(TOKEN, anti_csrf_token="the-value", jwt_payload={"mail": "a@example.com"}))
    assert "the-value" not in shown
    assert "example.com" not in shown
