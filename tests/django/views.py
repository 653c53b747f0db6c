# SPDX-License-Identifier: Apache-2.0
"""Views that several tests of Django's integration ask."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from supertokens.django import ProtectedRequest, create_new_session, session_required

__all__ = ["OURS", "ame", "log_in", "me"]

OURS = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}
"""The names of the cookies of a session."""


def log_in(request: HttpRequest) -> HttpResponse:
    create_new_session(request, "ada")
    return HttpResponse("in")


@session_required
def me(request: ProtectedRequest) -> HttpResponse:
    return HttpResponse(request.supertokens.get_user_id())


@session_required
async def ame(request: ProtectedRequest) -> HttpResponse:
    return HttpResponse(request.supertokens.get_user_id())
