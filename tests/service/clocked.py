# SPDX-License-Identifier: Apache-2.0
"""Real service processes whose wall clock is the test's: expiry takes no waiting, in any process."""

from __future__ import annotations

import mmap
import os
import sqlite3
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from supertokens.config.settings import KEYS
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .running import Service

__all__ = ["ClockedService", "Services", "SharedClock", "core_settings"]

_PATCH = Path(__file__).parent / "clocked_process"


class SharedClock(FakeClock):
    """A `FakeClock` that other processes read, in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(b"\0" * 8)
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), 8)
        super().__init__()

    @property
    def now(self) -> int:
        moment: int = struct.unpack("=q", self._memory[:8])[0]
        return moment

    @now.setter
    def now(self, moment: int) -> None:
        self._memory[:8] = struct.pack("=q", moment)


class ClockedService(Service):
    """A service on that clock."""

    def __init__(self, folder: Path, config: Mapping[str, Any], clock: SharedClock, **options: Any) -> None:
        super().__init__(folder, config, **options)
        self._clock = clock

    @property
    def database(self) -> Path:
        return self.folder / "sessions.sqlite3"

    def start(self) -> Self:
        changed = {"PYTHONPATH": str(_PATCH), "CLOCK_OF_THE_TEST": str(self._clock.file)}
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            return super().start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def forget_sessions(self) -> None:
        """As if it were new; its keys stay."""
        connection = sqlite3.connect(self.database, timeout=20)
        with connection:
            connection.execute("DELETE FROM session")
        connection.close()


class Services:
    """Services for many tests, one for each configuration, started when one is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clock = SharedClock(folder / "clock")
        self._running: dict[str, ClockedService] = {}
        self._others: list[ClockedService] = []

    def clock_of_a_test(self) -> SharedClock:
        """The clock at a whole second, where a `FakeClock` begins, whatever earlier tests have made of it."""
        self.clock.now += -self.clock.now % 1000
        return self.clock

    def with_settings(self, **settings: Any) -> ClockedService:
        """The one with those keys of the core."""
        name = repr(sorted(settings.items()))
        if name not in self._running:
            self._running[name] = self._start(settings, keys=True)
        return self._running[name]

    def new(self, **settings: Any) -> ClockedService:
        """One with keys of its own, which it has just made."""
        service = self._start(settings, keys=False)
        self._others.append(service)
        return service

    def forget_sessions(self) -> None:
        """Those that earlier tests have left."""
        for service in self._running.values():
            service.forget_sessions()

    def stop(self) -> None:
        for service in (*self._running.values(), *self._others):
            service.kill()

    def _start(self, settings: Mapping[str, Any], *, keys: bool) -> ClockedService:
        folder = self._folder / f"service-{len(self._running) + len(self._others)}"
        folder.mkdir()
        service = self.make(folder, {"sqlite_synchronous": "normal", **settings}, self.clock)
        if keys:
            self.put_keys(service)
        return service.start()

    def make(self, folder: Path, config: Mapping[str, Any], clock: SharedClock) -> ClockedService:
        return ClockedService(folder, config, clock)

    def put_keys(self, service: ClockedService) -> None:
        """Give the store of `service` the keys that all tests use, since making some takes long."""
        store = SqliteStore(service.database, synchronous="normal")
        KeysOnce.put_into(store, self.clock())
        store.close()


def core_settings(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of the options belongs to the core, and what to the app."""
    core = {name: value for name, value in options.items() if KEYS[name].counts_in == "core"}
    return core, {name: value for name, value in options.items() if name not in core}
