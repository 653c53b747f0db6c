# SPDX-License-Identifier: Apache-2.0
"""The walked app in Django: the same pages, forms and notes as `walked_app` has in Flask."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, UnreadablePostError
from django.urls import path

from supertokens.django import create_new_session, get_session, next_url, session_required

from .walked_app import LOG_IN_FORM, PIXEL, Journal, UnderWay, gallery_of, note_event, page_of

if TYPE_CHECKING:
    from supertokens.core import EmbeddedCore

__all__ = ["walked_site"]


def walked_site(core: EmbeddedCore, journal: Journal, keys: Mapping[str, Any]) -> UnderWay:
    """Return the app, whose every page has links to all of them and two forms; `keys` as for `core_in`."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        INSTALLED_APPS=["supertokens.django"],
        MIDDLEWARE=["supertokens.django.SuperTokensMiddleware"],
        ROOT_URLCONF=_urls(journal),
        SECRET_KEY="the secret key of the tests",
        SUPERTOKENS={"core": core, "routes": True, "login_url": "/login", "cookie_secure": False, **keys},
    )
    django.setup()
    core.signals.connect(lambda event: note_event(journal, event))
    return UnderWay(WSGIHandler(), journal)


def _urls(journal: Journal) -> tuple[object, ...]:
    def kept(request: HttpRequest, size: int) -> HttpResponseBase:
        journal.note("counted", request.POST["id"], size, _user(request))
        time.sleep(float(request.POST["pause"]))
        return SeeOther(f"/kept?id={request.POST['id']}")

    @session_required
    def keep_note(request: Any) -> HttpResponseBase:
        return kept(request, 0)

    @session_required
    def keep_file(request: Any) -> HttpResponseBase:
        try:
            return kept(request, len(request.FILES["file"].read()))
        except (UnreadablePostError, KeyError):
            return HttpResponse(status=400)  # half a form of an aborted request

    return (
        path("", home), path("page", page), path("gallery", gallery), path("image", image), path("slow", slow),
        path("late", late), path("login", log_in), path("kept", show_kept), path("notes", keep_note),
        path("files", keep_file),
    )  # fmt: skip


class SeeOther(HttpResponseRedirect):
    status_code = 303


def _user(request: Any) -> str:
    return "stranger" if request.supertokens is None else str(request.supertokens.get_user_id())


@session_required(required=False)
def home(request: Any) -> HttpResponseBase:
    return HttpResponse(page_of(f"Hello, {_user(request)}"))


@session_required
def page(request: Any) -> HttpResponseBase:
    return HttpResponse(page_of(f"A page of {_user(request)}"))


def gallery(_: HttpRequest) -> HttpResponseBase:
    return HttpResponse(gallery_of())


@session_required
def image(_: HttpRequest) -> HttpResponseBase:
    return HttpResponse(PIXEL, content_type="image/svg+xml")


@session_required
def slow(request: Any) -> HttpResponseBase:
    time.sleep(float(request.GET["pause"]))
    return HttpResponse(page_of(f"A slow page of {_user(request)}"))


def late(request: HttpRequest) -> HttpResponseBase:
    time.sleep(float(request.GET["pause"]))
    session = get_session(request, False)
    return HttpResponse(page_of(f"A page that asked {session.get_user_id()} late"))


def log_in(request: HttpRequest) -> HttpResponseBase:
    if request.method == "GET":
        return HttpResponse(LOG_IN_FORM)
    create_new_session(request, request.POST["user"])
    return SeeOther(next_url(request))


@session_required
def show_kept(request: Any) -> HttpResponseBase:
    return HttpResponse(page_of(f"{_user(request)} has kept {request.GET['id']}"))
