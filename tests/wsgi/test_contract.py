# SPDX-License-Identifier: Apache-2.0
"""A plain WSGI application shows what every integration has to, with the core in the app and with a real service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from werkzeug.test import Client

from supertokens.core import Core
from supertokens.testing import FakeClock, IntegrationContract
from supertokens.testing.integration import (
    Act,
    Create,
    Current,
    Get,
    MakeSite,
    NestedRequest,
    NewResponse,
    Page,
    Refresh,
    Response,
    RevokeHandle,
    RevokeSession,
    RevokeUser,
    Script,
    SignOut,
    Stream,
    UpdatePayload,
    run,
    run_in_pieces,
)
from supertokens.wsgi import (
    ANSWERED_ERRORS,
    SuperTokens,
    answer_for,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    sign_out,
    verify_session,
)
from supertokens.wsgi.requests import Environ, StartResponse

Answered = tuple[int, list[tuple[str, str]], str | Iterable[str]]


class WsgiSite:
    """A framework of a few lines: pages by path, a hook, and 500 for what it does not know."""

    sessions: SuperTokens

    def __init__(self, core: Core, pages: tuple[Page, ...], after: Callable[[], Script] | None) -> None:
        self.core = core
        self.pages = {page.path: page for page in pages}
        self.after = after

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], *, mount: str = "", scheme: str = "http"
    ) -> Response:
        where = f"{scheme}://localhost{mount}"
        client = Client(self.sessions, use_cookies=False)
        peer = {"REMOTE_ADDR": "127.0.0.1"}
        response = client.open(
            path, method=method, headers=list(headers), base_url=where, environ_base=peer, buffered=True
        )
        return Response(response.status_code, list(response.headers), response.text)

    def app(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        perform = self.performer(environ)
        try:
            status, headers, body = self.view(environ, perform)
        except ANSWERED_ERRORS as error:
            answer = answer_for(environ, error)
            status, headers, body = answer.status, list(answer.headers.items()), answer.body.decode()
        except ZeroDivisionError:
            status, headers, body = 500, [], "failed"
        if self.after is not None:
            run(self.after(), perform)
        start_response(f"{status} Status", headers)
        return [body.encode()] if isinstance(body, str) else (piece.encode() for piece in body)

    def view(self, environ: Environ, perform: Callable[[Act], Any]) -> Answered:
        page = self.pages[environ["PATH_INFO"]]
        session = verify_session(environ) if page.protected else None
        answer = run(page.script(session), perform)
        if isinstance(answer, Stream):
            return 200, [], run_in_pieces(answer.script(), perform)
        return (200, list(answer.headers), answer.text) if isinstance(answer, NewResponse) else (200, [], answer)

    def performer(self, environ: Environ) -> Callable[[Act], Any]:
        def perform(act: Act) -> Any:
            """Do what a script asks for. A response that a verb is given is none of its affairs."""
            match act:
                case Create(user_id, jwt_payload, session_data):
                    return create_new_session(environ, user_id, jwt_payload, session_data)
                case Get(check_anti_csrf):
                    return get_session(environ, check_anti_csrf)
                case Refresh():
                    return refresh_session(environ)
                case Current():
                    return current_session(environ)
                case SignOut():
                    return sign_out(environ)
                case RevokeHandle(handle):
                    return self.sessions.revoke_session(handle)
                case RevokeUser(user_id):
                    return self.sessions.revoke_all_sessions_for_user(user_id)
                case UpdatePayload(session, jwt_payload):
                    return session.update_jwt_payload(jwt_payload)
                case RevokeSession(session):
                    return session.revoke_session()
                case NewResponse():
                    return act
                case NestedRequest(method, path, headers):
                    return self.call(method, path, headers)

        return perform


class TestWsgi(IntegrationContract):
    @pytest.fixture
    def make_site(self, make_core: Callable[..., tuple[Core, Any]], clock: FakeClock) -> MakeSite:
        def make(*pages: Page, after: Callable[[], Script] | None = None, **options: Any) -> WsgiSite:
            core, of_app = make_core(**options)
            site = WsgiSite(core, pages, after)
            site.sessions = SuperTokens(site.app, core=core, **of_app)
            return site

        return make
