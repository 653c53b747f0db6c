# SPDX-License-Identifier: Apache-2.0
"""Word replies: text for what is refused, JSON for what is answered (docs/protocol/cdi2.md#transport)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

__all__ = ["INVALID_JSON", "RefusedError", "Reply", "json_reply", "text_reply"]

INVALID_JSON: Final = "Invalid Json Input"

_TEXT: Final = ("content-type", "text/html;charset=UTF-8")
_JSON: Final = ("content-type", "application/json;charset=UTF-8")
_CLOSE: Final = ("connection", "close")
_encode: Final = msgspec.json.Encoder().encode


class Reply(NamedTuple):
    """A reply as it goes out; its length is the HTTP server's affair."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class RefusedError(Exception):
    """A request that gets an HTTP error: `status` and the words of its body."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def text_reply(status: int, words: str) -> Reply:
    """Return a reply of `status` with `words` and a newline. A 400 closes the connection, as the original does."""
    ends = status in (400, 408, 413)
    return Reply(status, (_TEXT, _CLOSE) if ends else (_TEXT,), f"{words}\n".encode("utf-8", "replace"))


def json_reply(value: Mapping[str, Any], status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Return a reply of `status` with `value` as JSON, in its own order, a newline, and `headers` besides."""
    return Reply(status, (_JSON, *headers), _encode(value) + b"\n")
