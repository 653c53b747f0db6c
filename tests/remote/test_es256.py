# SPDX-License-Identifier: Apache-2.0
"""An app that signs with ES256 goes over to a core service on its database, and back: nobody is logged out."""

from __future__ import annotations

from typing import Any

from supertokens.config import Config
from supertokens.core import Core, EmbeddedCore
from supertokens.engine.session import IssuedSession
from supertokens.remote import RemoteCore
from supertokens.stores.sqlite import SqliteStore
from tests.service.clocked import Services, SharedClock


def use(core: Core, issued: IssuedSession) -> IssuedSession:
    """The life of a session, in one core: check, refresh, first use."""
    assert core.verify(issued.access_token.text, check_anti_csrf=False).handle == issued.handle
    child = core.refresh(issued.refresh_token.text, anti_csrf=False)
    assert core.verify(child.access_token.text, check_anti_csrf=False, check_database=True).handle == issued.handle
    return child


def log_in(core: Any) -> IssuedSession:
    issued: IssuedSession = core.create_session("user", {}, {}, anti_csrf=False)
    return issued


def test_sessions_go_over_to_a_service_and_back(services: Services, clock: SharedClock) -> None:
    service = services.new()
    store = SqliteStore(service.database, synchronous="normal")
    app = EmbeddedCore(Config(access_token_signing_algorithm="ES256"), store, clock=clock)
    remote = RemoteCore(Config(hosts=service.url), clock=clock)
    theirs, ours = log_in(remote), log_in(app)
    clock.advance(seconds=61)
    assert len(ours.access_token.text) < len(theirs.access_token.text) - 200
    for issued in (theirs, ours):
        for core in (app, remote, app):
            issued = use(core, issued)
            clock.advance(seconds=1)
    clock.advance(hours=30)
    for issued in (log_in(app), log_in(remote)):
        for core in (app, remote, app):
            issued = use(core, issued)
            clock.advance(seconds=61)
    app.close()
    remote.close()
