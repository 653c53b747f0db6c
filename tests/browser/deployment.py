# SPDX-License-Identifier: Apache-2.0
"""The contract app, deployed on a port."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, Final, Protocol

from flask import Flask

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.remote import RemoteCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce
from tests.service.clocked import ClockedService, SharedClock, core_settings
from tests.service.running import Service

from .contract_app import USER, contract_app
from .website_library import Version
from .wire import Wire

ON_DOMAIN: Final[Mapping[str, Any]] = {"cookie_domain": "localhost.org", "cookie_secure": False}
"""Cookies for all hosts of a domain, in plain http."""

AT_AUTH: Final[Mapping[str, Any]] = {
    "api_base_path": "/auth",
    "refresh_api_path": None,
    # The library compares it with the browser's clock, which goes on also on a slow machine.
    "access_token_validity": 600,
    "refresh_token_rotation_grace_period": 2,
    **ON_DOMAIN,
}
"""An app for supertokens-website 20.1.6, with the ready-made routes where that library expects them."""

BY_HAND: Final[Mapping[str, Any]] = {"api_base_path": None, "refresh_api_path": "/auth/session/refresh"}
"""Beside `AT_AUTH`: with routes of the app's own instead, in the same places."""


@dataclass(frozen=True)
class Elsewhere:
    """What a client without a browser was answered; `cookies` are those that were set, not those deleted."""

    status: int
    text: str
    headers: Message
    cookies: Mapping[str, str]

    @classmethod
    def of(cls, status: int, body: bytes, headers: Message) -> Elsewhere:
        pairs = (line.partition(";")[0].partition("=") for line in headers.get_all("Set-Cookie") or [])
        return cls(status, body.decode(), headers, {name: value for name, _, value in pairs if value})


class Inside:
    """The core in the app's process, on a store in `folder`."""

    def __init__(self, folder: Path, clock: Callable[[], int] | None) -> None:
        self.clock = clock or FakeClock(round(time.time() * 1000))
        self._store = SqliteStore(folder / "sessions.sqlite3")
        KeysOnce.put_into(self._store, self.clock())

    def core(self, keys: Mapping[str, Any]) -> tuple[Core, Mapping[str, Any]]:
        """The core for an app with those keys, and the keys that are the app's."""
        return EmbeddedCore(_config(keys), self._store, clock=self.clock), keys

    def close(self) -> None:
        self._store.close()


class InService:
    """The core in a service's processes, which are started with the first app."""

    def __init__(self, folder: Path, clock: Callable[[], int] | None) -> None:
        self._folder = folder
        folder.mkdir()
        if clock is None:
            clock = SharedClock(folder / "clock")
            clock.now = round(time.time() * 1000)
        self.clock = clock
        self._service: Service | None = None
        self._running = ExitStack()

    def core(self, keys: Mapping[str, Any]) -> tuple[Core, Mapping[str, Any]]:
        of_core, of_app = core_settings(keys)
        if self._service is None:
            store = SqliteStore(self._folder / "sessions.sqlite3")
            KeysOnce.put_into(store, self.clock())
            store.close()
            if isinstance(self.clock, SharedClock):
                self._service = ClockedService(self._folder, of_core, self.clock)
            else:
                self._service = Service(self._folder, of_core)
            self._running.enter_context(self._service)
        of_app["hosts"] = self._service.url
        return RemoteCore(_config(of_app), clock=self.clock), of_app

    def close(self) -> None:
        self._running.close()


def _config(keys: Mapping[str, Any]) -> Config:
    return Config.load(arguments=keys, app_config={}, environ={})


class Deployment:
    """The app with sessions of its own; `keys` are those of the configuration. The port comes with the server."""

    def __init__(self, where: Inside | InService, libraries: Mapping[Version, str], keys: Mapping[str, Any]) -> None:
        self._where = where
        self._libraries = libraries
        self._keys = {"refresh_api_path": "/refresh", **keys}
        self.wire = Wire(self._app().wsgi_app)
        self.port = 0

    def _app(self) -> Flask:
        self.core, of_app = self._where.core(self._keys)
        app = contract_app(dict(of_app), self.core, self._libraries)
        app.extensions["supertokens"].edge.clock = self._where.clock
        return app

    @property
    def front(self) -> Flask:
        """What to serve."""
        front = Flask(__name__)
        front.wsgi_app = self.wire  # type: ignore[method-assign]
        return front

    def origin(self, host: str = "localhost.org") -> str:
        return f"http://{host}:{self.port}"

    @property
    def clock(self) -> FakeClock:
        assert isinstance(self._where.clock, FakeClock), "time cannot be moved here"
        return self._where.clock

    def let_access_tokens_expire(self) -> None:
        """Their life and one second more go by."""
        self.clock.advance(seconds=self._keys["access_token_validity"] + 1)

    def redeploy(self, **keys: Any) -> None:
        """Another configuration, other processes; the same store. The counters start at 0."""
        self._keys |= keys
        self.wire.app = self._app().wsgi_app

    def post_from_elsewhere(self, path: str, cookies: Mapping[str, str], user_agent: str) -> Elsewhere:
        """A POST by a client without a browser, with cookies that it got hold of."""
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return self._ask("POST", path, {"User-Agent": user_agent, "Cookie": cookie})

    def ask_with_bearer(self, method: str, path: str, token: str, body: Any = None) -> Elsewhere:
        """A request by a client without a browser, which sends that token as a bearer and nothing else of ours."""
        json_body = {} if body is None else {"Content-Type": "application/json"}
        headers = {"User-Agent": "a machine", "Authorization": f"Bearer {token}", **json_body}
        return self._ask(method, path, headers, b"" if body is None else json.dumps(body).encode())

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Elsewhere:
        sent = body if method == "POST" else None
        request = urllib.request.Request(self.origin("127.0.0.1") + path, sent, dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Elsewhere.of(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return Elsewhere.of(error.code, error.read(), error.headers)

    def sessions(self, user_id: str = USER) -> list[str]:
        """The handles of those that the user has."""
        return self.core.session_handles(user_id)

    def close(self) -> None:
        self._where.close()


class Deploy(Protocol):
    """The fixture of that name."""

    def __call__(self, *, clock: Callable[[], int] | None = None, **keys: Any) -> Deployment: ...
