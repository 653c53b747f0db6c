# SPDX-License-Identifier: Apache-2.0
"""Keys at rest: AES-256-GCM (NIST SP 800-38D) under keys that are not in the store.

    "sealed" 6 ‖ version 1 ‖ id of the encryption key 4 ‖ nonce 12 ‖ ciphertext and tag     (bytes)

The name under which a key is stored is authenticated with it, so that sealed keys cannot be swapped. Locals that hold
a key are called `secret`, here and elsewhere: error reports hide what has that name.
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
    """The material was sealed with an encryption key that was not given."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"the keys in the store are sealed with an encryption key (id {key_id}) that 'encryption_key' lacks here:"
            " give it to this process too, beside the others"
        )


class Sealer:
    """Seals with one of the given encryption keys, the one that is named; opens with any of them."""

    def __init__(self, encryption_keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(secret): AESGCM(secret) for secret in encryption_keys}

    @property
    def first(self) -> str | None:
        """Return the id of the first key that was given, or None."""
        return next(iter(self._ciphers), None)

    def require(self, key_id: str | None) -> None:
        """Raise MissingEncryptionKeyError unless `seal` can use the key `key_id`."""
        if key_id is not None and key_id not in self._ciphers:
            raise MissingEncryptionKeyError(key_id)

    def seal(self, secret: bytes, name: str, key_id: str | None, random: Callable[[int], bytes]) -> bytes:
        """Return `secret` as it may be stored under `name`: sealed with the key `key_id`, or as it is for None.

        `random` gives that many random bytes. Raise MissingEncryptionKeyError.
        """
        self.require(key_id)
        if key_id is None:
            return secret
        nonce = random(_NONCE_BYTES)
        sealed = self._ciphers[key_id].encrypt(nonce, secret, name.encode())
        return _MAGIC + bytes.fromhex(key_id) + nonce + sealed

    def open(self, secret: bytes, name: str) -> bytes:
        """Return `secret` as it was before it was sealed under `name`, if it was. Raise SealingError."""
        key_id = sealed_with(secret)
        if key_id is None:
            return secret
        self.require(key_id)
        rest = secret[len(_MAGIC) + _KEY_ID_BYTES :]
        try:
            return self._ciphers[key_id].decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise SealingError(f"the sealed key {name} in the store was altered") from None


def sealed_with(secret: bytes) -> str | None:
    """Return the id of the encryption key that sealed `secret`, or None if it is not sealed."""
    if not secret.startswith(_MAGIC):
        return None
    return secret[len(_MAGIC) : len(_MAGIC) + _KEY_ID_BYTES].hex()


def _key_id(secret: bytes) -> str:
    return hashlib.sha256(b"supertokens encryption key id" + secret).digest()[:_KEY_ID_BYTES].hex()
