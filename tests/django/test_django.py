# SPDX-License-Identifier: Apache-2.0
"""What Django has of its own: views of every kind, middleware around them, transactions, bad input."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import RequestFactory, override_settings
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from supertokens.django import (
    ProtectedRequest,
    SessionRequest,
    SuperTokensBusyError,
    SuperTokensCrossOriginError,
    SuperTokensNotFreshError,
    SuperTokensSessionLimitError,
    SuperTokensUnauthorisedError,
    acreate_new_session,
    aget_session,
    alist_sessions,
    arefresh_session,
    arevoke_all_sessions_for_user,
    create_new_session,
    current_session,
    get_session,
    list_sessions,
    next_url,
    refresh_session,
    responses,
    revoke_all_sessions_for_user,
    session_required,
    sign_out,
    verify_session,
)
from supertokens.django.sessions import sessions_of_project
from supertokens.testing import FakeClock
from tests.asgi.still import StillStore

from .conftest import Project
from .project import MIDDLEWARE
from .sites import AsgiSite, InASGI
from .views import OURS, ame, me


@csrf_exempt
def log_in(request: HttpRequest) -> HttpResponse:
    session = create_new_session(request, request.GET.get("user", "ada"), {"role": "admin"})
    return HttpResponse(session.get_user_id())


VIEWS: dict[str, Callable[..., Any]] = {"/login": log_in, "/me": me, "/ame": ame}


def logged_in(project: Project, views: dict[str, Any] | None = None, **options: Any) -> Any:
    client = project({**VIEWS, **(views or {})}, **options)
    assert client.post("/login").content == b"ada"
    return client


# Views


def test_class_based_views_are_protected_by_their_dispatch(project: Project) -> None:
    @method_decorator(session_required, name="dispatch")
    class Sync(View):
        def get(self, request: ProtectedRequest) -> HttpResponse:
            return HttpResponse(request.supertokens.get_user_id())

    @method_decorator(session_required, name="dispatch")
    class Async(View):
        async def get(self, request: ProtectedRequest) -> HttpResponse:
            return HttpResponse(request.supertokens.get_user_id())

    class OneMethod(View):
        @method_decorator(session_required(check_database=True))
        async def get(self, request: ProtectedRequest) -> HttpResponse:
            return HttpResponse(request.supertokens.get_user_id())

    classes: dict[str, type[View]] = {"/sync": Sync, "/async": Async}
    if django.VERSION >= (5, 2):  # before, `method_decorator` hides from Django that a method is awaited
        classes["/one"] = OneMethod
    client = project({**VIEWS, **{path: each.as_view() for path, each in classes.items()}})
    for path in classes:
        assert client.get(path).status_code == 401, path
    client.post("/login")
    for path in classes:
        assert client.get(path).content == b"ada", path
    revoke_all_sessions_for_user("ada")
    statuses = {path: client.get(path).status_code for path in classes}
    assert statuses.pop("/one", 401) == 401, "it looks at the database"
    assert set(statuses.values()) == {200}


def test_a_method_that_is_decorated_as_if_it_were_a_function_says_what_to_do() -> None:
    class Wrong(View):
        @session_required
        def get(self, request: HttpRequest) -> HttpResponse:
            raise NotImplementedError

    with pytest.raises(TypeError, match="method_decorator"):
        Wrong.as_view()(RequestFactory().get("/"))
    with pytest.raises(TypeError, match="options by name"):
        session_required(True)  # type: ignore[call-overload]


def test_a_session_may_be_optional(project: Project) -> None:
    @session_required(required=False)
    def page(request: SessionRequest) -> HttpResponse:
        return HttpResponse("guest" if request.supertokens is None else request.supertokens.get_user_id())

    @session_required(required=False)
    async def apage(request: SessionRequest) -> HttpResponse:
        return HttpResponse("guest" if request.supertokens is None else request.supertokens.get_user_id())

    client = project({**VIEWS, "/page": page, "/apage": apage})
    assert [client.get(path).content for path in ("/page", "/apage")] == [b"guest", b"guest"]
    client.post("/login")
    assert [client.get(path).content for path in ("/page", "/apage")] == [b"ada", b"ada"]


def test_views_check_other_sites_as_their_options_say(project: Project) -> None:
    @session_required(anti_csrf_check=False)
    def lenient(request: ProtectedRequest) -> HttpResponse:
        return HttpResponse(request.supertokens.get_user_id())

    @session_required(anti_csrf_check=True)
    async def strict(request: ProtectedRequest) -> HttpResponse:
        return HttpResponse(request.supertokens.get_user_id())

    @session_required
    def options(request: SessionRequest) -> HttpResponse:
        return HttpResponse("guest" if request.supertokens is None else "known")

    views = {"/lenient": lenient, "/strict": strict, "/options": options}
    client = logged_in(project, views, enable_anti_csrf=True)
    assert client.get("/me").status_code == 200
    assert client.post("/me").status_code == 401
    assert client.options("/options").content == b"guest", "nothing is checked"
    assert client.post("/lenient").status_code == 200
    assert client.get("/strict").status_code == 401


def test_the_session_of_a_request_is_one_object_while_it_is_one_session(project: Project) -> None:
    def switch(request: SessionRequest) -> HttpResponse:
        assert request.supertokens is None
        ada = verify_session(request)
        assert request.supertokens is ada is current_session(request)
        bob = create_new_session(request, "bob")
        assert request.supertokens is bob
        assert bob is not ada
        sign_out(request)
        assert request.supertokens is None
        return HttpResponse()

    client = logged_in(project, {"/switch": switch})
    client.post("/switch")
    assert not set(client.cookies) & OURS


def test_a_refresh_in_a_protected_view_is_one(project: Project, clock: FakeClock) -> None:
    client = logged_in(project, {"/session/refresh": me, "/auth/refresh": ame})
    clock.advance(hours=2)
    assert client.get("/me").json() == {"error": "try refresh token", "message": "try refresh token"}
    assert client.post("/session/refresh").content == b"ada"
    assert client.get("/me").content == b"ada"
    with override_settings(SUPERTOKENS={**sessions_of_project().current().given, "refresh_api_path": "/auth/refresh"}):
        clock.advance(hours=2)
        assert client.post("/auth/refresh").content == b"ada"
        assert client.get("/ame").content == b"ada"


def test_a_synchronous_verb_refuses_to_stop_an_event_loop(project: Project) -> None:
    @session_required
    async def view(request: ProtectedRequest) -> HttpResponse:
        session = request.supertokens
        verbs: list[Callable[[], Any]] = [
            lambda: create_new_session(request, "bob"),
            lambda: get_session(request, False),
            lambda: verify_session(request),
            lambda: refresh_session(request),
            lambda: sign_out(request),
            lambda: revoke_all_sessions_for_user("ada"),
            lambda: list_sessions("ada"),
            session.revoke_session,
            lambda: session.update_jwt_payload({}),
            session.get_session_data,
        ]
        for verb in verbs:
            with pytest.raises(SynchronousOnlyOperation, match="with the prefix 'a'"):
                verb()
        await session.aupdate_session_data({"cart": 1})
        await session.aconfirm()
        await session.arequire_fresh(60)
        return JsonResponse(await session.aget_session_data())

    client = logged_in(project, {"/view": view})
    assert client.get("/view").json() == {"cart": 1}
    assert client.get("/me").status_code == 200


def test_asynchronous_verbs_are_awaited_in_a_view_that_wsgi_serves(project: Project) -> None:
    async def view(request: SessionRequest) -> HttpResponse:
        session = await aget_session(request, False)
        await session.aupdate_jwt_payload({"role": "owner"})
        await session.arenew()
        await arefresh_session(request)
        others = await session.arevoke_other_sessions()
        [listed] = await alist_sessions("ada", limit=5)
        assert listed.is_current
        return JsonResponse({"payload": session.get_jwt_payload(), "others": others})

    client = logged_in(project, {"/view": view})
    assert client.post("/view").json() == {"payload": {"role": "owner"}, "others": []}
    assert client.get("/me").content == b"ada"


def test_verbs_by_user_in_an_asynchronous_view_end_its_own_session_too(project: Project) -> None:
    @session_required
    async def out(request: ProtectedRequest) -> JsonResponse:
        return JsonResponse({"ended": len(await arevoke_all_sessions_for_user(request.supertokens.get_user_id()))})

    client = logged_in(project, {"/out": out})
    assert client.post("/out").json() == {"ended": 1}
    assert not set(client.cookies) & OURS


def test_verbs_by_user_need_no_request(project: Project) -> None:
    logged_in(project)
    assert [each.is_current for each in list_sessions("ada")] == [False]
    assert len(asyncio.run(arevoke_all_sessions_for_user("ada"))) == 1
    assert revoke_all_sessions_for_user("ada") == []


def in_asgi(runner: asyncio.Runner, views: dict[str, Any], **options: Any) -> AsgiSite:
    """Return a site on the core of the process's project."""
    core = sessions_of_project().current().core
    return AsgiSite(runner.get_loop(), core, {"threads": 1, **options}, views)


