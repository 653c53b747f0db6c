# SPDX-License-Identifier: Apache-2.0
"""Mappings and config.yaml files as sources of settings, by the names of the keys."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supertokens.config.original import NO_EFFECT, OTHER_NAMES, why_no_effect, within_our_limits
from supertokens.config.secrets import IN_FILES
from supertokens.config.settings import KEYS
from supertokens.config.values import ConfigError, KeyDescription, shown
from supertokens.config.yaml_file import read_yaml

__all__ = [
    "FILE", "PREFIX", "Setting", "Settings", "from_app_config", "from_file_or_mapping", "from_mapping", "merged",
    "parsed",
]  # fmt: skip

Settings = dict[str, "Setting"]

FILE: Final = "SUPERTOKENS_CONFIG"
PREFIX: Final = "SUPERTOKENS_"
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """The value that a source gives a key, and a description of the source."""

    value: Any = field(repr=False)
    where: str
    warning: str = ""
    """Why another value counts than the one that the source gives."""


def from_mapping(given: Mapping[str, object], where: str, prefix: str | None = None) -> Settings:
    """Return what `given` sets. `where` names the source in words, for messages.

    `prefix`: the text before names in capitals; None if the names are the keys themselves. Raise ConfigError for an
    unknown name, and for a key that is set twice.
    """
    settings: Settings = {}
    for spelling, value in given.items():
        name = _name(spelling, prefix)
        if not (name in KEYS or (why_no_effect(name) and not _is_misspelt(name))):
            raise ConfigError(f"{where}: unknown key {shown(spelling)}; {_nearest(name, prefix)}", name)
        if value is None:
            continue
        value, warning = within_our_limits(_bare(spelling, prefix), value)
        if name in settings and settings[name].value != value:
            raise ConfigError(f"{where}: '{name}' is set twice, under two names; remove one of them", name)
        settings[name] = Setting(value, where if spelling == name else f"{where}, {spelling}", warning)
    for name in IN_FILES:
        if name in settings and f"{name}_file" in settings:
            raise ConfigError(f"{where}: '{name}' and '{name}_file' are both set; remove one of them", name)
    return settings


def from_app_config(app_config: Mapping[str, object]) -> Settings:
    """Return what the SUPERTOKENS_<KEY> entries of `app_config` set, and ignore what belongs to others."""
    flat = {key: value for key, value in app_config.items() if str(key).startswith(PREFIX) and key != FILE}
    return from_mapping(flat, "app.config", PREFIX)


def from_file_or_mapping(given: object, where: str, *, lenient: bool = False) -> Settings:
    """Return what `given` sets: a mapping, or the path of a config.yaml. `where` names it in messages.

    `lenient`: text in a file may stand for a number or a boolean, as with the original. Raise ConfigError.
    """
    if given is None:
        return {}
    if isinstance(given, str | Path):
        content = read_yaml(given)
        if lenient:
            content = {name: _lenient(name, value) for name, value in content.items()}
        return from_mapping(content, os.fspath(given))
    if isinstance(given, Mapping):
        return from_mapping(given, where)
    raise ConfigError(f"{where} must be the path of a config.yaml, or a mapping, not a {type(given).__name__}")


def merged(*layers: Settings) -> Settings:
    """Return all `layers` in one; later ones are stronger. A key and its `_file` are one setting."""
    together: Settings = {}
    for layer in layers:
        for name in IN_FILES:
            if name in layer or f"{name}_file" in layer:
                together.pop(name, None)
                together.pop(f"{name}_file", None)
        together |= layer
    return together


def parsed(text: str, key: KeyDescription) -> object:
    """Return `text` from the environment as a value of `key`. Text that makes no sense stays, to be refused."""
    with suppress(ValueError):
        if key.type in ("integer", "number"):
            return int(text) if key.type == "integer" else float(text)
    return _WORDS.get(text.lower(), text) if key.type == "boolean" else text


def _lenient(name: str, value: object) -> object:
    key = KEYS.get(OTHER_NAMES.get(name, name))
    return parsed(value.strip(), key) if key and isinstance(value, str) else value


def _name(spelling: object, prefix: str | None) -> str:
    name = _bare(spelling, prefix)
    return OTHER_NAMES.get(name, name)


def _bare(spelling: object, prefix: str | None) -> str:
    return str(spelling) if prefix is None else str(spelling).removeprefix(prefix).lower()


def _nearest(name: str, prefix: str | None) -> str:
    near = difflib.get_close_matches(name.lower(), [*KEYS, *OTHER_NAMES, *NO_EFFECT], n=1)
    if not near:
        return "remove it; docs/configuration.md lists all keys"
    return f"did you mean '{near[0] if prefix is None else f'{prefix}{near[0]}'.upper()}'? Otherwise remove it"


def _is_misspelt(name: str) -> bool:
    return name not in NO_EFFECT and bool(difflib.get_close_matches(name, KEYS, n=1, cutoff=0.85))
