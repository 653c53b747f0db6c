# SPDX-License-Identifier: Apache-2.0
"""Simulates several worker processes of one app, and their deaths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, Unpack, cast

from supertokens.config import Config, Options
from supertokens.core import EmbeddedCore
from supertokens.stores.base import Store
from supertokens.stores.memory import MemoryStore
from supertokens.testing.clock import FakeClock, SkewedClock
from supertokens.testing.framework_clients import client_of
from supertokens.testing.keys import KeysOnce
from supertokens.testing.messages import Request, Response, ResponseLostError

__all__ = ["Moment", "Worker", "Workers"]

Moment = Literal["start", "before write", "after write", "end"]
"""When a worker dies: as a request arrives; before or after its first write to the store; or as it responds."""

_WRITES: Final = frozenset(("create", "rotate", "update", "remove", "remove_user"))


class WorkerKilled(BaseException):  # not an Exception: no handler of the app should catch it
    """A worker died in the middle of a request."""


class Worker:
    """One worker: an app with its own core, which shares only the `store` with the other workers' cores.

    `clock` is its machine's, which may be skewed. `make_app` creates the app from a core.
    """

    def __init__(
        self, make_app: Callable[[EmbeddedCore], object], config: Config, store: Store, clock: SkewedClock
    ) -> None:
        self.clock = clock
        self._mortal = _MortalStore(store)
        self.core = EmbeddedCore(config, cast("Store", self._mortal), clock=clock)
        self.client = client_of(make_app(self.core))

    def answer(self, request: Request, dies: Moment | None) -> Response:
        """Return the app's response to `request`. Raise WorkerKilled at the moment when it `dies`."""
        if dies == "start":
            raise WorkerKilled
        self._mortal.dies = dies
        response = self.client.answer(request)
        if dies is not None:
            raise WorkerKilled
        return response


class Workers:
    """A `Client`: `count` workers of one app on one store, which take requests in turn.

    `make_app`: called with a core for each worker; returns the app. `options`: the keys of `Config`, by name, for the
    cores; give the app the same.

    >>> workers = Workers(lambda core: make_app(core=core), clock)
    >>> tab = Browser(clock, workers).tab()
    """

    def __init__(
        self,
        make_app: Callable[[EmbeddedCore], object],
        clock: FakeClock,
        *,
        count: int = 2,
        **options: Unpack[Options],
    ) -> None:
        self._make_app = make_app
        self._config = Config.load(arguments=options)
        self._store = MemoryStore()
        KeysOnce.put_into(self._store, clock())
        self.workers = [self._worker(SkewedClock(clock)) for _ in range(count)]
        self._turn = 0
        self._dies: Moment | None = None

    @property
    def app(self) -> object:
        """Return the app of the worker whose turn it is."""
        return self._next.client.app

    @property
    def url(self) -> str:
        """Return the default URL of the app."""
        return self._next.client.url

    def answer(self, request: Request) -> Response:
        """Return the response to `request` from the worker whose turn it is.

        Raise ResponseLostError if it is killed; a new one, which remembers nothing, then replaces it.
        """
        place, dies = self._turn % len(self.workers), self._dies
        self._turn, self._dies = self._turn + 1, None
        worker = self.workers[place]
        try:
            return worker.answer(request, dies)
        except WorkerKilled:
            self.workers[place] = self._worker(worker.clock)
            raise ResponseLostError(f"the worker died: {request.method} {request.url}") from None

    def kill(self, when: Moment = "after write") -> None:
        """Kill the worker that takes the next request, at the moment `when`.

        If it does not write, it dies with its response.

        >>> workers.kill("before write")
        """
        self._dies = when

    @property
    def _next(self) -> Worker:
        return self.workers[self._turn % len(self.workers)]

    def _worker(self, clock: SkewedClock) -> Worker:
        return Worker(self._make_app, self._config, self._store, clock)


class _MortalStore:
    """The store of one worker, on whose next write the worker may die."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.dies: Moment | None = None

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._store, name)
        return self._write(act) if name in _WRITES and self.dies is not None else act

    def _write(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def write(*args: Any, **named: Any) -> Any:
            if self.dies == "before write":
                raise WorkerKilled
            result = act(*args, **named)
            if self.dies == "after write":
                raise WorkerKilled
            return result

        return write
