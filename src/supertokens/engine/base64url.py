# SPDX-License-Identifier: Apache-2.0
"""base64url without padding (RFC 4648, section 5), strict: every byte string has exactly one text."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Final

__all__ = ["decode", "encode", "length"]

_TO_STANDARD: Final = str.maketrans("-_", "+/")


def encode(data: bytes) -> str:
    """The text of `data`."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes that `encode` would write as `text`. Raises ValueError for any other text."""
    try:
        data = a2b_base64(text.translate(_TO_STANDARD) + "=" * (-len(text) % 4), strict_mode=True)
    except (Base64Error, ValueError):
        raise ValueError("not base64url") from None
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data


def length(size: int) -> int:
    """Characters that `size` bytes take."""
    return (4 * size + 2) // 3