def test_a_verb_that_is_given_up_goes_on_and_the_headers_wait_for_it(project: Project, store: StillStore) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        store.stop()
        given_up = asyncio.ensure_future(acreate_new_session(request, "ada"))
        while not store.waiting:
            await asyncio.sleep(0)
        given_up.cancel()
        asyncio.get_running_loop().call_later(0.05, store.go_on)
        return HttpResponse()

    project({})
    with asyncio.Runner() as runner:
        reply = in_asgi(runner, {"/view": view}).call("POST", "/view", [("Host", "localhost")])
        assert reply.set_cookies.keys() == OURS


def test_the_dispatch_of_an_awaited_class_asks_no_store_on_the_loop(project: Project) -> None:
    @method_decorator(session_required, name="dispatch")
    class Async(View):
        async def get(self, request: ProtectedRequest) -> HttpResponse:
            return HttpResponse(request.supertokens.get_user_id())

    client = logged_in(project, access_token_blacklisting=True)
    cookie = ("Cookie", f"sAccessToken={client.cookies['sAccessToken'].value}")
    with asyncio.Runner() as runner:
        site = in_asgi(runner, {"/me": Async.as_view()}, access_token_blacklisting=True)
        assert site.call("GET", "/me", [("Host", "localhost"), cookie]).text == "ada"


