# SPDX-License-Identifier: Apache-2.0
"""Limits on what the application puts into a session, checked in advance so that no refresh fails because of size."""

from __future__ import annotations

from typing import Final

from supertokens.engine import user_data
from supertokens.engine.access_token import PROTECTED_CLAIMS, longest_text, longest_token
from supertokens.engine.refresh_token import MAX_TEXT_CHARACTERS
from supertokens.engine.session import MAX_USER_ID_BYTES, Credential, IssuedSession
from supertokens.engine.user_data import JsonObject
from supertokens.transport.request import Request, from_wsgi
from supertokens.transport.response_writer import ResponseWriter

__all__ = ["MAX_ALL_HEADERS_BYTES", "MAX_COOKIE_BYTES", "SizeLimits", "check_user_id"]

MAX_COOKIE_BYTES: Final = 4096
"""Browsers drop a cookie whose name and value are longer (RFC 6265bis, 5.6)."""

MAX_ALL_HEADERS_BYTES: Final = 7 * 1024
"""Proxies refuse responses, and then requests, with headers much larger than this; 8 kB is a common limit."""

_LONG_TIME: Final = 10**13 - 1
_SMALL: Final = 1024  # characters of JSON: the payload once and the user id three times, as in the front token


def check_user_id(user_id: object) -> str:
    """Return `user_id`, a string of 1 to MAX_USER_ID_BYTES bytes in UTF-8. Raise TypeError or ValueError otherwise."""
    if not isinstance(user_id, str):
        raise TypeError(f"user_id must be a str, not {type(user_id).__name__}")
    try:
        size = len(user_id.encode())
    except UnicodeEncodeError:
        raise ValueError("user_id contains a lone surrogate, which is not valid Unicode") from None
    if not 1 <= size <= MAX_USER_ID_BYTES:
        raise ValueError(f"user_id must have 1 to {MAX_USER_ID_BYTES} bytes in UTF-8, not {size}")
    return user_id


class SizeLimits:
    """Checks what fits into the headers of `writer`, and into `most_session_data` bytes."""

    def __init__(self, writer: ResponseWriter, most_session_data: int) -> None:
        self._writer = writer
        self._most_session_data = most_session_data
        # Measuring takes longer than the rest of a login, and most payloads are small.
        self._small_fits = not _excess("u", {"": "x" * _SMALL}, writer)

    def session_data(self, session_data: object) -> JsonObject:
        """Return a copy of `session_data`, {} for None.

        Raise TypeError or ValueError unless it is a JSON object within the limits.
        """
        text = user_data.encode_object({} if session_data is None else session_data, "session_data")
        size = len(text.encode())
        if size > self._most_session_data:
            most = self._most_session_data
            raise ValueError(f"session_data has {size} bytes as JSON; 'max_session_data_bytes' allows {most}")
        return user_data.decode_object(text)

    def jwt_payload(self, jwt_payload: object, user_id: str) -> JsonObject:
        """Return a copy of `jwt_payload`, {} for None.

        Raise TypeError or ValueError unless it is a JSON object that every dialect can carry together with `user_id`.
        """
        text = user_data.encode_object({} if jwt_payload is None else jwt_payload, "jwt_payload")
        payload = user_data.decode_object(text)
        in_the_way = PROTECTED_CLAIMS.intersection(payload)
        if in_the_way:
            raise ValueError(
                f"jwt_payload must not use the names of the token's own claims: {', '.join(sorted(in_the_way))}"
            )
        if self._small_fits and _max_characters(text) + 3 * _max_characters(user_id) <= _SMALL:
            return payload
        excess = _excess(user_id, payload, self._writer)
        if excess and _excess(user_id, {}, self._writer):
            raise ValueError(f"user_id is too long: with {len(user_id.encode())} bytes in UTF-8, {excess}")
        if excess:
            raise ValueError(
                f"jwt_payload is too large: with {len(text.encode())} bytes as JSON, {excess}; put what only the server"
                " needs into session_data"
            )
        return payload


def _max_characters(text: str) -> int:
    """Return an upper bound on the length of `text` in any JSON written here, with escapes and rewritten numbers."""
    return (2 if text.isascii() and text.isprintable() else 12) * len(text)


def _excess(user_id: str, payload: JsonObject, writer: ResponseWriter) -> str:
    """Return which limit the largest headers of `writer` would exceed for `user_id` and `payload`, and by how much.

    An empty string if none.
    """
    session = _largest_session(user_id, payload)
    for request, header_mode in ((_PLAIN, False), (_MODERN, True)):
        changes = writer.issued(session, request, header_mode=header_mode)
        what, size = changes.size_of_largest()
        if size > MAX_COOKIE_BYTES:
            return f"{what} would have up to {size} bytes of the {MAX_COOKIE_BYTES} that browsers keep"
        size = changes.size_of_all()
        if size > MAX_ALL_HEADERS_BYTES:
            return f"all session headers together would have up to {size} bytes of {MAX_ALL_HEADERS_BYTES}"
    return ""


def _largest_session(user_id: str, payload: JsonObject) -> IssuedSession:
    def credential(text: str) -> Credential:
        return Credential(text, _LONG_TIME, _LONG_TIME)

    return IssuedSession(
        handle="0" * 36,
        user_id=user_id,
        jwt_payload=payload,
        access_token=credential(longest_text(longest_token(user_id, payload))),
        refresh_token=credential("0" * MAX_TEXT_CHARACTERS),
        id_refresh_token=credential("0" * 43),
        anti_csrf_token="0" * 22,
    )


_ENVIRON: Final = {"REQUEST_METHOD": "POST", "wsgi.url_scheme": "https", "HTTP_HOST": "example.com"}
_PLAIN: Final[Request] = from_wsgi(_ENVIRON)
_MODERN: Final[Request] = from_wsgi(_ENVIRON | {"HTTP_ST_AUTH_MODE": "header"})
