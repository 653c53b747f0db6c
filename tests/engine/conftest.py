# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from supertokens.engine.sealing import Sealer
from supertokens.engine.signing_keys import KeyRing, StoredKey, StoredKeys, generate_signing_material

NOW = 1_700_000_000_000


@pytest.fixture(scope="session")
def material() -> list[bytes]:
    """Three RSA keys."""
    return [generate_signing_material() for _ in range(3)]


@pytest.fixture(scope="session")
def stored_keys(material: list[bytes]) -> list[StoredKey]:
    """One key for each purpose, made at NOW."""
    return [
        StoredKey(f"d-{NOW}", "dynamic", NOW, material[0]),
        StoredKey("s-00000000-0000-4000-8000-000000000000", "static", NOW, material[1]),
        StoredKey("5a" * 8, "refresh", NOW, b"r" * 32),
    ]


@pytest.fixture(scope="session")
def ring(stored_keys: list[StoredKey]) -> KeyRing:
    built = KeyRing.build(StoredKeys(stored_keys, NOW), NOW, 3_600_000, Sealer(()), {}, accepts_v2=True)
    assert built is not None
    return built
