# SPDX-License-Identifier: Apache-2.0
"""Sessions beside what Django has of its own: its check of forms, its transactions, its test client, its signals."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.test import Client as DjangosClient
from django.test import RequestFactory
from django.views.decorators.csrf import ensure_csrf_cookie

from supertokens.core import Event
from supertokens.django import (
    ProtectedRequest,
    SuperTokensError,
    SuperTokensMiddleware,
    answer_for,
    averify_session,
    get_session,
    revoke_all_sessions_for_user,
    session_created,
    session_refused,
    session_required,
    session_revoked,
    token_theft_detected,
)
from supertokens.django.sessions import sessions_of_project
from supertokens.testing import FakeClock

from .conftest import Project
from .project import MIDDLEWARE
from .views import OURS, log_in, me


@ensure_csrf_cookie
def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_token(request))


VIEWS: dict[str, Any] = {"/login": log_in, "/me": me, "/form": form}


def test_a_form_passes_djangos_check_and_ours_and_neither_lets_the_others_pass(project: Project) -> None:
    csrf = [*MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"]
    client = project(VIEWS, own={"MIDDLEWARE": csrf}, anti_csrf="origin")
    client.handler.enforce_csrf_checks = True
    assert client.post("/login").status_code == 403
    token = client.get("/form").content.decode()
    field = {"csrfmiddlewaretoken": token}
    entered = client.post("/login", field)
    assert (entered.content, set(client.cookies) >= OURS | {"csrftoken"}) == (b"in", True)
    here = {"Origin": "http://testserver"}
    assert client.post("/me", field, headers=here).content == b"ada"
    without = client.post("/me", headers=here)
    assert (without.status_code, b"CSRF" in without.content) == (403, True)
    elsewhere = client.post("/me", field, headers={"Sec-Fetch-Site": "cross-site"})
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (403, "cross-origin request")
    assert client.get("/me").content == b"ada"


@pytest.fixture
def atomic(database: None) -> Any:
    """Run each view in a transaction, as ATOMIC_REQUESTS has it."""
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_a_request_that_is_rolled_back_does_not_undo_a_revocation(project: Project, atomic: None) -> None:
    @session_required
    def close_account(request: ProtectedRequest) -> HttpResponse:
        Group.objects.create(name="closed")
        assert connection.in_atomic_block
        revoke_all_sessions_for_user(request.supertokens.get_user_id())
        raise ZeroDivisionError

    client = project({**VIEWS, "/close": close_account}, access_token_blacklisting=True)
    client.raise_request_exception = False
    client.post("/login")
    thief = DjangosClient(raise_request_exception=False)
    thief.cookies.update(client.cookies)
    assert thief.get("/me").content == b"ada"
    assert client.post("/close").status_code == 500
    assert not Group.objects.exists(), "the project's own writes are undone"
    assert not set(client.cookies) & OURS
    assert thief.get("/me").status_code == 401


def test_a_refusal_rolls_back_what_the_view_has_written_and_tells_the_browser(project: Project, atomic: None) -> None:
    @session_required
    def stale(request: ProtectedRequest) -> HttpResponse:
        Group.objects.create(name="half done")
        request.supertokens.require_fresh(0)
        raise NotImplementedError

    client = project({**VIEWS, "/stale": stale})
    client.post("/login")
    assert client.post("/stale").json()["error"] == "login too long ago"
    assert not Group.objects.exists()
    assert client.get("/me").content == b"ada"


def test_djangos_own_client_keeps_a_session(project: Project, clock: FakeClock) -> None:
    project(VIEWS, routes=True)
    client = DjangosClient()
    client.post("/login")
    cookie = client.cookies["sAccessToken"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert client.get("/me").content == b"ada"
    clock.advance(hours=2)
    assert client.get("/me").status_code == 401
    assert client.post("/session/refresh").json() == {"status": "OK"}
    assert client.get("/me").content == b"ada"
    client.post("/signout")
    assert client.get("/me").status_code == 401


def test_a_view_can_be_called_with_the_middleware_alone() -> None:
    with pytest.raises(RuntimeError, match="has to be in MIDDLEWARE"):
        log_in(RequestFactory().post("/"))
    sessions_of_project().current()
    response = SuperTokensMiddleware(log_in)(RequestFactory().post("/"))
    assert set(response.cookies) == OURS
    assert sessions_of_project().current().core.session_handles("ada")


class Audit:
    """Middleware of a project's own, which looks at the session before the view does, and answers errors itself."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        try:
            user = get_session(request, False).get_user_id()
        except SuperTokensError as error:
            return answer_for(request, error)
        response = self.get_response(request)
        response["X-User"] = user
        response.cookies["own"] = "1"
        return response


def test_middleware_of_a_projects_own_uses_the_verbs_and_answers_their_errors(
    project: Project, clock: FakeClock
) -> None:
    client = project(VIEWS)
    client.post("/login")
    core = sessions_of_project().current().core
    audited = project(VIEWS, own={"MIDDLEWARE": [*MIDDLEWARE, f"{__name__}.Audit"]})
    assert audited.get("/me").json()["error"] == "unauthorised"
    audited.cookies.update(client.cookies)
    response = audited.get("/me")
    assert (response["X-User"], response.content, response.cookies["own"].value) == ("ada", b"ada", "1")
    assert response["Vary"] == "Cookie, Authorization"
    core.revoke_user("ada")
    clock.advance(hours=2)
    assert audited.get("/me").json()["error"] == "try refresh token"


def test_what_happens_to_sessions_is_sent_as_signals_and_a_receiver_that_fails_changes_nothing(
    project: Project,
) -> None:
    seen: list[Event] = []

    def note(sender: Any, event: Event, **_: Any) -> None:
        seen.append(event)
        raise ZeroDivisionError

    client = project(VIEWS)
    signals = (session_created, session_revoked, session_refused, token_theft_detected)
    for signal in signals:
        signal.connect(note)
    try:
        assert client.post("/login").status_code == 200
        revoke_all_sessions_for_user("ada")
        assert client.get("/me", headers={"Cookie": "sAccessToken=garbage"}).status_code == 401
    finally:
        for signal in signals:
            signal.disconnect(note)
    assert [(event.kind, event.user_id) for event in seen][:2] == [("created", "ada"), ("revoked", "ada")]


def test_nothing_is_touched_on_the_response_of_a_request_that_asks_for_no_session(project: Project) -> None:
    client = project({**VIEWS, "/public": lambda request: HttpResponse("for all")})
    client.post("/login")
    response = client.get("/public")
    assert dict(response.headers) == {"Content-Type": "text/html; charset=utf-8"}
    assert not response.cookies


@pytest.mark.parametrize("path", ["/me", "/awaited"])
def test_requests_leave_no_cycles_for_the_garbage_collector(project: Project, path: str) -> None:
    import gc

    async def awaited(request: HttpRequest) -> HttpResponse:
        return HttpResponse((await averify_session(request)).get_user_id())

    client = project({**VIEWS, "/awaited": awaited})
    client.post("/login")
    handler, environ = client.handler, client._base_environ(PATH_INFO=path, REQUEST_METHOD="GET")
    environ["HTTP_COOKIE"] = f"sAccessToken={client.cookies['sAccessToken'].value}"
    assert handler(dict(environ)).content == b"ada"
    gc.collect()
    gc.disable()
    try:
        before = {id(each) for each in gc.get_objects() if type(each).__name__ == "RequestSession"}
        for _ in range(5):
            handler(dict(environ))
        after = [each for each in gc.get_objects() if type(each).__name__ == "RequestSession"]
        assert [each for each in after if id(each) not in before] == []
    finally:
        gc.enable()
