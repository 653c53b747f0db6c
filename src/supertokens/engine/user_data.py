# SPDX-License-Identifier: Apache-2.0
"""The application's data inside a session: strict JSON objects (RFC 8259), kept as text.

Text is what every store keeps, so that numbers and nulls come back as they were given. The encoder that follows
the check would write NaN as null and take dates and bytes without a word, hence the walk over the value first: a fast
one that only says whether all is plain, and where it is not, one that knows the way to what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import isfinite
from typing import Any, Final

import msgspec

__all__ = [
    "MAX_DEPTH", "MAX_INTEGER_CHARACTERS", "JsonObject", "NumberTooLargeError", "copied", "decode_object",
    "encode_object", "equal",
]  # fmt: skip

JsonObject = dict[str, Any]

MAX_DEPTH: Final = 64
"""Levels of nesting that are accepted in the application's data."""

MAX_INTEGER_CHARACTERS: Final = 4300
"""Decimal digits of an integer, with its sign. The JSON decoder reads no more, and converting takes quadratic time."""

_LEAST: Final = -(10 ** (MAX_INTEGER_CHARACTERS - 1)) + 1
_LARGEST: Final = 10**MAX_INTEGER_CHARACTERS - 1
_PLAIN: Final = frozenset((str, bool, type(None)))
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_MEMBER_NAME_IN_ERRORS: Final = 40
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(JsonObject).decode


class NumberTooLargeError(ValueError):
    """JSON holds an integer of more than MAX_INTEGER_CHARACTERS, or another number that no double can express."""

    def __init__(self) -> None:
        super().__init__(f"a number is too large: integers have at most {MAX_INTEGER_CHARACTERS} characters")


def encode_object(value: object, field: str) -> str:
    """Return `value` as compact JSON text.

    `field` names the argument in errors. Raises TypeError for what is not a mapping with string keys or holds a
    type that JSON lacks; ValueError for NaN, infinities, lone surrogates, integers of more than
    MAX_INTEGER_CHARACTERS and nesting deeper than MAX_DEPTH.
    """
    if type(value) is not dict and not isinstance(value, Mapping):
        raise TypeError(f"{field} must be a dict, not {type(value).__name__}")
    if _is_plain(value, 1):
        # A lone surrogate, or an integer where Python has been told to convert fewer digits than are accepted here.
        with suppress(UnicodeEncodeError, ValueError):
            return _encode(value).decode()
    checked = _checked(value, field, 1)
    try:
        return _encode(checked).decode()
    except ValueError:
        raise ValueError(f"{field} holds an integer of more digits than sys.get_int_max_str_digits() allows") from None


def decode_object(text: str | bytes) -> JsonObject:
    """Return the object that `text` encodes.

    Raises ValueError for anything that is not one JSON object; NumberTooLargeError, a kind of it, for a number that is
    not accepted in one.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        if isinstance(error, msgspec.ValidationError) and "out of range" in str(error):
            raise NumberTooLargeError from error
        raise ValueError("not a JSON object") from error


def copied(value: Any) -> Any:
    """Return a JSON value that shares nothing changeable with `value`."""
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def equal(left: object, right: object) -> bool:
    """Return whether the JSON values `left` and `right` are equal.

    1 equals 1.0, and true is not 1 (docs/protocol/cdi2.md#verify).
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return left == right


def _is_plain(value: object, depth: int) -> bool:
    """Return whether `value`, which is `depth` levels deep, can be encoded as it is.

    Lone surrogates are left to the encoder. Most values are fine and may have megabytes, so no error message is
    prepared here.
    """
    if depth > MAX_DEPTH:
        return False
    items: Iterable[object]
    if type(value) is dict:
        for name in value:
            if type(name) is not str:
                return False
        items = value.values()
    elif type(value) is list:
        items = value
    else:
        return False
    for item in items:
        kind = type(item)
        if kind in _PLAIN:
            continue
        if kind is int:
            if not _LEAST <= item <= _LARGEST:
                return False
        elif kind is float:
            if not isfinite(item):
                return False
        elif not _is_plain(item, depth + 1):
            return False
    return True


def _checked(value: object, where: str, depth: int) -> object:
    """Return `value`, at `depth`, made of plain JSON types only. Raise an error that names the place, `where`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        if not _LEAST <= value <= _LARGEST:
            raise ValueError(
                f"{where} is an integer of more than {MAX_INTEGER_CHARACTERS} characters; store it as a string"
            )
        return int(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{where} is {float(value)}, which JSON cannot express")
        return float(value)
    if depth > MAX_DEPTH:
        raise ValueError(f"{where} is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return {
            _name(name, where): _checked(item, f"{where}.{_shown(name)}", depth + 1) for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_checked(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise TypeError(f"{where} is of type {type(value).__name__}, which JSON has not; make it a string or a number")


def _name(name: object, where: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{where} has a key of type {type(name).__name__}; keys of a JSON object are strings")
    return _text(name, f"a key of {where}")


def _shown(name: object) -> str:
    return str(name)[:_MEMBER_NAME_IN_ERRORS].encode("ascii", "backslashreplace").decode()


def _text(value: str, where: str) -> str:
    if _LONE_SURROGATE.search(value):
        raise ValueError(f"{where} contains a lone surrogate, which is not valid Unicode")
    return str.__str__(value)  # of an enumeration's member: its value, not its name
