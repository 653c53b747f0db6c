# SPDX-License-Identifier: Apache-2.0
"""base64url without padding (RFC 4648, section 5), strict: every byte string has exactly one text."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Final

__all__ = ["decode", "encode", "length"]

_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""What only the standard alphabet has, and padding, become a character of neither."""

_LAST: Final = ("", "", "AQgw", "AEIMQUYcgkosw048")
"""What a text may end with, by its length modulo 4, where it has bits to spare: those have to be zero."""


def encode(data: bytes) -> str:
    """The text of `data`."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes that `encode` would write as `text`. Raises ValueError for any other text."""
    spare = len(text) % 4
    if spare == 1 or (spare and text[-1] not in _LAST[spare]):
        raise ValueError("not canonical base64url")
    try:
        return a2b_base64(text.encode("ascii").translate(_TO_STANDARD) + b"===="[spare or 4 :], strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        raise ValueError("not base64url") from None


def length(size: int) -> int:
    """Characters that `size` bytes take."""
    return (4 * size + 2) // 3
