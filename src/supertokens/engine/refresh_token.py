# SPDX-License-Identifier: Apache-2.0
"""The rotating refresh token, and what is derived from it (docs/how-it-works.md#the-rotation-rules).

    version 1 ‖ key id 8 ‖ handle 16 ‖ serial 8 ‖ parent 8 ‖ anti-CSRF value 16 or nothing ‖ HMAC-SHA256 32   (bytes)

in base64url without padding. Tokens are derived, not drawn: the same (handle, serial, parent) always gives the same
text, which is how several tabs receive one child; and a token is authenticated without a look-up, so that garbage
costs no query. Nothing secret is stored per token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from supertokens.engine import base64url
from supertokens.engine.session import handle_from_bytes, handle_to_bytes, new_handle
from supertokens.errors import SuperTokensUnauthorisedError

__all__ = [
    "KEY_BYTES",
    "MAX_TEXT_CHARACTERS",
    "RefreshKey",
    "RefreshToken",
    "TokenPosition",
    "UnknownRefreshKeyError",
    "anti_csrf_inside",
    "anti_csrf_value",
    "authenticate",
    "client_fingerprint",
    "derive",
    "id_refresh_value",
    "lineage_hash",
    "position_inside",
    "serial_of",
    "successor_of",
]

KEY_BYTES: Final = 32
"""Length of a refresh key (256 bits)."""

_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 8
_MAC_BYTES: Final = 32
_ANTI_CSRF_BYTES: Final = 16
_FINGERPRINT_BYTES: Final = 8
_SERIAL_HEX: Final = 16
_PLAIN_BYTES: Final = 1 + _KEY_ID_BYTES + 16 + 8 + 8 + _MAC_BYTES
_GUARDED_BYTES: Final = _PLAIN_BYTES + _ANTI_CSRF_BYTES
MAX_TEXT_CHARACTERS: Final = base64url.length(_GUARDED_BYTES)
"""Characters of a refresh token that carries an anti-CSRF value; without one it is shorter."""

_LINEAGE_HASH: Final = re.compile("[0-9a-f]{64}")


class UnknownRefreshKeyError(SuperTokensUnauthorisedError):
    """The token names a refresh key that is not in the ring as it was last read."""


@dataclass(frozen=True, slots=True)
class RefreshKey:
    """A refresh key and its subkeys, one for each use, so that no value of one kind passes as another."""

    id: str
    """16 hex digits."""
    secret: bytes = field(repr=False)
    created_at: int = 0
    token_subkey: bytes = field(init=False, repr=False, compare=False)
    anti_csrf_subkey: bytes = field(init=False, repr=False, compare=False)
    hint_subkey: bytes = field(init=False, repr=False, compare=False)
    successor_subkey: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES or len(bytes.fromhex(self.id)) != _KEY_ID_BYTES:
            raise ValueError(f"a refresh key has {KEY_BYTES} bytes and an id of {2 * _KEY_ID_BYTES} hex digits")
        # RFC 5869, section 3.3: the secret is uniformly random already, so nothing has to be extracted first.
        for use in ("token", "anti_csrf", "hint", "successor"):
            expand = HKDFExpand(SHA256(), KEY_BYTES, b"supertokens refresh key: " + use.encode())
            object.__setattr__(self, f"{use}_subkey", expand.derive(self.secret))


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """An authentic refresh token, taken apart."""

    text: str = field(repr=False)
    key: RefreshKey
    handle: str
    serial: int
    parent: int
    anti_csrf_token: str | None = field(repr=False)
    """The value it was issued with, or None if it was issued without."""

    def is_text(self, token: str) -> bool:
        """Return whether `token` is this very token, compared in constant time."""
        return token.isascii() and hmac.compare_digest(self.text, token)


class TokenPosition(NamedTuple):
    """Which token of which session an authentic refresh token is."""

    handle: str
    serial: int


def derive(key: RefreshKey, handle: str, serial: int, parent: int, anti_csrf_token: str | None) -> str:
    """Return the refresh token number `serial` of the session `handle`, derived with `key`.

    `parent`: the serial of the token that it was exchanged for, 0 for the first. `anti_csrf_token`: the value that it
    is issued with, or None.
    """
    body = b"".join(
        (
            _VERSION,
            bytes.fromhex(key.id),
            handle_to_bytes(handle),
            serial.to_bytes(8, "big"),
            parent.to_bytes(8, "big"),
            b"" if anti_csrf_token is None else base64url.decode(anti_csrf_token),
        )
    )
    return base64url.encode(body + hmac.digest(key.token_subkey, body, "sha256"))


def authenticate(token: str, keys: Mapping[str, RefreshKey]) -> RefreshToken:
    """Take `token` apart if one of `keys`, by id, made it. The store is not asked.

    Raise SuperTokensUnauthorisedError for any other token; UnknownRefreshKeyError, a subclass, if only the key is
    missing.
    """
    secret = _raw(token)
    if secret is None:
        raise SuperTokensUnauthorisedError("Invalid refresh token", reason="invalid")
    key = keys.get(secret[1:9].hex())
    if key is None:
        raise UnknownRefreshKeyError("Invalid refresh token: its key is not known", reason="invalid")
    body = secret[:-_MAC_BYTES]
    if not hmac.compare_digest(secret[-_MAC_BYTES:], hmac.digest(key.token_subkey, body, "sha256")):
        raise SuperTokensUnauthorisedError("Invalid refresh token", reason="invalid")
    handle, serial = _position(secret)
    return RefreshToken(
        text=token,
        key=key,
        handle=handle,
        serial=serial,
        parent=int.from_bytes(body[33:41], "big"),
        anti_csrf_token=base64url.encode(body[41:]) if len(body) > 41 else None,
    )


def anti_csrf_inside(token: str) -> str | None:
    """Return the anti-CSRF value that `token` claims to have been issued with; None if it is no refresh token.

    The claim is not authenticated: the holder of the keys still has to do that.
    """
    secret = _raw(token)
    if secret is None or len(secret) != _GUARDED_BYTES:
        return None
    return base64url.encode(secret[_PLAIN_BYTES - _MAC_BYTES : -_MAC_BYTES])


def position_inside(token: str) -> TokenPosition | None:
    """Return the place that `token` claims, unauthenticated like `anti_csrf_inside`; None if it is no refresh token."""
    secret = _raw(token)
    return None if secret is None else _position(secret)


def _raw(token: str) -> bytes | None:
    """Return the bytes of `token` if it has the form of a refresh token, or None."""
    if len(token) not in (base64url.length(_PLAIN_BYTES), MAX_TEXT_CHARACTERS):
        return None
    try:
        secret = base64url.decode(token)
    except ValueError:
        return None
    return secret if secret[:1] == _VERSION else None


def _position(secret: bytes) -> TokenPosition:
    return TokenPosition(handle_from_bytes(secret[9:25]), int.from_bytes(secret[25:33], "big"))


def anti_csrf_value(key: RefreshKey, handle: str, serial: int | None) -> str:
    """Return the anti-CSRF value of the session `handle`, derived with `key`: 22 characters.

    While refreshes converge there is one value for the whole session (`serial` None), so that tabs never disagree with
    the cookie jar. With a grace period of 0 each serial has its own, as with the original.
    """
    label = b"session" if serial is None else b"serial" + serial.to_bytes(8, "big")
    digest = hmac.digest(key.anti_csrf_subkey, handle_to_bytes(handle) + label, "sha256")
    return base64url.encode(digest[:_ANTI_CSRF_BYTES])


def id_refresh_value(token: str) -> str:
    """Return the id-refresh value that belongs to the refresh token `token`. It holds no ``;``."""
    return base64url.encode(hmac.digest(token.encode(), b"supertokens id-refresh value", "sha256"))


def client_fingerprint(key: RefreshKey, handle: str, client: str | None) -> bytes:
    """Return 8 bytes that tell clients of the session `handle` apart, derived with `key`.

    `client`: what the client says of itself, such as its User-Agent; ``b""`` is returned if it says nothing.
    """
    if not client:
        return b""
    message = handle_to_bytes(handle) + client.encode("utf-8", "surrogatepass")
    return hmac.digest(key.hint_subkey, message, "sha256")[:_FINGERPRINT_BYTES]


def lineage_hash(serial: int, token: str) -> str:
    """Return what an access token says of the refresh token `token`: 16 hex digits of `serial`, 48 of SHA-256."""
    return f"{serial:016x}{hashlib.sha256(token.encode()).hexdigest()[:48]}"


def serial_of(lineage_hash: str) -> int:
    """Return the serial in the claim `lineage_hash`. Raise ValueError if it holds none."""
    if _LINEAGE_HASH.fullmatch(lineage_hash) is None:
        raise ValueError("not a lineage hash")
    return int(lineage_hash[:_SERIAL_HEX], 16)


def successor_of(key: RefreshKey, handle: str) -> str:
    """Return the handle under which the session `handle` goes on when it is renewed.

    It is derived, so that a request with tokens of before can be told from one whose session has ended, and nobody
    without the key can know it in advance.
    """
    return new_handle(hmac.digest(key.successor_subkey, handle_to_bytes(handle), "sha256")[:16])
