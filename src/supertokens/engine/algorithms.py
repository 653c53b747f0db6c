# SPDX-License-Identifier: Apache-2.0
"""The algorithms that sign access tokens, each bound to one kind of key (RFC 7518, section 3; RFC 8725, section 3.1).

RS256 is what the existing SDKs verify. ES256 signs in a tenth of the time, with signatures of a quarter of the length;
verifying takes three times as long. Locals named `secret` hold a signature, which makes a token good: error reports
hide them.
"""

from __future__ import annotations

from typing import Any, Final, Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from supertokens.engine import base64url

__all__ = [
    "ALGORITHMS", "Algorithm", "AlgorithmName", "PrivateKey", "VerifyingKey", "algorithm_of", "private_key_from_bytes",
    "private_key_to_bytes",
]  # fmt: skip

AlgorithmName = Literal["RS256", "ES256"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
VerifyingKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_SHA256: Final = hashes.SHA256()
_PKCS1: Final = padding.PKCS1v15()
_ECDSA: Final = ec.ECDSA(_SHA256)
_RSA_EXPONENT: Final = 65537
_RSA_BITS: Final = range(2048, 8193)
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_BYTES: Final = 32


class Algorithm(Protocol):
    """One algorithm. Keys that it is given are of its own kind."""

    @property
    def name(self) -> AlgorithmName:
        """Return the name of the algorithm in a token's header."""

    def generate(self) -> PrivateKey:
        """Return a new key pair, from OpenSSL's random numbers."""

    def sign(self, key: Any, data: bytes) -> bytes:
        """Return the signature of `data` with `key`."""

    def is_signature(self, key: Any, secret: bytes, data: bytes) -> bool:
        """Return whether `secret` is a signature of `data` by the owner of `key`."""

    def jwk(self, key: Any) -> dict[str, str]:
        """Return the members of a JSON Web Key that are about `key` itself (RFC 7518, section 6)."""

    def key_of(self, jwk: dict[str, Any]) -> VerifyingKey:
        """Return the key that `jwk` describes. Raises ValueError."""


class _Rs256:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3)."""

    name: AlgorithmName = "RS256"

    def generate(self) -> PrivateKey:
        return rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=2048)

    def sign(self, key: rsa.RSAPrivateKey, data: bytes) -> bytes:
        return key.sign(data, _PKCS1, _SHA256)

    def is_signature(self, key: rsa.RSAPublicKey, secret: bytes, data: bytes) -> bool:
        try:
            key.verify(secret, data, _PKCS1, _SHA256)
        except InvalidSignature:
            return False
        return True

    def jwk(self, key: rsa.RSAPublicKey) -> dict[str, str]:
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _uint(numbers.n), "e": _uint(numbers.e)}

    def key_of(self, jwk: dict[str, Any]) -> VerifyingKey:
        modulus = jwk.get("n")
        if jwk.get("e") != _uint(_RSA_EXPONENT) or not isinstance(modulus, str):
            raise ValueError("its exponent is not 65537, or it has no modulus")
        n = int.from_bytes(base64url.decode(modulus), "big")
        if n.bit_length() not in _RSA_BITS:
            raise ValueError("its modulus has less than 2048 bits, or more than 8192")
        return rsa.RSAPublicNumbers(_RSA_EXPONENT, n).public_key()


class _Es256:
    """ECDSA with P-256 and SHA-256 (RFC 7518, section 3.4): R and S, 32 bytes each.

    If (R, S) is valid, so is (R, order - S), so anyone who has a token could write it in another way. Only the smaller
    S is written here, and accepted: a token has one text.
    """

    name: AlgorithmName = "ES256"

    def generate(self) -> PrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def sign(self, key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
        secret = decode_dss_signature(key.sign(data, _ECDSA))
        smaller = min(secret[1], _P256_ORDER - secret[1]).to_bytes(_P256_BYTES, "big")
        return secret[0].to_bytes(_P256_BYTES, "big") + smaller

    def is_signature(self, key: ec.EllipticCurvePublicKey, secret: bytes, data: bytes) -> bool:
        if len(secret) != 2 * _P256_BYTES or int.from_bytes(secret[_P256_BYTES:], "big") > _P256_ORDER // 2:
            return False
        halves = (int.from_bytes(half, "big") for half in (secret[:_P256_BYTES], secret[_P256_BYTES:]))
        try:
            key.verify(encode_dss_signature(*halves), data, _ECDSA)
        except InvalidSignature:
            return False
        return True

    def jwk(self, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
        numbers = key.public_numbers()
        x, y = (base64url.encode(each.to_bytes(_P256_BYTES, "big")) for each in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}

    def key_of(self, jwk: dict[str, Any]) -> VerifyingKey:
        x, y = jwk.get("x"), jwk.get("y")
        if jwk.get("crv") != "P-256" or not (isinstance(x, str) and isinstance(y, str)):
            raise ValueError("it is not on P-256, or lacks a coordinate")
        point = [base64url.decode(each) for each in (x, y)]
        if any(len(each) != _P256_BYTES for each in point):
            raise ValueError("its coordinates do not have 32 bytes each (RFC 7518, section 6.2.1.2)")
        # ValueError for a point that is not on the curve.
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + b"".join(point))


ALGORITHMS: Final[dict[AlgorithmName, Algorithm]] = {"RS256": _Rs256(), "ES256": _Es256()}


def algorithm_of(key: object) -> Algorithm:
    """Return the algorithm of `key`, a private or public one. Raise TypeError if no algorithm here uses such a key."""
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return ALGORITHMS["RS256"]
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        return ALGORITHMS["ES256"]
    raise TypeError("neither an RSA key nor one on P-256")


def private_key_to_bytes(key: PrivateKey) -> bytes:
    """Return the key pair `key` as PKCS #8 DER, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def private_key_from_bytes(secret: bytes) -> PrivateKey:
    """Return the key pair that `private_key_to_bytes` wrote as `secret`. Raises TypeError for a key of another kind."""
    # The key comes from our own store, sealed or not; checking its primes at each load would cost milliseconds.
    key = serialization.load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True)
    algorithm_of(key)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return key


def _uint(number: int) -> str:
    """Return `number` as a Base64urlUInt (RFC 7518, section 2)."""
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
