# SPDX-License-Identifier: Apache-2.0
"""A user logs in by Django, the session is one of ours, and `request.user` comes from it; the admin works so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from supertokens.django import (
    create_new_session,
    get_all_session_handles_for_user,
    revoke_all_sessions_for_user,
    session_required,
)
from supertokens.django.auth import log_in
from supertokens.django.test import AsyncClient, Client
from supertokens.testing import FakeClock

from .conftest import Project
from .project import MIDDLEWARE

BRIDGE = "supertokens.django.auth.AuthenticationMiddleware"
OURS = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}
WITH_USERS = [
    *MIDDLEWARE,
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    BRIDGE,
    "django.contrib.messages.middleware.MessageMiddleware",
]
ADMIN = path("admin/", admin.site.urls)


def enter(request: HttpRequest) -> HttpResponse:
    user = authenticate(request, username=request.POST["name"], password=request.POST["password"])
    if user is None:
        return HttpResponse("wrong", status=403)
    login(request, user)
    return who(request)


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.user.get_username() or "nobody")


async def awho(request: Any) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(user.get_username() or "nobody")


def leave(request: HttpRequest) -> HttpResponse:
    logout(request)
    return who(request)


def change_password(request: Any) -> HttpResponse:
    request.user.set_password("new")
    request.user.save()
    update_session_auth_hash(request, request.user)
    return HttpResponse("changed")


@session_required
def protected(request: HttpRequest) -> HttpResponse:
    return who(request)


VIEWS: dict[str, Callable[..., Any]] = {
    "/enter": enter, "/who": who, "/awho": awho, "/leave": leave, "/password": change_password, "/protected": protected,
}  # fmt: skip


@pytest.fixture
def ada(database: None) -> User:
    return User.objects.create_superuser("ada", password="correct-horse")


@pytest.fixture
def browser(project: Project) -> Callable[..., Client]:
    """Make the project one with users, and give a browser in front of it."""

    def browser(views: dict[str, Any] | None = None, own: dict[str, Any] | None = None, **options: Any) -> Client:
        client = project({**VIEWS, **(views or {})}, own={"MIDDLEWARE": WITH_USERS, **(own or {})}, **options)
        settings.ROOT_URLCONF.urlpatterns.append(ADMIN)
        return client

    return browser


def entered(client: Any, password: str = "correct-horse") -> Any:
    assert client.post("/enter", {"name": "ada", "password": password}).content == b"ada"
    return client


def test_a_log_in_by_django_begins_a_session_of_ours_and_none_of_djangos(browser: Any, ada: User) -> None:
    client = browser()
    assert client.get("/who").content == b"nobody"
    entered(client)
    assert set(client.cookies) >= OURS
    assert [client.get(where).content for where in ("/who", "/awho", "/protected")] == [b"ada"] * 3
    assert "_auth_user_id" not in client.session
    assert get_all_session_handles_for_user(str(ada.pk)) != []
    del client.cookies["sessionid"]
    assert client.get("/who").content == b"ada", "Django's session has no part in it"
    for name in OURS:
        del client.cookies[name]
    assert client.get("/who").content == b"nobody"


def test_a_log_in_takes_the_place_of_the_browsers_last_one(browser: Any, ada: User) -> None:
    entered(entered(browser()))
    assert len(get_all_session_handles_for_user(str(ada.pk))) == 1


def test_a_log_out_by_django_ends_the_session(browser: Any, ada: User) -> None:
    client = entered(browser())
    assert client.post("/leave").content == b"nobody"
    assert not set(client.cookies) & OURS
    assert get_all_session_handles_for_user(str(ada.pk)) == []


def test_a_revocation_ends_what_django_takes_for_logged_in(browser: Any, ada: User) -> None:
    client = entered(browser(access_token_blacklisting=True))
    revoke_all_sessions_for_user(str(ada.pk))
    assert [client.get(where).content for where in ("/who", "/awho")] == [b"nobody"] * 2


def test_a_change_of_the_password_ends_the_users_other_sessions(browser: Any, ada: User) -> None:
    client = entered(browser())
    [handle] = get_all_session_handles_for_user(str(ada.pk))
    other = entered(Client())
    assert client.post("/password").content == b"changed"
    assert client.get("/who").content == b"ada"
    assert handle not in get_all_session_handles_for_user(str(ada.pk)), "it goes on under a new name"
    assert other.get("/awho").content == b"nobody"
    assert len(get_all_session_handles_for_user(str(ada.pk))) == 1
    assert entered(other, "new").get("/who").content == b"ada"


def test_a_change_of_the_password_is_taken_up_in_asynchronous_middleware_too(browser: Any, ada: User) -> None:
    async def walk() -> bytes:
        client = AsyncClient()
        await client.post("/enter", {"name": "ada", "password": "correct-horse"})
        assert (await client.get("/awho")).content == b"ada"
        await client.post("/password")
        return bytes((await client.get("/awho")).content)

    browser()
    assert asyncio.run(walk()) == b"ada"


def test_a_user_who_may_not_log_in_any_more_or_is_gone_is_nobody(browser: Any, ada: User) -> None:
    client = entered(browser())
    ada.is_active = False
    ada.save()
    assert client.get("/who").content == b"nobody"
    ada.is_active = True
    ada.save()
    assert client.get("/who").content == b"ada"
    ada.delete()
    assert client.get("/who").content == b"nobody"


def test_a_secret_key_may_be_replaced(browser: Any, ada: User) -> None:
    client = entered(browser())
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert client.get("/who").content == b"ada"
    with override_settings(SECRET_KEY="another"):
        assert client.get("/who").content == b"nobody"


@pytest.mark.parametrize(
    "claim",
    [None, "text", {}, {"backend": "os.system"}, {"backend": "django.contrib.auth.backends.ModelBackend", "hash": ""}],
)
def test_a_session_that_no_log_in_of_a_user_has_begun_gives_no_user(browser: Any, ada: User, claim: Any) -> None:
    def begin(request: HttpRequest) -> HttpResponse:
        create_new_session(request, request.GET["user"], None if claim is None else {"django": claim})
        return HttpResponse()

    client = browser({"/begin": begin})
    for user_id in (str(ada.pk), "ada", "0", "' or 1=1"):
        client.post(f"/begin?user={user_id}")
        assert client.get("/who").content == b"nobody"


def test_a_backend_that_is_not_configured_any_more_answers_for_nobody(browser: Any, ada: User) -> None:
    client = entered(browser())
    with override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.AllowAllUsersModelBackend"]):
        assert client.get("/who").content == b"nobody"


def test_log_in_begins_a_session_without_djangos(browser: Any, ada: User) -> None:
    def begin(request: HttpRequest) -> HttpResponse:
        session = log_in(request, ada, {"role": "author"}, remember=False)
        return HttpResponse(str(session.get_jwt_payload()["role"]))

    client = browser({"/begin": begin})
    assert client.post("/begin").content == b"author"
    assert client.get("/who").content == b"ada"
    assert "sessionid" not in client.cookies
    two = ["django.contrib.auth.backends.ModelBackend", "django.contrib.auth.backends.AllowAllUsersModelBackend"]
    with override_settings(AUTHENTICATION_BACKENDS=two), pytest.raises(ValueError, match="backend"):
        client.post("/begin")


def test_the_admin_works_with_it(browser: Any, ada: User, clock: FakeClock) -> None:
    client = browser(renewal="server", anti_csrf="origin")
    entry = client.get("/admin/")
    assert (entry.status_code, entry["Location"]) == (302, "/admin/login/?next=/admin/")
    form = {"username": "ada", "password": "correct-horse", "next": "/admin/"}
    assert client.post("/admin/login/", form)["Location"] == "/admin/"
    page = client.get("/admin/")
    assert (page.status_code, b"Site administration" in page.content) == (200, True)
    clock.advance(hours=2)
    added = client.post("/admin/auth/group/add/", {"name": "writers"})
    assert (added.status_code, added["Location"]) == (302, "/admin/auth/group/")
    revoke_all_sessions_for_user(str(ada.pk))
    clock.advance(hours=2)
    assert client.get("/admin/").status_code == 302
    client.post("/admin/login/", form)
    assert client.get("/admin/").status_code == 200
    client.post("/admin/logout/")
    assert client.get("/admin/").status_code == 302


def test_an_expired_access_token_asks_a_browser_library_to_refresh(browser: Any, ada: User, clock: FakeClock) -> None:
    client = entered(browser(routes=True))
    clock.advance(hours=2)
    assert client.get("/who").json()["error"] == "try refresh token"
    assert client.get("/awho").json()["error"] == "try refresh token"
    client.post("/session/refresh")
    assert client.get("/who").content == b"ada"


@pytest.mark.skipif(
    not hasattr(__import__("django.contrib.auth.middleware", fromlist=["_"]), "LoginRequiredMiddleware"),
    reason="LoginRequiredMiddleware needs Django 5.1",
)
def test_middleware_that_asks_for_the_user_before_views_is_answered_too(
    browser: Any, ada: User, clock: FakeClock
) -> None:
    asks = [*WITH_USERS, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    form = LoginView.as_view()
    client = browser({"/accounts/login/": form}, {"MIDDLEWARE": asks, "LOGIN_URL": "/accounts/login/"}, routes=True)
    assert client.get("/who").status_code == 302
    client.force_login(ada)
    assert client.get("/who").content == b"ada"
    clock.advance(hours=2)
    assert client.get("/who").json()["error"] == "try refresh token"


def test_the_test_clients_log_users_in(browser: Any, ada: User) -> None:
    client = browser()
    client.force_login(ada)
    assert client.get("/who").content == b"ada"
    client.logout()
    assert client.get("/who").content == b"nobody"
    assert client.login(username="ada", password="correct-horse")
    assert client.get("/protected").content == b"ada"
    asynchronous = AsyncClient()

    async def walk() -> bytes:
        if hasattr(asynchronous, "aforce_login"):
            await asynchronous.aforce_login(ada)
        return bytes((await asynchronous.get("/awho")).content)

    if not hasattr(asynchronous, "aforce_login"):  # before Django 5.0
        asynchronous.force_login(ada)
    assert asyncio.run(walk()) == b"ada"


def test_without_the_middleware_django_keeps_its_users_itself(browser: Any, ada: User) -> None:
    djangos = "django.contrib.auth.middleware.AuthenticationMiddleware"
    client = browser(own={"MIDDLEWARE": [djangos if each == BRIDGE else each for each in WITH_USERS]})
    entered(client)
    assert not set(client.cookies) & OURS
    assert client.get("/who").content == b"ada"
    assert "_auth_user_id" in client.session


def test_remember_follows_djangos_session(browser: Any, ada: User) -> None:
    client = entered(browser())
    assert client.cookies["sRefreshToken"]["max-age"]
    with override_settings(SESSION_EXPIRE_AT_BROWSER_CLOSE=True):
        entered(client)
        assert client.cookies["sRefreshToken"]["max-age"] == ""
