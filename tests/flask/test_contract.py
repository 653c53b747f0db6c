# SPDX-License-Identifier: Apache-2.0
"""Flask's integration shows what every integration has to, with the core in the app and with a real service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flask
import pytest

from supertokens.core import Core
from supertokens.flask import (
    SuperTokens,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    revoke_all_sessions_for_user,
    revoke_session,
    sign_out,
    supertokens_middleware,
)
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


class FlaskSite:
    """An app, called through its whole WSGI stack."""

    def __init__(self, app: flask.Flask, core: Core) -> None:
        self.app = app
        self.core = core

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], *, mount: str = "", scheme: str = "http"
    ) -> Response:
        client = self.app.test_client(use_cookies=False)
        where = f"{scheme}://localhost{mount}"
        response = client.open(path, method=method, headers=list(headers), base_url=where, buffered=True)
        return Response(response.status_code, list(response.headers), response.text)

    def perform(self, act: Act) -> Any:
        """Do what a script asks for, in the words of Flask's views."""
        match act:
            case Create(user_id, jwt_payload, session_data, res):
                return create_new_session(res, user_id, jwt_payload, session_data)
            case Get(check_anti_csrf, res):
                return get_session(res, check_anti_csrf)
            case Refresh(res):
                return refresh_session(res)
            case Current():
                return current_session()
            case SignOut():
                return sign_out()
            case RevokeHandle(handle):
                return revoke_session(handle)
            case RevokeUser(user_id):
                return revoke_all_sessions_for_user(user_id)
            case UpdatePayload(session, jwt_payload):
                return session.update_jwt_payload(jwt_payload)
            case RevokeSession(session):
                return session.revoke_session()
            case NewResponse(text, headers):
                return flask.Response(text, headers=list(headers))
            case NestedRequest(method, path, headers):
                return self.call(method, path, headers)

    def view(self, page: Page) -> Callable[[], Any]:
        def view() -> Any:
            session = flask.g.supertokens if page.protected else None
            answer = run(page.script(session), self.perform)
            if isinstance(answer, Stream):
                return flask.Response(flask.stream_with_context(run_in_pieces(answer.script(), self.perform)))
            return answer

        return supertokens_middleware(view) if page.protected else view


class TestFlask(IntegrationContract):
    @pytest.fixture
    def make_site(self, make_core: Callable[..., tuple[Core, Any]], clock: FakeClock) -> MakeSite:
        def make(*pages: Page, after: Callable[[], Script] | None = None, **options: Any) -> FlaskSite:
            app = flask.Flask("an_app")
            core, of_app = make_core(**options)
            SuperTokens(app, core=core, **of_app)
            site = FlaskSite(app, core)
            for page in pages:
                app.add_url_rule(page.path, page.path, site.view(page), methods=["GET", "POST"])
            if after is not None:

                @app.after_request
                def look(response: flask.Response) -> flask.Response:
                    run(after(), site.perform)
                    return response

            return site

        return make
