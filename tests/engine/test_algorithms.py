# SPDX-License-Identifier: Apache-2.0
"""RS256 and ES256: what is signed, what is accepted, and how keys are published."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from supertokens.engine import base64url
from supertokens.engine.algorithms import (
    ALGORITHMS,
    AlgorithmName,
    PrivateKey,
    algorithm_of,
    private_key_from_bytes,
    private_key_to_bytes,
)

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DATA = b"header.body"

# RFC 7515, appendix A.3: a key, what it signed, and the signature. Its S is the larger one.
RFC_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
RFC_SIGNED = (
    b"eyJhbGciOiJFUzI1NiJ9"
    b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
RFC_SIGNATURE = base64url.decode(
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)


@pytest.fixture(scope="module")
def private() -> dict[AlgorithmName, PrivateKey]:
    return {name: algorithm.generate() for name, algorithm in ALGORITHMS.items()}


@pytest.fixture(scope="module")
def es256(private: dict[AlgorithmName, PrivateKey]) -> PrivateKey:
    return private["ES256"]


def accepts(key: PrivateKey, signature: bytes, data: bytes = DATA) -> bool:
    return algorithm_of(key).is_signature(key.public_key(), signature, data)


def two_halves(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def halves(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@pytest.mark.parametrize(("name", "size"), [("RS256", 256), ("ES256", 64)])
def test_what_is_signed_is_accepted_and_nothing_else_is(
    private: dict[AlgorithmName, PrivateKey], name: AlgorithmName, size: int
) -> None:
    key = private[name]
    signature = algorithm_of(key).sign(key, DATA)
    assert (algorithm_of(key).name, len(signature)) == (name, size)
    assert accepts(key, signature)
    assert not accepts(key, signature, DATA + b"x")
    assert not accepts(ALGORITHMS[name].generate(), signature)
    for bit in range(8 * size) if name == "ES256" else range(0, 8 * size, 29):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not accepts(key, bytes(flipped))


@pytest.mark.parametrize("name", ["RS256", "ES256"])
@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 63, 65, 70, 71, 72, 96, 128, 255, 257, 4096])
def test_a_signature_of_another_length_is_refused(
    private: dict[AlgorithmName, PrivateKey], name: AlgorithmName, length: int
) -> None:
    key = private[name]
    signature = algorithm_of(key).sign(key, DATA)
    for wrong in (bytes(length), b"\xff" * length, (signature * 80)[:length], signature + bytes(length or 1)):
        if wrong != signature:
            assert not accepts(key, wrong)


def test_only_the_smaller_s_is_written_and_accepted(es256: PrivateKey) -> None:
    algorithm = ALGORITHMS["ES256"]
    for number in range(40):
        data = str(number).encode()
        signature = algorithm.sign(es256, data)
        r, s = two_halves(signature)
        assert s <= ORDER // 2
        assert accepts(es256, signature, data)
        other = halves(r, ORDER - s)
        assert not accepts(es256, other, data)
        # OpenSSL takes both: it is the very rule that is tested.
        es256.public_key().verify(encode_dss_signature(r, ORDER - s), data, ec.ECDSA(hashes.SHA256()))  # type: ignore[union-attr,call-arg,arg-type]


@pytest.mark.parametrize(
    "forge",
    [
        lambda r, s: (0, 0),
        lambda r, s: (0, s),
        lambda r, s: (r, 0),
        lambda r, s: (ORDER, s),
        lambda r, s: (r, ORDER),
        lambda r, s: (ORDER, ORDER),
        lambda r, s: (1, 1),
        lambda r, s: (r, 1),
        lambda r, s: (2**256 - 1, 2**256 - 1),
        lambda r, s: (ORDER - r, s),
        lambda r, s: (s, r),
        lambda r, s: (min(r + ORDER, 2**256 - 1), s),
    ],
)
def test_numbers_that_no_signature_has_are_refused(es256: PrivateKey, forge: Any) -> None:
    """A signature of zeros was accepted for any data by Java 15 to 18 (CVE-2022-21449)."""
    r, s = two_halves(ALGORITHMS["ES256"].sign(es256, DATA))
    assert not accepts(es256, halves(*forge(r, s)))


def test_a_signature_as_der_writes_it_is_refused(es256: PrivateKey) -> None:
    """RFC 7518, section 3.4: R and S of 32 bytes each, not the ASN.1 of other protocols."""
    der = encode_dss_signature(*two_halves(ALGORITHMS["ES256"].sign(es256, DATA)))
    assert decode_dss_signature(der)
    assert not accepts(es256, der)
    assert not accepts(es256, der.ljust(64, b"\0")[:64])


WYCHEPROOF = json.loads(Path(__file__).with_name("wycheproof_ecdsa_p256.json").read_text())


@pytest.mark.parametrize("group", WYCHEPROOF["groups"], ids=lambda group: f"from {group['tests'][0]['id']} on")
def test_wycheproofs_signatures_are_judged_as_it_says_but_that_a_token_has_one_text(group: dict[str, Any]) -> None:
    """Numbers at the edges of the curve's arithmetic, and forged ones. Of the two texts of one signature that it calls
    valid, only that with the smaller S is.
    """
    algorithm = ALGORITHMS["ES256"]
    key = algorithm.key_of(group["key"])
    for vector in group["tests"]:
        data, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
        if len(signature) != 64:
            assert not algorithm.is_signature(key, signature, data), vector
            continue
        r, s = two_halves(signature)
        verdicts = [algorithm.is_signature(key, halves(r, half), data) for half in (s, (ORDER - s) % 2**256)]
        assert verdicts == [vector["valid"] and s <= ORDER // 2, vector["valid"] and s > ORDER // 2], vector


def test_all_of_wycheproofs_vectors_are_there() -> None:
    vectors = [vector for group in WYCHEPROOF["groups"] for vector in group["tests"]]
    assert (len(vectors), sum(vector["valid"] for vector in vectors)) == (262, 173)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_bytes_that_are_drawn_are_no_signature(signature: bytes) -> None:
    for key in KEYS:
        assert not accepts(key, signature)


KEYS = [algorithm.generate() for algorithm in ALGORITHMS.values()]


def test_the_example_of_the_standard_is_a_signature_once_its_s_is_the_smaller_one() -> None:
    key = ALGORITHMS["ES256"].key_of(RFC_KEY)
    r, s = two_halves(RFC_SIGNATURE)
    small, large = halves(r, min(s, ORDER - s)), halves(r, max(s, ORDER - s))
    assert large == RFC_SIGNATURE
    assert ALGORITHMS["ES256"].is_signature(key, small, RFC_SIGNED)
    assert not ALGORITHMS["ES256"].is_signature(key, large, RFC_SIGNED)
    assert not ALGORITHMS["ES256"].is_signature(key, small, RFC_SIGNED + b".")


@pytest.mark.parametrize("name", ["RS256", "ES256"])
def test_a_key_comes_back_from_what_is_published_and_from_what_is_stored(
    private: dict[AlgorithmName, PrivateKey], name: AlgorithmName
) -> None:
    key, algorithm = private[name], ALGORITHMS[name]
    assert algorithm.key_of(algorithm.jwk(key.public_key())) == key.public_key()
    again = private_key_from_bytes(private_key_to_bytes(key))
    assert algorithm_of(again) is algorithm
    assert again.public_key() == key.public_key()


def test_the_key_of_the_standard_is_published_as_it_writes_it() -> None:
    assert ALGORITHMS["ES256"].jwk(ALGORITHMS["ES256"].key_of(RFC_KEY)) == RFC_KEY


def coordinate(number: int, size: int = 32) -> str:
    return base64url.encode(number.to_bytes(size, "big"))


@pytest.mark.parametrize(
    "change",
    [
        {"crv": "P-384"},
        {"crv": None},
        {"x": None},
        {"y": 5},
        {"x": ""},
        {"x": coordinate(5)},  # not on the curve
        {"x": coordinate(0), "y": coordinate(0)},
        {"x": coordinate(2**256 - 1)},  # beyond the field
        {"x": RFC_KEY["x"] + "A"},
        {"x": "AA" + RFC_KEY["x"]},
        {"x": coordinate(int.from_bytes(base64url.decode(RFC_KEY["x"]), "big"), 33)},
        {"x": RFC_KEY["x"].replace("f", "+", 1)},
    ],
)
def test_what_describes_no_point_of_the_curve_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        ALGORITHMS["ES256"].key_of(RFC_KEY | change)


def test_keys_of_other_kinds_are_refused() -> None:
    for other in (
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed25519.Ed25519PrivateKey.generate(),
        dsa.generate_private_key(1024),
    ):
        with pytest.raises(TypeError, match="neither an RSA key nor one on P-256"):
            algorithm_of(other)
        secret = other.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with pytest.raises(TypeError):
            private_key_from_bytes(secret)
    with pytest.raises(TypeError):
        algorithm_of(hashlib.sha256())


def test_an_rsa_key_is_never_taken_for_a_p256_key_or_the_other_way(private: dict[AlgorithmName, PrivateKey]) -> None:
    rs, es = private["RS256"], private["ES256"]
    assert isinstance(rs, rsa.RSAPrivateKey)
    assert not accepts(es, algorithm_of(rs).sign(rs, DATA))
    assert not accepts(rs, algorithm_of(es).sign(es, DATA))
