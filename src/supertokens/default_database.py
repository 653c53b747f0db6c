# SPDX-License-Identifier: Apache-2.0
"""The file of an app that names no `database`: one app's only, since two would accept each other's users.

Customer 1 of the one would otherwise be staff member 1 of the other (docs/configuration.md).
"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Final

from supertokens.config import ConfigError
from supertokens.stores.sqlite import SqliteStore

__all__ = ["open_default_database"]

_apps: Final[dict[Path, weakref.ref[object]]] = {}
"""The live apps of this process that use a default file, by that file."""


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
