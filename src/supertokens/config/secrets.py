# SPDX-License-Identifier: Apache-2.0
"""Keys that protect something: how they are written, and files that hold them."""

from __future__ import annotations

import base64
import os
import re
import stat
from itertools import pairwise
from pathlib import Path
from typing import Final

from supertokens.config.values import ConfigError, located

__all__ = [
    "IN_FILES", "api_key", "api_keys", "encryption_keys", "is_readable_by_all", "parse_api_keys", "read_api_keys",
    "read_secret_file",
]  # fmt: skip

IN_FILES: Final = ("api_keys", "api_key", "encryption_key", "database")
"""The keys whose value a file may hold, which `<key>_file` names."""

_MAX_FILE_BYTES: Final = 65_536  # bytes
_GOOD_KEY: Final = 'generate one with python -c "import secrets; print(secrets.token_hex(32))"'
_MIN_DISTINCT_BYTES: Final = 16
"""32 random bytes have fewer distinct values less than once in 10 ** 16 keys."""


def encryption_keys(value: object) -> tuple[bytes, ...]:
    keys = [_decoded(item) for item in _items(value)]
    if not keys or any(len(key) != 32 for key in keys):
        form = "must be keys of 32 bytes, each as 64 hex digits or base64, separated by commas"
        raise ValueError(f"{form}; {_GOOD_KEY}")
    for key in keys:
        weakness = _weakness(key)
        if weakness:
            raise ValueError(f"must be random, but one key {weakness}, like a placeholder or a password; {_GOOD_KEY}")
    return tuple(keys)


def _weakness(key: bytes) -> str:
    """Return what shows that the 32 bytes of `key` are not random, or an empty string.

    A random key is practically never refused: one of printable characters only, the likeliest mistake, occurs less than
    once in 10 ** 13 keys.
    """
    if any(key[period:] == key[:-period] for period in range(1, 17)):
        return "repeats itself"
    if len({(after - before) % 256 for before, after in pairwise(key)}) == 1:
        return "counts"
    if len(set(key)) < _MIN_DISTINCT_BYTES:
        return "has few different bytes"
    if all(0x20 <= byte < 0x7F for byte in key):
        return "is readable text"
    return ""


def _decoded(key: object) -> bytes:
    if isinstance(key, str) and re.fullmatch(r"[0-9A-Fa-f]{64}", key):
        return bytes.fromhex(key)
    if isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9+/_-]{43}=?", key):
        return base64.b64decode(key[:43].replace("-", "+").replace("_", "/") + "=")
    return key if isinstance(key, bytes) else b""


def api_keys(value: object) -> tuple[str, ...]:
    # As the original does, blanks anywhere in the list are dropped (docs/protocol/cdi2.md#api-keys), and commas at its
    # end, as Java splits it. What a key may be: docs/protocol/original.md#validation.
    text = re.sub(r"\s", "", value).rstrip(",") if isinstance(value, str) else value
    keys = tuple(re.sub(r"\s", "", str(item)) for item in _items(text))
    if keys and all(re.fullmatch(r"[A-Za-z0-9=-]{20,}", key) for key in keys):
        return keys
    raise ValueError("must be keys of at least 20 characters from A-Z a-z 0-9 = -, separated by commas")


def api_key(value: object) -> str:
    # Only what a header could not carry is refused: the service decides which keys are valid.
    if isinstance(value, str) and re.fullmatch(r"[!-~]{1,1024}", value.strip()):
        return value.strip()
    raise ValueError("must be one key, in visible ASCII characters")


def _items(value: object) -> list[object]:
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [item.strip() if isinstance(item, str) else item for item in items]


def parse_api_keys(text: str) -> tuple[str, ...]:
    """Return the keys in `text`, as `api_keys_file` holds them: separated by commas or line ends, blanks ignored.

    Raise ConfigError, which shows nothing of the text.
    """
    try:
        return api_keys(",".join(line.strip().removesuffix(",") for line in text.splitlines() if line.strip()))
    except ValueError as refusal:
        raise ConfigError(f"'api_keys' {refusal}", "api_keys") from None


def read_api_keys(path: str | Path) -> tuple[str, ...]:
    """Return the keys in the file `path` of `api_keys_file`. Raise ConfigError, which shows nothing of the file."""
    try:
        return parse_api_keys(read_secret_file("api_keys", path))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}", "api_keys_file") from None


def read_secret_file(name: str, path: str | Path) -> str:
    """Return the content of the file `path`, which `<name>_file` names, without blanks around it. Raise ConfigError."""
    key = f"{name}_file"
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        text = content.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = ""
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"'{key}' names {located(path)}, which cannot be read ({why}); correct its path or permissions", key
        ) from None
    if text and len(content) <= _MAX_FILE_BYTES and "\0" not in text:
        return text
    hint = "; for a SQLite file set 'database' itself" if name == "database" else ""
    needed = f"which does not hold the value of '{name}' as text of at most 64 kB"
    raise ConfigError(f"'{key}' names {located(path)}, {needed}{hint}", key)


def is_readable_by_all(path: str | Path) -> bool:
    """Return whether every user of this machine may read the file `path`."""
    try:
        return os.name == "posix" and bool(Path(path).stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False
