# SPDX-License-Identifier: Apache-2.0
"""The application's data as it is sent to a core: by the encoder, and with the errors, of the embedded core."""

from __future__ import annotations

from msgspec import Raw

from supertokens.engine import user_data
from supertokens.engine.access_token import PROTECTED_CLAIMS

__all__ = ["encoded", "encoded_payload"]


def encoded(value: object, field: str) -> Raw:
    """Return `value` as JSON. Raise TypeError or ValueError, which name `field`, if JSON cannot express it."""
    return Raw(user_data.encode_object(value, field).encode())


def encoded_payload(jwt_payload: object) -> Raw:
    """Return `jwt_payload` as JSON. Raise ValueError also if it uses the names of the token's own claims."""
    payload = encoded(jwt_payload, "jwt_payload")
    in_the_way = PROTECTED_CLAIMS.intersection(jwt_payload) if isinstance(jwt_payload, dict) else ()
    if in_the_way:
        names = ", ".join(sorted(in_the_way))
        raise ValueError(f"jwt_payload must not use the names of the token's own claims: {names}")
    return payload
