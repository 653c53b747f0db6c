# SPDX-License-Identifier: Apache-2.0
"""An app that reports its errors to Sentry: run as a program, since Sentry patches Flask.

Its argument is a JSON object of options for `sentry_sdk.init` beside the defaults. It prints one line of JSON: the
secrets that were in use, and each event as Sentry would have sent it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

import flask
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.flask import SuperTokens, get_session
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .views import add_views
from .visitor import Visitor


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)


def app_of(core: EmbeddedCore) -> flask.Flask:
    app = flask.Flask("an_app")
    SuperTokens(app, core=core, enable_anti_csrf=True)
    add_views(app)

    @app.post("/order")
    def order() -> str:
        session = get_session(None, True)
        return f"{session.get_access_token():d}"  # an error while the token is at hand

    return app


def broken(store: SqliteStore, name: str) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    setattr(store, name, fail)


def main() -> None:
    """Provoke an error in a view, and one in every verb that reaches the store."""
    kept = Kept()
    sentry_sdk.init(dsn="https://key@sentry.invalid/1", transport=kept, **json.loads(sys.argv[1]))
    clock = FakeClock()
    folder = tempfile.TemporaryDirectory()
    store = SqliteStore(Path(folder.name) / "sessions.sqlite3")
    app = app_of(EmbeddedCore(Config(enable_anti_csrf=True), store, clock=clock))
    visitor = Visitor(app, clock)
    secrets: set[str] = set()

    def remember() -> None:
        jar = visitor.browser
        secrets.update(value for cookie in jar.jar.values() if (value := cookie.value))
        visitor.headers["anti-csrf"] = jar.anti_csrf or ""

    visitor.log_in("ada")
    remember()
    visitor.post("/order")
    visitor.refresh()
    remember()
    for method in ("get", "create", "rotate", "update"):
        broken(store, method)
    paths = ("/me", "/order", "/session/refresh", "/login?user=bob")
    for path in paths:
        assert visitor.post(path).status_code == 500, path
    clock.advance(minutes=10)  # so that keys are read again
    broken(store, "read_keys")
    for path in paths:
        assert visitor.post(path).status_code == 500, path
    sentry_sdk.flush()
    store.close()
    folder.cleanup()
    print(json.dumps({"secrets": sorted(secrets), "events": kept.events}, default=str))


if __name__ == "__main__":
    main()
