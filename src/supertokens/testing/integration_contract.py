# SPDX-License-Identifier: Apache-2.0
"""The requirements on every framework's integration, as tests.

A subclass defines how to build an app with the framework, and how to call it. It may be synchronous or asynchronous:
what a view does is a script (`supertokens.testing.integration`), which the subclass drives.

class TestMyFramework(IntegrationContract):
    @pytest.fixture
    def clock(self):
        return FakeClock()

    @pytest.fixture
    def make_site(self, clock):
        def make(*pages, after=None, **options):
            core = EmbeddedCore(Config(**options), MemoryStore(), clock=clock)
            ...  # an app with the extension on that core and clock, with `pages` and the hook `after`
            return site  # with `core` and `call`
        return make
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from supertokens.errors import (
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.testing.browser_contract import PAGES, BrowserContract, is_the_end
from supertokens.testing.clock import FakeClock
from supertokens.testing.integration import (
    Create,
    Current,
    Get,
    MakeSite,
    NestedRequest,
    NewResponse,
    Page,
    Refresh,
    RevokeSession,
    Script,
    Stream,
    UpdatePayload,
)
from supertokens.testing.request_session_contract import RequestSessionContract
from supertokens.testing.visitor import DIALECTS, Visitor

__all__ = ["IntegrationContract"]


class IntegrationContract(BrowserContract, RequestSessionContract):
    """Subclass it and give it the fixtures `clock`, a `FakeClock`, and `make_site`, a `MakeSite`."""

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run the tests that depend on the client with each kind of client."""
        if "dialect" in metafunc.fixturenames:
            metafunc.parametrize("dialect", list(DIALECTS))

    # Errors from any source

    def test_an_error_that_the_application_raises_is_answered_like_the_integrations_own(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def raising(error: Callable[[], SuperTokensError]) -> Callable[[Any], Script]:
            def view(_: Any) -> Script:
                yield from ()
                raise error()

            return view

        errors: dict[str, Callable[[], SuperTokensError]] = {
            "unauthorised": SuperTokensUnauthorisedError,
            "try refresh token": SuperTokensTryRefreshTokenError,
            "token theft detected": lambda: SuperTokensTokenTheftError("handle", "user"),
        }
        pages = [
            Page(f"/{protected}/{number}", raising(error), protected=protected)
            for number, error in enumerate(errors.values())
            for protected in (True, False)
        ]
        site = make_site(*PAGES, *pages)
        for page in pages:
            message = list(errors)[int(page.path[-1])]
            visitor = Visitor(site, clock, dialect)
            visitor.log_in()
            reply = visitor.post(page.path)
            assert (reply.status, json.loads(reply.text)) == (401, {"error": message, "message": message}), page.path
            if message == "try refresh token":
                assert not reply.touches_cookies
                assert visitor.get("/me").status == 200
            elif page.protected or visitor.keeps_cookies:  # before any verb, it is not known whose a bearer token is
                assert is_the_end(reply, dialect), page.path

    def test_what_a_view_began_or_changed_leaves_although_it_failed(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def fails(_: Any) -> Script:
            yield Get()
            raise ZeroDivisionError

        visitor = Visitor(make_site(*PAGES, Page("/fails", fails)), clock, dialect)
        visitor.log_in()
        visitor.refresh()
        reply = visitor.get("/fails")
        assert reply.status == 500
        assert reply.set_cookies.keys() == ({"sAccessToken"} if visitor.keeps_cookies else set())
        assert (reply.header("st-access-token") is not None) is not visitor.keeps_cookies

    def test_a_view_may_catch_what_the_verbs_raise(self, make_site: MakeSite, clock: FakeClock, dialect: str) -> None:
        def ensure(_: Any) -> Script:
            try:
                session = yield Get()
            except SuperTokensUnauthorisedError:
                session = yield Create("guest")
            return str(session.get_user_id())

        visitor = Visitor(make_site(*PAGES, Page("/ensure", ensure)), clock, dialect)
        assert [visitor.post("/ensure").text for _ in range(2)] == ["guest", "guest"]
        assert len(visitor.site.core.session_handles("guest")) == 1

    # Responses

    def test_changes_go_on_what_is_sent_whichever_response_a_verb_was_given(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def log_in(_: Any) -> Script:
            given = yield NewResponse("given", [("X-Given", "1")])
            yield Create("ada", res=given)
            return given

        def log_in_elsewhere(_: Any) -> Script:
            given = yield NewResponse("given", [("X-Given", "1")])
            yield Create("ada", res=given)
            return (yield NewResponse("another"))

        site = make_site(*PAGES, Page("/given", log_in), Page("/another", log_in_elsewhere))
        for path, header in (("/given", "1"), ("/another", None)):
            visitor = Visitor(site, clock, dialect)
            reply = visitor.post(path)
            assert (reply.text, reply.header("X-Given")) == (path[1:], header)
            lines = [value for name, value in reply.headers if name.lower() == "set-cookie"]
            assert len(lines) == len(reply.set_cookies), "each once"
            assert visitor.get("/me").status == 200
            visitor.refresh()

    def test_a_body_that_is_made_after_the_headers_have_left_has_the_session(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def pieces() -> Script:
            session = yield Get()
            yield str(session.get_user_id())
            yield " again "
            yield str((yield Current()).get_user_id())

        def stream(_: Any) -> Script:
            yield from ()
            return Stream(pieces)

        visitor = Visitor(make_site(*PAGES, Page("/stream", stream, protected=True)), clock, dialect)
        visitor.log_in()
        assert visitor.get("/stream").text == "ada again ada"

    def test_what_cannot_reach_the_client_any_more_is_refused_and_not_done(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def pieces() -> Script:
            session = yield Get()
            yield "begun"
            for act in (Create("bob"), Refresh(), UpdatePayload(session, {"role": "none"})):
                try:
                    yield act
                except RuntimeError:
                    yield " refused"

        def stream(_: Any) -> Script:
            yield from ()
            return Stream(pieces)

        visitor = Visitor(make_site(*PAGES, Page("/stream", stream)), clock, dialect)
        visitor.log_in()
        assert visitor.post("/stream").text == "begun refused refused refused"
        assert visitor.site.core.session_handles("bob") == []
        assert json.loads(visitor.get("/me").text)["payload"] == {"role": "admin"}
        visitor.refresh()
        assert json.loads(visitor.get("/me").text)["payload"] == {"role": "admin"}

    def test_a_session_can_be_ended_when_the_headers_have_left(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def pieces() -> Script:
            session = yield Get()
            yield "begun"
            yield RevokeSession(session)

        def stream(_: Any) -> Script:
            yield from ()
            return Stream(pieces)

        visitor = Visitor(make_site(*PAGES, Page("/stream", stream)), clock, dialect)
        visitor.log_in()
        assert visitor.post("/stream").text == "begun"
        assert visitor.site.core.session_handles("ada") == []

    # Nested requests

    def test_a_request_made_inside_a_view_leaves_the_views_session_alone(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def outer(session: Any) -> Script:
            replies = []
            for method, path in (("GET", "/me"), ("POST", "/login/bob"), ("POST", "/session/refresh")):
                replies.append((yield NestedRequest(method, path, [("Host", "localhost")])))
            yield UpdatePayload(session, {"role": "outer"})
            users = [(yield Get()).get_user_id(), (yield Current()).get_user_id(), session.get_user_id()]
            return f"{[reply.status for reply in replies]} {users}"

        visitor = Visitor(make_site(*PAGES, Page("/outer", outer, protected=True)), clock, dialect)
        visitor.log_in()
        visitor.refresh()
        assert visitor.post("/outer").text == "[401, 200, 401] ['ada', 'ada', 'ada']"
        assert json.loads(visitor.get("/me").text) == {"user": "ada", "payload": {"role": "outer"}}
