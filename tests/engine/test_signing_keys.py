# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from msgspec.structs import replace

from supertokens.engine import base64url
from supertokens.engine.sealing import Sealer, SealingError
from supertokens.engine.signing_keys import (
    MAX_RING_AGE_TO_SIGN,
    PUBLISHED_AHEAD,
    KeyRing,
    SigningKey,
    StoredKey,
)

NOW = 1_700_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR


def ring_at(now: int, stored: list[StoredKey], validity: int = HOUR) -> KeyRing:
    ring = KeyRing.build(stored, now, validity, Sealer(()), {})
    assert ring is not None
    return ring


def with_successor(stored: list[StoredKey], material: list[bytes], at: int) -> list[StoredKey]:
    return [*stored, StoredKey(f"d-{at}", "dynamic", at, material[2])]


def test_the_first_key_signs_at_once(stored_keys: list[StoredKey]) -> None:
    assert ring_at(NOW, stored_keys).signing_key(NOW).kid == f"d-{NOW}"


def test_a_new_key_is_published_for_a_minute_before_it_signs(
    stored_keys: list[StoredKey], material: list[bytes]
) -> None:
    born = NOW + DAY
    ring = ring_at(born, with_successor(stored_keys, material, born))
    assert set(ring.by_header.values()) == {*ring.dynamic, ring.static}
    assert [key.kid for key in ring.dynamic] == [f"d-{born}", f"d-{NOW}"]
    assert ring.signing_key(born + PUBLISHED_AHEAD - 1).kid == f"d-{NOW}"
    assert ring.signing_key(born + PUBLISHED_AHEAD).kid == f"d-{born}"


def test_the_old_key_verifies_until_its_last_token_has_expired(
    stored_keys: list[StoredKey], material: list[bytes]
) -> None:
    born = NOW + DAY
    stored = with_successor(stored_keys, material, born)
    last_token_expires = born + PUBLISHED_AHEAD + MAX_RING_AGE_TO_SIGN + HOUR
    assert len(ring_at(last_token_expires, stored).dynamic) == 2
    assert [key.kid for key in ring_at(last_token_expires + 1, stored).dynamic] == [f"d-{born}"]


def test_the_next_key_is_due_a_minute_before_the_interval_ends(ring: KeyRing) -> None:
    assert not ring.next_key_is_due(NOW + DAY - PUBLISHED_AHEAD - 1, DAY)
    assert ring.next_key_is_due(NOW + DAY - PUBLISHED_AHEAD, DAY)


def test_the_static_key_signs_when_asked_for(ring: KeyRing) -> None:
    assert ring.signing_key(NOW, static=True) is ring.static
    assert ring.static.kid.startswith("s-")


def test_a_ring_without_a_key_for_every_purpose_is_none(stored_keys: list[StoredKey]) -> None:
    for missing in range(3):
        kept = stored_keys[:missing] + stored_keys[missing + 1 :]
        assert KeyRing.build(kept, NOW, HOUR, Sealer(()), {}) is None


def test_the_age_of_a_ring_counts_in_both_directions(ring: KeyRing) -> None:
    assert ring.age(NOW + 5) == ring.age(NOW - 5) == 5


def test_the_newest_refresh_key_serves_new_sessions_and_older_ones_stay(stored_keys: list[StoredKey]) -> None:
    ring = ring_at(NOW, [*stored_keys, StoredKey("66" * 8, "refresh", NOW + 1, b"q" * 32)])
    assert ring.newest_refresh.id == "66" * 8
    assert set(ring.refresh) == {"5a" * 8, "66" * 8}


def test_keys_are_parsed_once(stored_keys: list[StoredKey], ring: KeyRing) -> None:
    known = {key.kid: key for key in (*ring.dynamic, ring.static)}
    again = KeyRing.build(stored_keys, NOW + 1, HOUR, Sealer(()), known)
    assert again is not None
    assert again.dynamic[0] is ring.dynamic[0]


def test_the_published_key_verifies_what_the_private_one_signs(ring: KeyRing) -> None:
    key = ring.dynamic[0]
    jwk = key.jwk()
    assert set(jwk) == {"kty", "kid", "n", "e", "alg", "use"}
    assert (jwk["kty"], jwk["alg"], jwk["use"], jwk["kid"]) == ("RSA", "RS256", "sig", key.kid)
    numbers = rsa.RSAPublicNumbers(
        int.from_bytes(base64url.decode(jwk["e"]), "big"), int.from_bytes(base64url.decode(jwk["n"]), "big")
    )
    numbers.public_key().verify(key.sign(b"data"), b"data", padding.PKCS1v15(), hashes.SHA256())
    loaded = serialization.load_der_public_key(b64decode(key.public_key_info(), validate=True))
    assert isinstance(loaded, rsa.RSAPublicKey)
    assert loaded.public_numbers() == numbers


def test_a_key_of_another_kind_in_the_store_is_refused() -> None:
    material = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(TypeError, match="not an RSA key"):
        SigningKey("d-1", 1, material)


def test_no_key_material_shows_in_a_repr(stored_keys: list[StoredKey], ring: KeyRing) -> None:
    for key in stored_keys:
        assert repr(key.material) not in repr(key) + repr(ring)


def test_sealed_keys_open_with_any_configured_key_and_are_sealed_by_the_first(stored_keys: list[StoredKey]) -> None:
    old, new = b"o" * 32, b"n" * 32
    sealed = [replace(key, material=Sealer([old]).seal(key.material, key.id, bytes)) for key in stored_keys]
    assert all(stored.material not in key.material for key, stored in zip(sealed, stored_keys, strict=True))
    ring = KeyRing.build(sealed, NOW, HOUR, Sealer([new, old]), {})
    assert ring is not None
    assert ring.newest_refresh.secret == b"r" * 32
    assert not Sealer([new, old]).is_current(sealed[0].material)
    assert Sealer([old, new]).is_current(sealed[0].material)


def test_sealed_keys_without_their_encryption_key_are_an_error_that_names_the_setting() -> None:
    sealed = Sealer([b"o" * 32]).seal(b"secret", "d-1", bytes)
    for keys in ([], [b"n" * 32]):
        with pytest.raises(SealingError, match="encryption_key"):
            Sealer(keys).open(sealed, "d-1")


def test_an_altered_or_renamed_sealed_key_is_noticed() -> None:
    sealer = Sealer([b"o" * 32])
    sealed = sealer.seal(b"secret", "d-1", bytes)
    with pytest.raises(SealingError, match="altered"):
        sealer.open(sealed, "d-2")
    for position in range(11, len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(SealingError):
            sealer.open(bytes(altered), "d-1")
    with pytest.raises(SealingError):
        sealer.open(sealed[:20], "d-1")


def test_without_an_encryption_key_material_stays_as_it_is() -> None:
    sealer = Sealer([])
    assert sealer.seal(b"plain", "d-1", bytes) == b"plain"
    assert sealer.open(b"plain", "d-1") == b"plain"
    assert sealer.is_current(b"plain")
