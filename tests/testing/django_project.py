# SPDX-License-Identifier: Apache-2.0
"""The process's Django project with the same views as the other apps under test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import override_settings
from django.urls import path

from supertokens.django import create_new_session, refresh_session, session_required
from tests.django.project import MIDDLEWARE

__all__ = ["django_project"]


def _login(request: HttpRequest) -> HttpResponse:
    create_new_session(request, request.POST.get("user", "ada"), {"role": "admin"})
    return JsonResponse({})


@session_required
def _me(request: Any) -> HttpResponse:
    session = request.supertokens
    return JsonResponse({"user": session.get_user_id(), "payload": session.get_jwt_payload()})


@session_required
async def _me_async(request: Any) -> HttpResponse:
    return JsonResponse({"user": request.supertokens.get_user_id()})


@session_required
def _streamed(request: Any) -> HttpResponseBase:
    return StreamingHttpResponse([request.supertokens.get_user_id()])


@session_required
async def _streamed_async(request: Any) -> HttpResponseBase:
    async def pieces() -> AsyncIterator[str]:
        yield request.supertokens.get_user_id()

    return StreamingHttpResponse(pieces())


def _interface(request: HttpRequest) -> HttpResponse:
    return HttpResponse(type(request).__name__)


def _refresh(request: HttpRequest) -> HttpResponse:
    refresh_session(request)
    return JsonResponse({})


@contextmanager
def django_project(core: object = None, **options: Any) -> Iterator[None]:
    """Give the project these views, sessions with `options`, and `core`, within the block."""
    views: dict[str, Any] = {
        "login": _login, "me": _me, "async": _me_async, "session/refresh": _refresh, "streamed": _streamed,
        "streamed-async": _streamed_async, "interface": _interface,
    }  # fmt: skip
    urls = type("urls", (), {"urlpatterns": [path(where, view) for where, view in views.items()]})
    given = {**options, **({} if core is None else {"core": core})}
    with override_settings(MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=urls, SUPERTOKENS=given):
        yield
