# SPDX-License-Identifier: Apache-2.0
"""Kinds of values: the valid values of a setting, how it is read, and how a refusal is worded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

__all__ = [
    "ConfigError",
    "CountsIn",
    "KeyDescription",
    "Kind",
    "Side",
    "boolean",
    "choice",
    "cookie_path",
    "domain",
    "file_path",
    "integer",
    "located",
    "log_path",
    "login_url",
    "number",
    "older_domain",
    "read",
    "shown",
]  # fmt: skip

Side = Literal["app", "service"]
CountsIn = Literal["app", "service", "core", "both"]
"""Where a key counts. `core`: where the core runs, which is the service, or an app that names no `hosts`."""


_SMALLER_UNITS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "seconds": (("milliseconds", 1000),),
    "minutes": (("seconds", 60), ("milliseconds", 60_000)),
    "hours": (("minutes", 60), ("seconds", 3600), ("milliseconds", 3_600_000)),
}
"""Units in which somebody may have thought, for each that keys have; and how many go into one."""

_MAX_LIKELY: Final = 1e15
"""A number from here on is none of milliseconds, which would be 30,000 years."""


class ConfigError(ValueError):
    """The configuration is invalid. The message names key, value and remedy, and shows no secret.

    `key`: the key at fault, if there is one.
    """

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class Kind(NamedTuple):
    """The values of a key. `read`: as Config holds them; its ValueError says what they must be, without the value."""

    name: str
    read: Callable[[object], object]


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """The help text and documentation of one key. `unit` is empty if there is none."""

    name: str
    default: object
    kind: Kind = field(repr=False)
    meaning: str = ""
    unit: str = ""
    counts_in: CountsIn = "both"
    secret: bool = False

    @property
    def type(self) -> str:
        return self.kind.name

    def counts_on(self, side: Side) -> bool:
        return self.counts_in in ("core", "both", side)


def integer(least: int, most: int) -> Kind:
    def read(value: object) -> int:
        # To Python a bool is an int, but `true` is no number of seconds.
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f"must be a whole number from {least} to {most}")

    return Kind("integer", read)


def number(least: float, most: float) -> Kind:
    def read(value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        raise ValueError(f"must be a number from {least:.12g} to {most:.12g}")

    return Kind("number", read)


def choice(*options: str) -> Kind:
    in_lower_case = {option.lower(): option for option in options}

    def read(value: object) -> str:
        if isinstance(value, str) and value.lower() in in_lower_case:
            return in_lower_case[value.lower()]
        raise ValueError(f"must be {' or '.join(map(repr, options))}")

    return Kind(" or ".join(f"`{option}`" for option in options), read)


def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def cookie_path(value: object) -> str:
    # Out with what would end the Path attribute of a cookie, or make browsers drop it (RFC 6265bis, 5.6).
    if isinstance(value, str) and re.fullmatch(r"/[!-~]{0,1023}", value) and not set(value) & set(";?#"):
        return value
    raise ValueError("must be a path that starts with '/', in visible ASCII characters without ';', '?' and '#'")


def login_url(value: object) -> str:
    """Return `value` as the place to log in: a path of this site, or an endpoint's name.

    Raise ValueError for any other.
    """
    if isinstance(value, str) and re.fullmatch(r"/(?![/\\])[!-~]{0,1023}|[A-Za-z_][A-Za-z0-9_.]{0,255}", value):
        return value
    raise ValueError("must be a path of this site that starts with one '/', or the name of an endpoint")


def domain(value: object) -> str:
    # As it is spelt: the service tells it to backend SDKs, which may compare it.
    text = value if isinstance(value, str) else ""
    name = text.removeprefix(".")
    label = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
    if len(name) <= 253 and re.fullmatch(rf"{label}(\.{label})*", name):
        return text
    raise ValueError("must be a domain such as 'example.com', without scheme, port or path (in ASCII: 'xn--…')")


def older_domain(value: object) -> str:
    return "" if value == "" else domain(value)


def file_path(value: object) -> str:
    text = os.fspath(value) if isinstance(value, Path) else value
    if isinstance(text, str) and text and text.isprintable() and not text.endswith(("/", os.sep)):
        return text
    raise ValueError("must be the path of a file, in printable characters")


def log_path(value: object) -> str | None:
    # The original's own word for stdout and stderr, which YAML hands over as text when it is quoted.
    return None if value == "null" else file_path(value)


def read(key: KeyDescription, value: object) -> object:
    """Return the value of `key` as Config holds it. Raises ConfigError, which names key, value and remedy."""
    try:
        return key.kind.read(value)
    except ValueError as refusal:
        unit = f" ({key.unit})" if key.unit else ""
        # Where an address is wanted, what stands before an @ may be a password.
        given = "" if key.secret or "@" in shown(value) else f", but it is {shown(value)}"
        usual = "" if key.default is None else f" for the default, {key.default!r}"
        raise ConfigError(
            f"'{key.name}' {refusal}{unit}{given}{_hint(key, value)}; or leave it out{usual}", key.name
        ) from None


def _hint(key: KeyDescription, value: object) -> str:
    """Return what a refused `value` of `key` was probably meant to be, or an empty string."""
    if key.type not in ("integer", "number", "boolean"):
        is_plain = isinstance(value, bool | int | float)
        return " (in YAML, quote text such as 'no')" if is_plain else ""
    if isinstance(value, str):
        return ", which is text: remove the quotes" if _means_a_value(key, value.strip().lower()) else ""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _MAX_LIKELY:
        # The largest factor first: of two units that would do, the smaller one makes for the more usual value.
        for smaller, factor in reversed(_SMALLER_UNITS.get(key.unit, ())):
            if _is_allowed(key, value // factor if value % factor == 0 else value / factor):
                return f" (if you mean {smaller}, write {value / factor:.12g})"
    return ""


def _means_a_value(key: KeyDescription, text: str) -> bool:
    if key.type == "boolean":
        return text in ("true", "false")
    return bool(re.fullmatch(r"-?[0-9]+", text) and _is_allowed(key, int(text[:20]))) or (
        key.type == "number" and bool(re.fullmatch(r"-?[0-9]+\.[0-9]+", text)) and _is_allowed(key, float(text))
    )


def _is_allowed(key: KeyDescription, value: float) -> bool:
    try:
        key.kind.read(value)
    except ValueError:
        return False
    return True


def located(path: str | Path) -> str:
    """Return `path` as it is written, and if it is relative, the folder that it starts from."""
    if Path(path).is_absolute():
        return str(path)
    try:
        return f"{path} (from {Path.cwd()})"
    except OSError:  # the folder has gone
        return f"{path} (the working directory no longer exists)"


def shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "too long to be shown"
    return text if len(text) <= 100 else f"{text[:100]}…"
