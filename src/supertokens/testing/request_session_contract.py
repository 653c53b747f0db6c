# SPDX-License-Identifier: Apache-2.0
"""Tests that a request has one session, for any integration; `IntegrationContract` has them all."""

from __future__ import annotations

import json
from typing import Any, Final

from supertokens.errors import SuperTokensError, SuperTokensUnauthorisedError
from supertokens.testing.browser_contract import PAGES, is_the_end, log_in_as
from supertokens.testing.clock import FakeClock
from supertokens.testing.integration import (
    Create,
    Current,
    Get,
    MakeSite,
    Page,
    RevokeHandle,
    RevokeUser,
    Script,
    SignOut,
    UpdatePayload,
)
from supertokens.testing.visitor import Visitor

__all__ = ["RequestSessionContract"]

_NOBODY: Final = "nobody"


def _nobody_before(_: Visitor, __: FakeClock) -> None:
    """Prepare nothing: a new client."""


def _ada_before(visitor: Visitor, _: FakeClock) -> None:
    visitor.log_in("ada")


def _ada_refreshed_before(visitor: Visitor, _: FakeClock) -> None:
    """Log `visitor` in as Ada, and refresh, so that the first use of her access token replaces it."""
    visitor.log_in("ada")
    visitor.refresh()


def _ada_expired_before(visitor: Visitor, clock: FakeClock) -> None:
    visitor.log_in("ada")
    clock.advance(hours=2)


_BEFORE: Final = (_nobody_before, _ada_before, _ada_refreshed_before, _ada_expired_before)


class _Audit:
    """A hook that looks at the session after the view has run; a missing session is not an error for it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self) -> Script:
        try:
            session = yield Get()
        except SuperTokensError:
            self.seen.append(_NOBODY)
        else:
            self.seen.append(session.get_user_id())

    @property
    def last(self) -> str:
        return self.seen[-1]


class RequestSessionContract:
    """A session that a request created, renewed or ended stays so for the rest of the request."""

    def test_a_check_after_a_log_in_sees_the_new_session_and_undoes_nothing(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        for before in _BEFORE:
            audit = _Audit()
            visitor = Visitor(make_site(*PAGES, after=audit), clock, dialect)
            before(visitor, clock)
            visitor.log_in("bob")
            assert audit.last == "bob"
            assert json.loads(visitor.get("/me").text)["user"] == "bob"
            visitor.refresh()
            assert json.loads(visitor.get("/me").text)["user"] == "bob"

    def test_a_check_before_a_log_in_leaves_nothing_of_an_earlier_session(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def log_in(_: Any) -> Script:
            yield from _Audit()()
            return (yield from log_in_as("bob"))

        for before in _BEFORE:
            visitor = Visitor(make_site(*PAGES, Page("/switch", log_in)), clock, dialect)
            before(visitor, clock)
            assert visitor.post("/switch").status == 200
            assert json.loads(visitor.get("/me").text)["user"] == "bob"
            visitor.refresh()
            assert json.loads(visitor.get("/me").text)["user"] == "bob"

    def test_a_check_after_a_refresh_sees_the_refreshed_session_and_takes_no_step_for_the_client(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        audit = _Audit()
        visitor = Visitor(make_site(*PAGES, after=audit), clock, dialect)
        visitor.log_in()
        clock.advance(hours=2)
        lost = visitor.browser.refresh_token, dict(visitor.browser.jar)
        visitor.refresh()
        assert audit.last == "ada"
        visitor.browser.refresh_token, visitor.browser.jar = lost  # the response has not arrived
        visitor.refresh()
        assert visitor.get("/me").status == 200

    def test_a_check_after_the_end_sees_nobody_and_brings_nothing_back(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def suspended(_: Any) -> Script:
            yield from ()
            raise SuperTokensUnauthorisedError("the account is suspended")

        pages = (*PAGES, Page("/suspended", suspended, protected=True))
        for path in ("/logout", "/signout", "/end/ada", "/suspended"):
            audit = _Audit()
            visitor = Visitor(make_site(*pages, after=audit), clock, dialect)
            visitor.log_in()
            visitor.refresh()  # a marked token, so that any check of it would put another one on the response
            reply = visitor.post(path)
            assert reply.status == (401 if path == "/suspended" else 200)
            assert audit.last == _NOBODY, path
            assert is_the_end(reply, dialect), path
            assert not visitor.has_session

    def test_a_changed_payload_is_seen_by_the_next_check(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def change(_: Any) -> Script:
            seen = []
            for role in ("writer", "owner"):
                yield UpdatePayload((yield Get()), {"role": role})
                seen.append((yield Get()).get_jwt_payload()["role"])
                seen.append((yield Current()).get_jwt_payload()["role"])
            return " ".join(seen)

        visitor = Visitor(make_site(*PAGES, Page("/change", change)), clock, dialect)
        visitor.log_in()
        visitor.refresh()
        reply = visitor.post("/change")
        assert reply.text == "writer writer owner owner"
        assert len([name for name, _ in reply.headers if name.lower() in ("set-cookie", "st-access-token")]) == 1
        assert json.loads(visitor.get("/me").text)["payload"] == {"role": "owner"}

    def test_what_is_known_of_the_session_is_told_without_a_look(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def history(_: Any) -> Script:
            seen = [(yield Current())]
            yield Get()
            seen.append((yield Current()))
            yield Create("bob")
            seen.append((yield Current()))
            yield SignOut()
            seen.append((yield Current()))
            return " ".join(_NOBODY if session is None else session.get_user_id() for session in seen)

        visitor = Visitor(make_site(*PAGES, Page("/history", history)), clock, dialect)
        visitor.log_in()
        assert visitor.post("/history").text == "nobody ada bob nobody"

    def test_a_verb_that_ends_the_requests_own_session_logs_this_client_out_and_no_other_does(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def end_by_handle(session: Any) -> Script:
            yield RevokeHandle(session.get_handle())
            return "ended"

        def end_bob(_: Any) -> Script:
            yield RevokeUser("bob")
            return "ended"

        pages = (Page("/by-handle", end_by_handle, protected=True), Page("/end/bob", end_bob))
        site = make_site(*PAGES, *pages)
        for path, is_over in (("/by-handle", True), ("/end/ada", True), ("/end/bob", False)):
            Visitor(site, clock).log_in("bob")
            visitor = Visitor(site, clock, dialect)
            visitor.log_in()
            reply = visitor.post(path)
            assert reply.text == "ended"
            assert is_the_end(reply, dialect) is is_over, path
            assert visitor.get("/me").status == (401 if is_over else 200), path
