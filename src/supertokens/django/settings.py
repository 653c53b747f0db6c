# SPDX-License-Identifier: Apache-2.0
"""The setting `SUPERTOKENS`: keys of `Config`, and the entries of this package."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple

from django.conf import settings

from supertokens.asgi.extension import MAX_WAITING, THREADS
from supertokens.config import Config, ConfigError, Explained, describe
from supertokens.core import Core
from supertokens.default_database import Home

__all__ = ["NAME", "OwnSettings", "home_of_project", "read_settings"]

NAME: Final = "SUPERTOKENS"


class OwnSettings(NamedTuple):
    """The entries of `SUPERTOKENS` that are not keys of `Config`.

    `core`: used instead of the one that the configuration describes. `routes`: handle the ready-made routes: the
    refresh API, sign-out, and the public keys. `threads`: how many calls from asynchronous views may use the store, or
    the core, at a time; `max_waiting`: how many more may wait.
    """

    core: Core | None = None
    routes: bool = False
    threads: int = THREADS
    max_waiting: int = MAX_WAITING


def read_settings(given: object) -> tuple[OwnSettings, Explained]:
    """Return the package's entries and the session configuration in `given`, the value of `SUPERTOKENS`.

    It overrides the environment. Raise ConfigError, which names the entry and the remedy.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"{NAME} must be a dictionary of settings, not a {type(given).__name__}")
    own = {name: value for name, value in given.items() if name in OwnSettings._fields and value is not None}
    keys = {name: value for name, value in given.items() if name not in OwnSettings._fields}
    _refuse_misspelt(keys)
    for name, least in (("threads", 1), ("max_waiting", 0)):
        value = own.get(name, least)
        if not isinstance(value, int) or value < least:
            raise ConfigError(f"{NAME}: '{name}' must be a number of {least} or more, not {value!r}", name)
    if not isinstance(own.get("routes", True), bool):
        raise ConfigError(f"{NAME}: 'routes' must be True or False, not {own['routes']!r}", "routes")
    return OwnSettings(**own), Config.explain(arguments=keys, environ=os.environ, arguments_are=NAME)


def home_of_project() -> Home:
    """Return where the project stores its sessions by default, and the name by which it claims that place.

    That is the folder `instance` in `BASE_DIR` if the project has that setting, or next to the project's package.
    """
    root = getattr(settings, "BASE_DIR", None)
    if root is None:
        file = getattr(import_module(str(settings.ROOT_URLCONF).partition(".")[0]), "__file__", None)
        root = Path.cwd() if file is None else Path(file).resolve().parent.parent
    return Home(Path(root) / "instance" / "supertokens.sqlite3", str(settings.ROOT_URLCONF))


def _refuse_misspelt(keys: Mapping[object, object]) -> None:
    known = {key.name for key in describe()}
    for name in keys:
        near = difflib.get_close_matches(str(name).lower(), OwnSettings._fields, n=1, cutoff=0.75)
        if near and name not in known:
            raise ConfigError(f"{NAME}: unknown key {name!r}; did you mean '{near[0]}'? Otherwise remove it", near[0])
