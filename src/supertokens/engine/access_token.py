# SPDX-License-Identifier: Apache-2.0
"""Mint and verify the short-lived signed token (RFC 7515, RFC 7519, RFC 8725).

Two versions of one thing. V5 (docs/protocol/cdi5.md#access-tokens) is a standard JWS with the application's payload
flattened beside the registered claims. V2 (docs/protocol/cdi2.md#access-tokens) is the older form: standard base64
with padding, a constant header without a key id, the payload in `userData`.
What a token says of the rotation (its serial, and its parent's while unconfirmed) is inside the two hash claims.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from supertokens.engine import base64url
from supertokens.engine.key_set import PublicKey, VerifyingKeys
from supertokens.engine.refresh_token import lineage_hash, serial_of
from supertokens.engine.signing_keys import SigningKey
from supertokens.engine.user_data import JsonObject, decode_object
from supertokens.engine.value import Value
from supertokens.errors import SuperTokensTryRefreshTokenError

__all__ = [
    "MAX_TOKEN_CHARACTERS",
    "PROTECTED_CLAIMS",
    "TENANT",
    "AccessToken",
    "TokenVersion",
    "UnknownSigningKeyError",
    "body_of",
    "carried_payload",
    "claims_of",
    "has_form_of_access_token",
    "longest_text",
    "longest_token",
    "mint",
    "verify_signature",
]

TokenVersion = Literal["2", "5"]

PROTECTED_CLAIMS: Final = frozenset(
    (
        "sub", "iat", "exp", "sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "antiCsrfToken",
        "tId", "rsub",
    )
)  # fmt: skip
"""Names that the application's payload may not use: they are registered claims of V5."""

TENANT: Final = "public"
"""The one tenant there is."""

MAX_TOKEN_CHARACTERS: Final = 8 * 1024 * 1024
"""A longer text is refused unread. No core may mint a token that it refuses: the service takes bodies of 4 MiB."""

