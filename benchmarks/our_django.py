# SPDX-License-Identifier: Apache-2.0
"""A process with Django: our sessions around a synchronous view, that view bare, and Django's own sessions.

    python -m benchmarks.our_django FOLDER

Ours and the bare view are measured twice: with no other middleware, where what a check adds is seen most clearly, and
behind the middleware that `django-admin startproject` writes into a project, with which most run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from benchmarks import names
from benchmarks.apps import PAYLOAD, USER_ID
from benchmarks.other_process import answer
from benchmarks.peer_django import bare, django_case, django_cases
from benchmarks.rounds import Loop
from supertokens.django import ProtectedRequest, create_new_session, session_required

__all__ = ["MIDDLEWARE", "our_django_cases"]

MIDDLEWARE: Final = "supertokens.django.SuperTokensMiddleware"
_AUTHENTICATION: Final = "django.contrib.auth.middleware.AuthenticationMiddleware"
_OF_A_NEW_PROJECT: Final = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    _AUTHENTICATION,
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
)
_OURS_IN_IT: Final = (  # as docs/integrations/django.md says
    MIDDLEWARE,
    *("supertokens.django.auth.AuthenticationMiddleware" if each == _AUTHENTICATION else each
      for each in _OF_A_NEW_PROJECT),
)  # fmt: skip


@csrf_exempt
def log_in(request: HttpRequest) -> HttpResponse:
    create_new_session(request, USER_ID, PAYLOAD, {})
    return HttpResponse(USER_ID)


@session_required
def me(request: ProtectedRequest) -> HttpResponse:
    return HttpResponse(request.supertokens.get_user_id())


def our_django_cases(folder: Path) -> list[Loop]:
    """Return those of Django, and ours beside them. The store is in `folder`."""
    apps = ("contenttypes", "auth", "messages")
    cases = django_cases(
        folder,
        *(f"django.contrib.{app}" for app in apps),
        "supertokens.django",
        BASE_DIR=folder,
        SUPERTOKENS={"database": folder / "ours.sqlite3"},
    )
    alone = django_case(names.OURS_DJANGO, [MIDDLEWARE], me, log_in)
    in_project = django_case(names.OURS_DJANGO_PROJECT, _OURS_IN_IT, me, log_in)
    [request] = in_project.prepare(1)
    return [*cases, alone, django_case(names.DJANGO_PROJECT, _OF_A_NEW_PROJECT, bare, request=request), in_project]


if __name__ == "__main__":
    answer(our_django_cases(Path(sys.argv[1])))