def test_a_body_that_is_streamed_cannot_begin_a_session_though_nobody_had_asked_for_one(project: Project) -> None:
    def stream(request: HttpRequest) -> StreamingHttpResponse:
        def pieces() -> Iterator[str]:
            with pytest.raises(RuntimeError, match="headers have been sent"):
                create_new_session(request, "ada")
            yield "refused"

        return StreamingHttpResponse(pieces())

    client = project({"/stream": stream})
    assert b"".join(client.get("/stream").streaming_content) == b"refused"
    assert sessions_of_project().current().core.session_handles("ada") == []


# Errors


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (SuperTokensUnauthorisedError(), 401, "unauthorised"),
        (SuperTokensCrossOriginError(), 403, "cross-origin request"),
        (SuperTokensSessionLimitError(), 409, "too many sessions"),
        (SuperTokensNotFreshError(), 403, "login too long ago"),
        (SuperTokensBusyError(), 503, "too many requests are waiting for the session store"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_ours_that_a_view_raises_are_answered(
    project: Project, error: Exception, status: int, text: str
) -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        raise error

    async def afail(request: HttpRequest) -> HttpResponse:
        raise error

    client = project({"/fail": fail, "/afail": afail, "/protected": session_required(fail), **VIEWS})
    for path in ("/fail", "/afail", "/protected"):
        client.post("/login")
        response = client.get(path)
        assert (response.status_code, response.json()) == (status, {"error": text, "message": text})
        assert (response.headers.get("Retry-After") == "1") is (status == 503)


def test_a_project_answers_differently_in_a_subclass(project: Project) -> None:
    client = project(VIEWS, own={"MIDDLEWARE": ["tests.django.sites.Teapot"]})
    assert client.get("/me").status_code == 418


@pytest.mark.parametrize("path", ["/fail", "/afail"])
def test_middleware_may_answer_an_error_that_a_view_raises_and_the_cookies_are_cleared(
    project: Project, path: str
) -> None:
    @session_required
    def fail(request: HttpRequest) -> HttpResponse:
        raise SuperTokensUnauthorisedError

    @session_required
    async def afail(request: HttpRequest) -> HttpResponse:
        raise SuperTokensUnauthorisedError

    own = {"MIDDLEWARE": [*MIDDLEWARE, "tests.django.sites.Answering"]}
    client = logged_in(project, {"/fail": fail, "/afail": afail}, own=own)
    assert client.get(path).status_code == 499
    assert not set(client.cookies) & OURS


def test_navigations_are_sent_to_log_in_and_back_again(project: Project) -> None:
    client = project({**VIEWS, "/enter": log_in}, login_url="/enter")
    page = {"Accept": "text/html"}
    response = client.get("/me?a=1", headers=page)
    assert (response.status_code, response["Location"]) == (303, "/enter?next=%2Fme%3Fa%3D1")
    assert client.get("/me", headers={**page, "X-Requested-With": "XMLHttpRequest"}).status_code == 401
    mounted = client.get("/me", headers=page, SCRIPT_NAME="/site")
    assert mounted["Location"] == "/site/enter?next=%2Fsite%2Fme"


def test_a_login_url_may_be_the_name_of_a_route(project: Project) -> None:
    client = project({**VIEWS, "/enter": log_in}, login_url="log_in")
    client.get("/me")  # not a navigation
    response = client.get("/me", headers={"Accept": "text/html"})
    assert response["Location"] == "/enter?next=%2Fme"


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a b", ""]
)
def test_the_way_back_stays_on_this_site(target: str) -> None:
    factory = RequestFactory()
    assert next_url(factory.get("/", {"next": target}), "/home") == "/home"
    assert next_url(factory.post("/", {"next": target}), "/home") == "/home"
    assert next_url(factory.post("/?next=/b", {"next": "/a?b=c"})) == "/a?b=c"


