# SPDX-License-Identifier: Apache-2.0
"""Keys that are created once for many stores: generating an RSA pair takes a tenth of a second."""

from __future__ import annotations

from functools import cache
from typing import Final

from supertokens.engine.signing_keys import KeyPurpose, StoredKey, generate_signing_material
from supertokens.stores.base import KeyStore

__all__ = ["KeysOnce"]

_PURPOSES: Final[tuple[KeyPurpose, ...]] = ("dynamic", "static", "refresh")


class KeysOnce:
    """Puts the same set of keys into empty stores. For tests only: such stores accept each other's tokens."""

    @staticmethod
    def put_into(store: KeyStore, now: int) -> None:
        """Put the keys into `store`, as if a core had created them at `now` (ms)."""
        for purpose in _PURPOSES:
            store.add_key(_key(purpose, now), after=None, sealed_with=None)


@cache
def _material(purpose: KeyPurpose) -> bytes:
    return b"\x5a" * 32 if purpose == "refresh" else generate_signing_material()


def _key(purpose: KeyPurpose, now: int) -> StoredKey:
    key_id = {"dynamic": f"d-{now}", "static": "s-00000000-0000-4000-8000-000000000000", "refresh": "5a" * 8}[purpose]
    return StoredKey(key_id, purpose, now, _material(purpose))
