# SPDX-License-Identifier: Apache-2.0
"""Django REST framework authenticates by our sessions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from supertokens.django import Session, create_new_session, get_session, revoke_all_sessions_for_user
from supertokens.django.auth import log_in
from supertokens.django.rest_framework import SuperTokensAuthentication
from supertokens.testing import FakeClock

from .conftest import Project

OURS = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}


class Me(APIView):
    authentication_classes = (SuperTokensAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Any) -> Response:
        assert request.supertokens is request.auth is get_session(request, False)
        return Response({"user": request.user.get_username(), "role": request.auth.get_jwt_payload().get("role")})

    post = get

    def delete(self, request: Any) -> Response:
        request.auth.revoke_session()
        return Response(status=204)


class Public(APIView):
    authentication_classes = (SuperTokensAuthentication,)
    permission_classes = ()

    def get(self, request: Any) -> Response:
        return Response(request.user.get_username() or "nobody")


class Shop(SuperTokensAuthentication):
    """The users of a project that has no table of them."""

    def user_of(self, session: Session) -> Any:
        return SimpleNamespace(is_authenticated=True, name=session.get_user_id())


@api_view(["GET"])
@authentication_classes([Shop])
@permission_classes([IsAuthenticated])
def customer(request: Any) -> Response:
    return Response(request.user.name)


def enter(request: HttpRequest) -> HttpResponse:
    log_in(request, User.objects.get(), {"role": "author"})
    return HttpResponse()


def enter_shop(request: HttpRequest) -> HttpResponse:
    create_new_session(request, "customer 1")
    return HttpResponse()


VIEWS: dict[str, Any] = {
    "/enter": enter, "/enter-shop": enter_shop, "/me": Me.as_view(), "/public": Public.as_view(), "/customer": customer,
}  # fmt: skip


@pytest.fixture
def ada(database: None) -> User:
    return User.objects.create_user("ada")


def test_a_view_has_the_user_and_the_session(project: Project, ada: User) -> None:
    client = project(VIEWS)
    refused = client.get("/me")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert client.get("/public").json() == "nobody"
    client.post("/enter")
    assert client.get("/me").json() == {"user": "ada", "role": "author"}
    assert client.get("/public").json() == "ada"
    assert client.delete("/me").status_code == 204
    assert not set(client.cookies) & OURS


def test_a_bearer_token_counts(project: Project, ada: User) -> None:
    client = project(VIEWS)
    token = client.post("/enter", headers={"st-auth-mode": "header"})["st-access-token"]
    assert not client.cookies
    assert client.get("/me", headers={"Authorization": f"Bearer {token}"}).json()["user"] == "ada"
    assert client.get("/me", headers={"Authorization": "Bearer of-another-system"}).status_code == 401


def test_refusals_are_answered_as_everywhere(project: Project, ada: User, clock: FakeClock) -> None:
    client = project(VIEWS, anti_csrf="origin", routes=True)
    client.post("/enter")
    foreign = client.post("/me", headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["error"]) == (403, "cross-origin request")
    assert client.post("/me").status_code == 200
    clock.advance(hours=2)
    for path in ("/me", "/public"):
        assert client.get(path).json() == {"error": "try refresh token", "message": "try refresh token"}
    client.post("/session/refresh")
    assert client.get("/me").status_code == 200
    revoke_all_sessions_for_user(str(ada.pk))
    clock.advance(hours=2)
    assert client.post("/session/refresh").json()["error"] == "unauthorised"
    assert client.get("/me").status_code == 401


def test_a_session_whose_user_is_gone_is_over_for_the_browser(project: Project, ada: User) -> None:
    client = project(VIEWS)
    client.post("/enter")
    ada.delete()
    response = client.get("/me")
    assert (response.status_code, response.json()["error"]) == (401, "unauthorised")
    assert not set(client.cookies) & OURS


def test_users_may_be_of_the_projects_own(project: Project) -> None:
    client = project(VIEWS)
    assert client.get("/customer").status_code == 401
    client.post("/enter-shop")
    assert client.get("/customer").json() == "customer 1"
