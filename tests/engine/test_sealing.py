# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from supertokens.engine.sealing import MissingEncryptionKeyError, Sealer, SealingError
from supertokens.engine.signing_keys import KeyRing, StoredKey, StoredKeys

from .conftest import NOW

OLD, NEW = (hashlib.sha256(name).digest() for name in (b"old", b"new"))
HOUR = 3_600_000


def sealed(secret: bytes, name: str, key: bytes = OLD) -> bytes:
    sealer = Sealer([key])
    return sealer.seal(secret, name, sealer.first, bytes)


def test_the_first_key_that_was_given_has_a_name_that_does_not_tell_the_key() -> None:
    assert Sealer(()).first is None
    assert Sealer([NEW, OLD]).first == Sealer([NEW]).first != Sealer([OLD]).first
    assert len(bytes.fromhex(Sealer([NEW]).first or "")) == 4
    assert OLD[:4].hex() != Sealer([OLD]).first


def test_a_sealer_seals_with_the_key_that_is_named_and_opens_with_any(stored_keys: list[StoredKey]) -> None:
    both, old, new = Sealer([NEW, OLD]), Sealer([OLD]), Sealer([NEW])
    for sealer in (old, new):
        text = both.seal(b"secret", "d-1", sealer.first, bytes)
        assert b"secret" not in text
        assert sealer.open(text, "d-1") == both.open(text, "d-1") == b"secret"
    keys = [replace(key, material=sealed(key.material, key.id)) for key in stored_keys]
    assert all(plain.material not in key.material for key, plain in zip(keys, stored_keys, strict=True))
    ring = KeyRing.build(StoredKeys(keys, NOW, old.first), NOW, HOUR, both, {})
    assert ring is not None
    assert ring.newest_refresh.secret == b"r" * 32
    assert ring.sealed_with == old.first


def test_a_nonce_is_never_used_again() -> None:
    drawn = iter((b"1" * 12, b"2" * 12))
    sealer = Sealer([OLD])
    one, other = (sealer.seal(b"secret", "d-1", sealer.first, lambda _: next(drawn)) for _ in range(2))
    assert one != other


def test_sealed_keys_without_their_encryption_key_are_an_error_that_names_the_setting_and_the_cure() -> None:
    text = sealed(b"secret", "d-1")
    for sealer in (Sealer(()), Sealer([NEW])):
        with pytest.raises(MissingEncryptionKeyError, match=r"'encryption_key' lacks here: give it to this process"):
            sealer.open(text, "d-1")
        with pytest.raises(MissingEncryptionKeyError, match=str(Sealer([OLD]).first)):
            sealer.seal(b"secret", "d-1", Sealer([OLD]).first, bytes)


def test_a_ring_of_a_store_that_is_sealed_otherwise_is_refused_though_every_key_can_be_read(
    stored_keys: list[StoredKey],
) -> None:
    with pytest.raises(MissingEncryptionKeyError):
        KeyRing.build(StoredKeys(stored_keys, NOW, Sealer([OLD]).first), NOW, HOUR, Sealer([NEW]), {})


def test_an_altered_or_renamed_sealed_key_is_noticed() -> None:
    sealer = Sealer([OLD])
    text = sealed(b"secret", "d-1")
    with pytest.raises(SealingError, match="altered"):
        sealer.open(text, "d-2")
    for position in range(11, len(text)):
        altered = bytearray(text)
        altered[position] ^= 1
        with pytest.raises(SealingError):
            sealer.open(bytes(altered), "d-1")
    for length in range(7, len(text)):
        with pytest.raises(SealingError):
            sealer.open(text[:length], "d-1")


def test_without_an_encryption_key_material_stays_as_it_is() -> None:
    sealer = Sealer([])
    assert sealer.seal(b"plain", "d-1", None, bytes) == b"plain"
    assert sealer.open(b"plain", "d-1") == b"plain"
    assert Sealer([OLD]).seal(b"plain", "d-1", None, bytes) == b"plain"


def test_a_sealer_shows_no_key() -> None:
    assert OLD.hex() not in repr(Sealer([OLD]).__dict__)
    assert repr(OLD) not in repr(Sealer([OLD]).__dict__)
