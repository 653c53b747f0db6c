# SPDX-License-Identifier: Apache-2.0
"""Settings in the environment, and variables that look like misspelt ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from supertokens.config.original import IMAGE_NAMES, NO_EFFECT, OTHER_NAMES, names_a_database
from supertokens.config.settings import KEYS
from supertokens.config.sources import FILE, PREFIX, Settings, from_mapping, parsed
from supertokens.config.values import Side, shown

__all__ = ["doubtful_names", "from_environment", "from_image"]

_NOT_SETTINGS: Final = (FILE, "SUPERTOKENS_STATE_FOLDER")  # the latter is the command line's own
_VARIABLES: Final = (*(f"{PREFIX}{name}".upper() for name in (*KEYS, *OTHER_NAMES, *NO_EFFECT)), *_NOT_SETTINGS)
# A secret that failed to arrive must not switch off the protection.
_MAY_BE_EMPTY: Final = frozenset(
    ("older_cookie_domain", "encryption_key", "encryption_key_file", "api_keys", "api_keys_file")
)
# What Kubernetes sets in every pod beside a service whose name begins with "supertokens" (its documentation, "Service",
# "Environment variables"); SUPERTOKENS_PORT itself is told from a setting by its value.
_OF_KUBERNETES: Final = re.compile(
    r"SUPERTOKENS_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SURELY_MEANT: Final = 0.9
"""From this similarity on (`difflib`), a name without our prefix is taken for a misspelt one."""


def from_environment(environ: Mapping[str, str], side: Side) -> Settings:
    """Return what the variables SUPERTOKENS_<KEY> of `environ` set on `side`; ignore others. Raise ConfigError."""
    known: dict[str, object] = {}
    for spelling, text in environ.items():
        if not spelling.startswith(PREFIX) or spelling in _NOT_SETTINGS or _is_of_kubernetes(spelling, text):
            continue
        name = _name(spelling)
        key = KEYS.get(name)
        is_set = text.strip() or (key and name in _MAY_BE_EMPTY and key.counts_on(side))
        if is_set and (key or name in NO_EFFECT):
            known[spelling] = parsed(text.strip(), key) if key else text
    return from_mapping(known, "environment", PREFIX)


def from_image(environ: Mapping[str, str]) -> Settings:
    """Return what the variables of `environ` set that the official images know (docs/protocol/original.md#environment).

    They have no prefix. An empty one is not set. Raise ConfigError.
    """
    known: dict[str, object] = {
        spelling: parsed(environ[spelling].strip(), KEYS[OTHER_NAMES.get(name, name)])
        for spelling, name in IMAGE_NAMES.items()
        if environ.get(spelling, "").strip()
    }
    databases: dict[str, object] = {name: text for name, text in environ.items() if text and names_a_database(name)}
    return from_mapping(known | databases, "environment", "")


def doubtful_names(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each variable of `environ` that looks like a misspelt setting.

    Otherwise a missing protection would go unnoticed.
    """
    for spelling, text in sorted(environ.items()):
        has_prefix = spelling.startswith(PREFIX)
        if spelling in _VARIABLES or not (has_prefix or _may_be_misspelt_prefix(spelling)):
            continue
        if has_prefix and (_name(spelling) in KEYS or _is_of_kubernetes(spelling, text)):
            continue
        near = difflib.get_close_matches(
            spelling.upper(), _VARIABLES, n=1, cutoff=0.75 if has_prefix else _SURELY_MEANT
        )
        if near or has_prefix:
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"environment: {shown(spelling)} is not a setting and has no effect{hint}"


def _may_be_misspelt_prefix(spelling: str) -> bool:
    return re.sub("[^A-Z]", "", spelling.upper()).startswith("SUPERT")


def _is_of_kubernetes(spelling: str, text: str) -> bool:
    return bool(_OF_KUBERNETES.fullmatch(spelling)) or (spelling.endswith("_PORT") and text.startswith("tcp://"))


def _name(spelling: str) -> str:
    name = spelling.removeprefix(PREFIX).lower()
    return OTHER_NAMES.get(name, name)