_MAX_HEADER_CHARACTERS: Final = 256
_V2_HEADER: Final = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0="
_STATIC_KID: Final = re.compile("s-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SIGNATURE_CHARACTERS: Final = 342  # base64url of 256 bytes
_encode = msgspec.json.Encoder().encode


class UnknownSigningKeyError(SuperTokensTryRefreshTokenError):
    """The token names a key that is not in the ring as it was last read. `created_at`: when that key was made, by the
    token's own word (ms); None where it does not say.
    """

    def __init__(self, created_at: int | None) -> None:
        super().__init__("JWT verification failed: its signing key is not known", reason="invalid")
        self.created_at = created_at


class AccessToken(Value, frozen=True, kw_only=True):
    """The claims of an access token. Hashes are those of `refresh_token.lineage_hash`; times are in ms."""

    unshown = frozenset(("anti_csrf_token", "jwt_payload"))

    version: TokenVersion
    handle: str
    user_id: str
    refresh_token_hash: str
    parent_refresh_token_hash: str | None
    """The marker: present while the refresh token that came with it has not been seen in use."""
    anti_csrf_token: str | None
    jwt_payload: JsonObject
    created_at: int
    expires_at: int
    regenerated_at: int | None = None
    """`lmrt`; V2 only."""

    @property
    def serial(self) -> int:
        return serial_of(self.refresh_token_hash)

    @property
    def parent(self) -> int | None:
        return None if self.parent_refresh_token_hash is None else serial_of(self.parent_refresh_token_hash)


def mint(token: AccessToken, key: SigningKey) -> str:
    """Return `token` as text, signed with `key`. The times of a V5 token are whole seconds, rounded down."""
    if token.version == "2":
        signed = f"{_V2_HEADER}.{b64encode(_v2_json(token)).decode()}"
        return f"{signed}.{b64encode(key.sign(signed.encode())).decode()}"
    signed = f"{key.header}.{base64url.encode(_encode(claims_of(token)))}"
    return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"


def claims_of(token: AccessToken) -> dict[str, Any]:
    """Return the body of the V5 token: registered claims, then the application's payload."""
    return {
        "iat": token.created_at // 1000,
        "exp": token.expires_at // 1000,
        "sub": token.user_id,
        "tId": TENANT,
        "rsub": token.user_id,
        "sessionHandle": token.handle,
        "refreshTokenHash1": token.refresh_token_hash,
        "parentRefreshTokenHash1": token.parent_refresh_token_hash,
        "antiCsrfToken": token.anti_csrf_token,
        **carried_payload(token.jwt_payload, "5"),
    }


def carried_payload(payload: JsonObject, version: TokenVersion) -> JsonObject:
    """Return what a token of `version` carries of a stored payload: V2 no null members, V5 no names of its claims."""
    if version == "2":
        carried: JsonObject = _without_nulls(payload)
        return carried
    if PROTECTED_CLAIMS.isdisjoint(payload):
        return payload
    return {name: value for name, value in payload.items() if name not in PROTECTED_CLAIMS}


def longest_token(user_id: str, jwt_payload: JsonObject) -> AccessToken:
    """Return a V5 token for `user_id` and `jwt_payload` with every optional claim, so that none is ever longer."""
    hash_claim = lineage_hash(2**64 - 1, "")
    return AccessToken(
        version="5",
        handle="0" * 36,
        user_id=user_id,
        refresh_token_hash=hash_claim,
        parent_refresh_token_hash=hash_claim,
        anti_csrf_token="0" * 22,
        jwt_payload=jwt_payload,
        created_at=10**13 - 1,
        expires_at=10**13 - 1,
    )


def longest_text(token: AccessToken) -> str:
    """Return a text as long as `token` signed with the key of the longest header, the static one. It is not signed."""
    header = "0" * base64url.length(len('{"alg":"RS256","typ":"JWT","version":"5","kid":"s-"}') + 36)
    return f"{header}.{base64url.encode(_encode(claims_of(token)))}.{'0' * _SIGNATURE_CHARACTERS}"


def verify_signature(token: str, keys: VerifyingKeys) -> AccessToken:
    """Take `token` apart if one of `keys` signed it. Its expiry is not checked.

    Raise SuperTokensTryRefreshTokenError for any other token; UnknownSigningKeyError, a subclass, if only the key is
    missing.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise SuperTokensTryRefreshTokenError("Invalid JWT", reason="invalid")
    signed, _, secret = token.rpartition(".")  # without its signature, a token in an error report is worth nothing
    header, _, body = signed.partition(".")
    # RFC 8725, 3.1: the algorithm is the key's. A header is accepted as a whole and to the letter; nothing in it
    # (alg, jku, jwk, x5u, crit) is ever acted upon.
    key = keys.key_of(header)
    try:
        if key is not None:
            if not key.is_signature(base64url.decode(secret), signed.encode("ascii")):
                raise _not_ours()
            return _v5_token(base64url.decode(body))
        if header == _V2_HEADER and keys.v2:
            if not _is_signed_by_any(keys.v2, _padded_base64(secret), signed.encode("ascii")):
                raise _not_ours()
            return _v2_token(_padded_base64(body))
    except ValueError:
        raise SuperTokensTryRefreshTokenError("Invalid JWT", reason="invalid") from None
    raise _unknown_header(header) if body else SuperTokensTryRefreshTokenError("Invalid JWT", reason="invalid")


def has_form_of_access_token(token: str) -> bool:
    """Return whether `token` has a header segment as cores write it, whatever the key.

    That tells it from other systems' tokens in an Authorization header. Nothing is verified.
    """
    header = token.partition(".")[0]
    if token.count(".") != 2 or len(header) > _MAX_HEADER_CHARACTERS:
        return False
    if header == _V2_HEADER:
        return True
    try:
        fields = decode_object(base64url.decode(header))
    except ValueError:
        return False
    kid = fields.get("kid")
    return (
        fields.keys() == {"alg", "typ", "version", "kid"}
        and (fields["typ"], fields["version"]) == ("JWT", "5")
        and isinstance(kid, str)
        and kid.startswith(("d-", "s-"))
    )


def body_of(token: str) -> bytes | None:
    """Return the claims of `token`, which a core has just minted, as JSON; None for V2, whose body is internal."""
    header, body = token.split(".")[:2]
    return None if header == _V2_HEADER else base64url.decode(body)


def _is_signed_by_any(keys: Sequence[PublicKey], secret: bytes, data: bytes) -> bool:
    return any(key.is_signature(secret, data) for key in keys)


def _not_ours() -> SuperTokensTryRefreshTokenError:
    return SuperTokensTryRefreshTokenError("JWT verification failed", reason="invalid")


def _unknown_header(header: str) -> SuperTokensTryRefreshTokenError:
    """Return the error for a token whose `header` names no key of the ring, which may have been added since the last
    read.
    """
    try:
        fields = decode_object(base64url.decode(header))
    except ValueError:
        return SuperTokensTryRefreshTokenError("JWT header mismatch", reason="invalid")
    kid = fields.get("kid")
    digits = kid[2:] if isinstance(kid, str) and kid.startswith("d-") else ""
    if digits.isascii() and digits.isdigit() and len(digits) <= 15:
        return UnknownSigningKeyError(int(digits))
    if isinstance(kid, str) and _STATIC_KID.fullmatch(kid):
        return UnknownSigningKeyError(None)
    return SuperTokensTryRefreshTokenError("JWT header mismatch", reason="invalid")


def _v5_token(body: bytes) -> AccessToken:
    try:
        claims = decode_object(body)
        take = claims.pop
        handle, user_id, created_at, expires_at = take("sessionHandle"), take("sub"), take("iat"), take("exp")
        own_hash, parent_hash = take("refreshTokenHash1"), take("parentRefreshTokenHash1")
        anti_csrf_token = take("antiCsrfToken")
        if take("tId") != TENANT or take("rsub") != user_id:
            raise ValueError("tenant or recipe user of somebody else")
        _require_types(handle, user_id, own_hash, parent_hash, anti_csrf_token, created_at, expires_at)
    except (KeyError, ValueError) as error:
        raise _incomplete() from error
    return AccessToken(
        version="5",
        handle=handle,
        user_id=user_id,
        refresh_token_hash=own_hash,
        parent_refresh_token_hash=parent_hash,
        anti_csrf_token=anti_csrf_token,
        jwt_payload=claims,
        created_at=created_at * 1000,
        expires_at=expires_at * 1000,
    )


def _v2_token(body: bytes) -> AccessToken:
    try:
        claims = decode_object(body)
        handle, user_id, payload = claims["sessionHandle"], claims["userId"], claims["userData"]
        own_hash, parent_hash = claims["refreshTokenHash1"], claims.get("parentRefreshTokenHash1")
        anti_csrf_token, created_at = claims.get("antiCsrfToken"), claims["timeCreated"]
        expires_at, regenerated_at = claims["expiryTime"], claims["lmrt"]
        _require_types(handle, user_id, own_hash, parent_hash, anti_csrf_token, created_at, expires_at)
        if type(payload) is not dict or type(regenerated_at) is not int:
            raise ValueError("userData is not an object, or lmrt not an integer")
    except (KeyError, ValueError) as error:
        raise _incomplete() from error
    return AccessToken(
        version="2",
        handle=handle,
        user_id=user_id,
        refresh_token_hash=own_hash,
        parent_refresh_token_hash=parent_hash,
        anti_csrf_token=anti_csrf_token,
        jwt_payload=payload,
        created_at=created_at,
        expires_at=expires_at,
        regenerated_at=regenerated_at,
    )


def _require_types(
    handle: object, user_id: object, own_hash: Any, parent_hash: Any, anti_csrf_token: object, created_at: object,
    expires_at: object,
) -> None:  # fmt: skip
    """Raise ValueError if a claim has another type than JSON's decoder gives it; true is no integer.

    `handle`, `user_id`, `own_hash` are strings; `created_at`, `expires_at` integers; `parent_hash`, `anti_csrf_token`
    strings or None.
    """
    if not (type(handle) is type(user_id) is type(own_hash) is str and type(created_at) is type(expires_at) is int):
        raise ValueError("not a string, or not an integer")
    if anti_csrf_token is not None and type(anti_csrf_token) is not str:
        raise ValueError("not a string")
    serial_of(own_hash)
    if parent_hash is not None:
        if type(parent_hash) is not str:
            raise ValueError("not a string")
        serial_of(parent_hash)


def _v2_json(token: AccessToken) -> bytes:
    fields = {
        "sessionHandle": token.handle,
        "userId": token.user_id,
        "refreshTokenHash1": token.refresh_token_hash,
        "parentRefreshTokenHash1": token.parent_refresh_token_hash,
        "userData": token.jwt_payload,
        "antiCsrfToken": token.anti_csrf_token,
        "expiryTime": token.expires_at,
        "timeCreated": token.created_at,
        "lmrt": token.regenerated_at,
    }
    # Scripts may read this version, so U+2028 and U+2029 are escaped (docs/protocol/cdi2.md#access-tokens).
    text = _encode(_without_nulls(fields)).decode()
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _without_nulls(value: Any) -> Any:
    """Return `value` without null members, at any depth; nulls in arrays stay (docs/protocol/cdi2.md#fields)."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _incomplete() -> SuperTokensTryRefreshTokenError:
    return SuperTokensTryRefreshTokenError("Access token does not contain all the information", reason="invalid")


def _padded_base64(token: str) -> bytes:
    """Return the bytes of `token`, a segment of a V2 token. Raise ValueError unless it is their canonical text."""
    secret = b64decode(token, validate=True)
    if b64encode(secret).decode() != token:
        raise ValueError("not canonical base64")
    return secret
