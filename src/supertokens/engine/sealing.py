# SPDX-License-Identifier: Apache-2.0
"""Keys at rest: AES-256-GCM (NIST SP 800-38D) under keys that are not in the store.

    "sealed" 6 ‖ version 1 ‖ id of the encryption key 4 ‖ nonce 12 ‖ ciphertext and tag     (bytes)

The name under which a key is stored is authenticated with it, so that sealed keys cannot be swapped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["MissingEncryptionKeyError", "Sealer", "SealingError"]

_MAGIC: Final = b"sealed\x01"
_KEY_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12


class SealingError(ValueError):
    """Sealed material that none of the given encryption keys opens."""


class MissingEncryptionKeyError(SealingError):
    """It was sealed with another one."""


class Sealer:
    """Seals with the newest encryption key, opens with any; with none, leaves material as it is."""

    def __init__(self, encryption_keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in encryption_keys}

    def seal(self, material: bytes, name: str, random: Callable[[int], bytes]) -> bytes:
        """`material` as it may be stored under `name`."""
        if not self._ciphers:
            return material
        key_id, cipher = next(iter(self._ciphers.items()))
        nonce = random(_NONCE_BYTES)
        return _MAGIC + key_id + nonce + cipher.encrypt(nonce, material, name.encode())

    def open(self, stored: bytes, name: str) -> bytes:
        """What was sealed under `name`. Raises SealingError."""
        if not stored.startswith(_MAGIC):
            return stored
        rest = stored[len(_MAGIC) :]
        key_id, nonce = rest[:_KEY_ID_BYTES], rest[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise MissingEncryptionKeyError(
                "the keys in the store are sealed with an encryption key that 'encryption_key' lacks"
            )
        try:
            return cipher.decrypt(nonce, rest[_KEY_ID_BYTES + _NONCE_BYTES :], name.encode())
        except (InvalidTag, ValueError):
            raise SealingError(f"the sealed key {name} in the store was altered") from None

    def is_current(self, stored: bytes) -> bool:
        """Whether `stored` is just as `seal` would leave it now; False asks for sealing it again."""
        if not self._ciphers:
            return True
        return stored.startswith(_MAGIC + next(iter(self._ciphers)))


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"supertokens encryption key id" + key).digest()[:_KEY_ID_BYTES]