def test_a_page_in_other_letters_finds_back(project: Project) -> None:
    client = project({**VIEWS, "/жук": me}, login_url="/enter")
    response = client.get("/жук", headers={"Accept": "text/html"})
    assert response["Location"] == "/enter?next=%2F%25D0%25B6%25D1%2583%25D0%25BA"


# Ready-made routes


@pytest.mark.parametrize("kind", [WSGIHandler, ASGIHandler])
def test_the_ready_made_routes_refresh_and_sign_out(project: Project, clock: FakeClock, kind: type) -> None:
    csrf = [*MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"]
    client = project(VIEWS, own={"MIDDLEWARE": csrf}, routes=True, anti_csrf="origin")
    if kind is ASGIHandler:
        client.handler = InASGI()
    client.handler.enforce_csrf_checks = True  # which the routes, that have a check of their own, do without
    client.post("/login")
    clock.advance(hours=2)
    foreign = {"Origin": "https://evil.example"}
    assert client.post("/session/refresh", headers=foreign).status_code == 403
    assert client.post("/session/refresh").json() == {"status": "OK"}
    assert client.get("/me").content == b"ada"
    assert client.post("/signout", headers=foreign).status_code == 403
    found = client.get("/jwt/jwks.json")
    assert (len(found.json()["keys"]) >= 1, "Vary" in found) == (True, False)
    page = client.post("/signout", headers={"Accept": "text/html"})
    assert (page.status_code, page["Location"]) == (303, "/")
    assert not set(client.cookies) & OURS
    assert client.get("/session/refresh").status_code == 404, "by POST only"
    assert client.post("/session/refresh").status_code == 401


@pytest.mark.parametrize("kept", ["in pairs", "in pairs by a later Django", "in a dictionary"])
def test_what_a_view_tells_caches_is_merged_however_django_keeps_headers(
    project: Project, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    if kept == "in pairs by a later Django":
        monkeypatch.setattr(responses, "_IN_PAIRS", None)
    else:
        assert responses._IN_PAIRS is not None, "every supported version keeps them so"

    def told(request: HttpRequest) -> HttpResponse:
        get_session(request, False)
        said = {name: value for name, value in request.GET.items() if name != "cookie"}
        response = HttpResponse("ada", headers={"X-Theirs": "kept", **said})
        if "cookie" in request.GET:
            response.set_cookie("theirs", "1")
        if kept == "in a dictionary":
            response.headers = {name.title(): value for name, value in response.items()}  # type: ignore[assignment]
        return response

    client = project({"/login": log_in, "/told": told})
    client.post("/login")
    for said, vary, cache_control in (
        ("", "Cookie, Authorization", "private"),
        ("vary=Accept-Language", "Accept-Language, Cookie, Authorization", "private"),
        ("vary=*", "*", "private"),
        ("vary=cookie,Accept", "cookie,Accept, Authorization", "private"),
        ("Cache-Control=max-age%3D60", "Cookie, Authorization", "max-age=60"),
        ("vary=Accept&cache-control=public&cookie=1", "Accept, Cookie, Authorization", "public"),
    ):
        response = client.get(f"/told?{said}")
        sent = dict(response.items())
        assert len({name.lower() for name in sent}) == len(sent)
        found = {name.lower(): value for name, value in sent.items()}
        assert (found["vary"], found["cache-control"]) == (vary, cache_control), said
        assert (found["x-theirs"], response.content) == ("kept", b"ada")
        assert ("theirs" in response.cookies) == ("cookie=1" in said)


def test_only_a_response_with_a_session_is_private(project: Project) -> None:
    def anybody(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(get_session(request, False, required=False)))

    client = project({"/login": log_in, "/any": anybody})
    anonymous = client.get("/any")
    assert (anonymous["Vary"], "Cache-Control" in anonymous) == ("Cookie, Authorization", False)
    client.post("/login")
    mine = client.get("/any")
    assert (mine["Vary"], mine["Cache-Control"]) == ("Cookie, Authorization", "private")


def test_no_object_of_a_request_shows_a_token(project: Project) -> None:
    def view(request: Any) -> HttpResponse:
        session = get_session(request, False)
        state = request._supertokens
        said = f"{session!r} {session.__rich_repr__()} {state!r} {state.__rich_repr__()}"
        assert session.get_access_token() not in said
        return HttpResponse(said)

    client = project({"/login": log_in, "/view": view})
    client.post("/login")
    said = client.get("/view").content.decode()
    assert "DjangoRequest(RequestSession(FOUND))" in said
    assert "Session('" in said
