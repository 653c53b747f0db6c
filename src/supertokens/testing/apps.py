# SPDX-License-Identifier: Apache-2.0
"""The sessions of an app under test: finding them, keeping them in memory, and changing their keys."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Unpack

from supertokens.config import Config, Options
from supertokens.core import EmbeddedCore
from supertokens.stores.memory import MemoryStore
from supertokens.testing.keys import KeysOnce
from supertokens.transport import SessionEdge

__all__ = ["config_of", "edge_of", "in_memory", "in_memory_core", "rotate_keys"]


def in_memory_core(clock: Callable[[], int], **options: Unpack[Options]) -> EmbeddedCore:
    """Return a core that keeps its sessions in memory and uses `clock`. `options`: the keys of `Config`, by name.

    Give the app the same `options`. All such cores of a process have the same keys, which are created once.

    >>> core = in_memory_core(FakeClock(), access_token_validity=60)
    >>> app = make_app(core=core, access_token_validity=60)
    """
    return _core_of(Config.load(arguments=options), clock)


@contextmanager
def in_memory(app: object, clock: Callable[[], int]) -> Iterator[EmbeddedCore]:
    """Within the block, keep the sessions of `app` in memory, on `clock`; yield the core, configured as the app is.

    For an app that is created when its module is imported. Its own store is not opened, and is restored after the
    block. `app`: an app with sessions, a framework's test client, or middleware around an app. Raise TypeError without
    sessions.

    >>> with in_memory(app, FakeClock()) as core:
    ...     app.test_client().post("/login").status_code
    200
    """
    edge = edge_of(app)
    core = _core_of(edge.config, clock)
    with edge.replaced_core(core):
        yield core


def rotate_keys(core: EmbeddedCore, *, drop_old: bool = False) -> str:
    """Create the next signing key of `core`, as `supertokens keys rotate` does, and return its id.

    It signs from a minute later on, by the core's clock. `drop_old`: remove the older keys; then it signs at once, and
    access tokens signed with older ones are refused.

    >>> kid = rotate_keys(core, drop_old=True)
    """
    return core.keys.rotate(core.clock(), drop_old=drop_old)


def edge_of(app: object) -> SessionEdge:
    """Return the browser edge of `app`, or of the app that it wraps. Raise TypeError if that has no sessions.

    >>> edge_of(app).config.refresh_api_path
    '/session/refresh'
    """
    inner, seen = app, set[int]()
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        for holder in _holders(inner):
            edge = getattr(holder, "edge", None)
            if isinstance(edge, SessionEdge):
                return edge
        inner = next(filter(None, (getattr(inner, name, None) for name in ("application", "app", "handler"))), None)
    raise TypeError(
        f"{type(app).__name__} has no sessions that can be found: pass the app that was passed to SuperTokens"
    )


def config_of(app: object) -> Config | None:
    """Return the configuration of the sessions of `app`, or None if none can be found."""
    try:
        return edge_of(app).config
    except TypeError:
        return None


def _holders(app: object) -> Iterator[Any]:
    """Yield the places where an integration may have put the edge: no framework is imported for that."""
    yield app  # an application around another, such as supertokens.wsgi.SuperTokens
    extensions = getattr(app, "extensions", None)
    if isinstance(extensions, dict):
        yield extensions.get("supertokens")  # Flask
    yield getattr(app, "_sessions", None)  # supertokens.asgi.SuperTokens
    if type(app).__module__.startswith("django."):
        yield sys.modules["django.apps"].apps.get_app_config("supertokens").sessions.current()  # the one of the process
    yield getattr(getattr(getattr(app, "state", None), "supertokens", None), "_sessions", None)  # Starlette, FastAPI


def _core_of(config: Config, clock: Callable[[], int]) -> EmbeddedCore:
    store = MemoryStore()
    KeysOnce.put_into(store, clock())
    return EmbeddedCore(config, store, clock=clock)
