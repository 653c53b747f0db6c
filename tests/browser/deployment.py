# SPDX-License-Identifier: Apache-2.0
"""The contract app, deployed on a port."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from flask import Flask

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .contract_app import USER, contract_app
from .wire import Wire

ON_DOMAIN: Final[Mapping[str, Any]] = {"cookie_domain": "localhost.org", "cookie_secure": False}
"""Cookies for all hosts of a domain, in plain http."""


@dataclass(frozen=True)
class Elsewhere:
    """What a client without a browser was answered; `cookies` are those that were set, not those deleted."""

    status: int
    text: str
    cookies: Mapping[str, str]

    @classmethod
    def of(cls, status: int, body: bytes, lines: list[str]) -> Elsewhere:
        pairs = (line.partition(";")[0].partition("=") for line in lines)
        return cls(status, body.decode(), {name: value for name, _, value in pairs if value})


class Deployment:
    """The app with a store of its own; `keys` are those of the configuration. The port comes with the server."""

    def __init__(self, folder: Path, library: str, clock: Callable[[], int], keys: Mapping[str, Any]) -> None:
        self._store = SqliteStore(folder / "sessions.sqlite3")
        self._library = library
        self._clock = clock
        self._keys = {"refresh_api_path": "/refresh", **keys}
        KeysOnce.put_into(self._store, clock())
        self.wire = Wire(self._app().wsgi_app)
        self.port = 0

    def _app(self) -> Flask:
        config = Config.load(arguments=self._keys, app_config={}, environ={})
        self.core = EmbeddedCore(config, self._store, clock=self._clock)
        return contract_app(self._keys, self.core, self._library)

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
        assert isinstance(self._clock, FakeClock), "time cannot be moved here"
        return self._clock

    def let_access_tokens_expire(self) -> None:
        """Their life and one second more go by."""
        self.clock.advance(seconds=self._keys["access_token_validity"] + 1)

    def redeploy(self, **keys: Any) -> None:
        """Another configuration, other processes; the same store. The counters start at 0."""
        self._keys |= keys
        self.wire.app = self._app().wsgi_app

    def post_from_elsewhere(self, path: str, cookies: Mapping[str, str], user_agent: str) -> Elsewhere:
        """A POST by a client without a browser, with cookies that it got hold of."""
        headers = {"User-Agent": user_agent, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        request = urllib.request.Request(self.origin("127.0.0.1") + path, b"", headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Elsewhere.of(answer.status, answer.read(), answer.headers.get_all("Set-Cookie") or [])
        except urllib.error.HTTPError as error:
            with error:
                return Elsewhere.of(error.code, error.read(), error.headers.get_all("Set-Cookie") or [])

    def sessions(self, user_id: str = USER) -> list[str]:
        """The handles of those that the user has."""
        return self.core.session_handles(user_id)

    def close(self) -> None:
        self.core.close()


class Deploy(Protocol):
    """The fixture of that name."""

    def __call__(self, *, clock: Callable[[], int] | None = None, **keys: Any) -> Deployment: ...
