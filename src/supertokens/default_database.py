# SPDX-License-Identifier: Apache-2.0
"""The file of an app that names no `database`: one app's only, since two would accept each other's users.

Customer 1 of the one would otherwise be staff member 1 of the other (docs/configuration.md).
"""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path
from typing import Final, NamedTuple

from supertokens.config import ConfigError
from supertokens.stores.sqlite import SqliteStore

__all__ = ["Home", "home_of_caller", "open_default_database"]

_FILE: Final = "supertokens.sqlite3"

_apps: Final[dict[Path, weakref.ref[object]]] = {}
"""The live apps of this process that use a default file, by that file."""


class Home(NamedTuple):
    """Where an app lives that no framework has told of: its default database, and the name that it claims that by."""

    database: Path
    owner: str


def home_of_caller() -> Home:
    """Return the home of the module that is calling into this package: `instance` beside it, or its package.

    That is where Flask has it. A folder may move as a whole: the app is known by its file as seen from there. Without
    a file, as in an interactive session, the working directory is the home.
    """
    frame = sys._getframe(1)
    package = __name__.partition(".")[0]
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame = frame.f_back
    file, inside = frame.f_globals.get("__file__"), frame.f_globals.get("__package__") or ""
    if file is None:
        return Home(Path.cwd() / "instance" / _FILE, frame.f_globals.get("__name__", ""))
    path = Path(file).resolve()
    root = path.parents[min(len(inside.split(".")) if inside else 0, len(path.parents) - 1)]
    return Home(root / "instance" / _FILE, path.relative_to(root).as_posix())


def open_default_database(path: Path, app: object, owner: str, store: SqliteStore) -> None:
    """Take the file `path` of `store` into use for `app`, and mark it as `owner`'s: the file of the app's module.

    Raise ConfigError if another app uses the file, in this process or in another.
    """
    path = path.absolute()
    if _other_app(path, app):
        raise ConfigError(
            f"two apps of this process would keep their sessions in {path}, and accept each other's users: set"
            " 'database' for one of them",
            "database",
        )
    _apps[path] = weakref.ref(app)
    claimed = store.claim(owner)
    if claimed != owner:
        raise ConfigError(
            f"{path} has the sessions of another app, {claimed!r}, and this is {owner!r}: each would accept the other's"
            f" users. Set 'database' for one of them, or, if the app has been renamed, 'database' to this very path",
            "database",
        )


def _other_app(path: Path, app: object) -> bool:
    """Return whether another app of this process uses `path`.

    An app that only awaits garbage collection does not count.
    """
    for may_collect in (True, False):
        known = _apps.get(path)
        other = None if known is None else known()
        if other is None or other is app:
            return False
        del other
        if may_collect:
            gc.collect()
    return True
