# SPDX-License-Identifier: Apache-2.0
"""What a request may carry: fields of a JSON body or of a query, and how they are read (docs/protocol/cdi2.md#fields).

JSON is strict (docs/migrate-from-supertokens.md#what-is-different-on-purpose). What the original makes of a value of
another type is kept as far as strict JSON can express it: a list of one string counts as that string, a number as
false.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from supertokens.engine import user_data
from supertokens.service.replies import INVALID_JSON, RefusedError

__all__ = [
    "BOOLEAN",
    "MILLISECONDS",
    "OBJECT",
    "STRING",
    "STRINGS",
    "Field",
    "Kind",
    "read_body",
    "read_fields",
    "read_query",
]

_MAX_QUERY_FIELDS: Final = 100


class Kind(NamedTuple):
    """A type of field: how it is read (ValueError for anything else), and its JSON schema."""

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `required_since`: the first version that demands it; empty for every one, None for none."""

    name: str
    kind: Kind
    meaning: str
    required_since: str | None = ""

    def is_required(self, version: str) -> bool:
        return self.required_since is not None and _ordered(self.required_since) <= _ordered(version)


def read_body(body: bytes, content_type: str | None, usual_charset: str) -> dict[str, Any]:
    """Return the JSON object in `body`. Raise RefusedError.

    `usual_charset`: how it is decoded where `content_type` names no charset.
    """
    try:
        return user_data.decode_object(_in_utf8(body, content_type or "", usual_charset))
    except user_data.NumberTooLargeError as error:
        raise RefusedError(400, f"{INVALID_JSON}: {error}") from None
    except ValueError:
        raise RefusedError(400, INVALID_JSON) from None


def read_fields(given: Mapping[str, Any], fields: Sequence[Field], version: str) -> dict[str, Any]:
    """Return the `fields` of `version` that `given` has; ignore others. Raise RefusedError for the first bad one."""
    values = {}
    for field in fields:
        try:
            if field.name in given:
                values[field.name] = field.kind.read(given[field.name])
                continue
        except ValueError:
            pass
        else:
            if not field.is_required(version):
                continue
        raise RefusedError(400, f"Field name '{field.name}' is invalid in JSON input")
    return values


def read_query(query: str, fields: Sequence[Field]) -> dict[str, str]:
    """Return the values of `fields` in `query`, the first of each name. Raise RefusedError if one is missing."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
    except ValueError:
        raise RefusedError(400, "Too many parameters in GET request") from None
    given = dict(reversed(pairs))
    for field in fields:
        if field.name not in given and field.required_since is not None:
            raise RefusedError(400, f"Field name '{field.name}' is missing in GET request")
    return given


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")) if version else ()


def _in_utf8(body: bytes, content_type: str, usual_charset: str) -> bytes | str:
    """Return `body` in UTF-8. Raise RefusedError (415) for a charset that is not supported.

    `content_type` names it, or else it is `usual_charset`.
    """
    _, _, charset = content_type.lower().partition("charset=")
    name = charset.partition(";")[0].strip(' "') or usual_charset
    if name in ("utf-8", "utf8"):
        return body
    try:
        # Latin-1 and ASCII, which old clients name; a decoder of another kind could blow a body up.
        if codecs.lookup(name).name in ("iso8859-1", "ascii"):
            return body if body.isascii() else body.decode(name)
    except LookupError:
        pass
    raise RefusedError(415, "Unsupported charset")


def _string(value: Any) -> str:
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise ValueError("not a string")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    user_data.encode_object(value, "value")
    return value


def _boolean(value: Any) -> bool:
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return False
    raise ValueError("not a boolean")


def _milliseconds(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**47:
        raise ValueError("not a number of milliseconds")
    return value


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("not an array")
    return [_string(item) for item in value]


STRING: Final = Kind(_string, {"type": "string"})
OBJECT: Final = Kind(_object, {"type": "object"})
BOOLEAN: Final = Kind(_boolean, {"type": "boolean"})
MILLISECONDS: Final = Kind(_milliseconds, {"type": "integer", "minimum": 0, "maximum": 2**47 - 1})
STRINGS: Final = Kind(_strings, {"type": "array", "items": {"type": "string"}})
