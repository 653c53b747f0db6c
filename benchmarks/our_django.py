# SPDX-License-Identifier: Apache-2.0
"""A process with Django: our sessions around a synchronous view, that view bare, and Django's own sessions.

python -m benchmarks.our_django FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks import names, peer_django
from benchmarks.apps import PAYLOAD, USER_ID
from benchmarks.other_process import answer
from benchmarks.peer_django import django_case, django_cases
from benchmarks.rounds import Loop
from benchmarks.wsgi import Client, browser_request, cookies_after, require_ok
from supertokens.django import SessionRequest, create_new_session, session_required


def log_in(request: HttpRequest) -> HttpResponse:
    create_new_session(request, USER_ID, PAYLOAD, {})
    return HttpResponse(USER_ID)


@session_required
def me(request: SessionRequest) -> HttpResponse:
    session = request.supertokens
    return HttpResponse("" if session is None else session.get_user_id())


_bare, *_peers = peer_django.urlpatterns
urlpatterns = [_bare, path("ours/me", me), path("ours/login", log_in), *_peers]  # in turn: a later one takes longer


def our_django_cases(folder: Path) -> list[Loop]:
    """Return those of Django, and ours beside them. The store is in `folder`."""
    cases = django_cases(
        folder, "supertokens.django", ROOT_URLCONF=__name__, SUPERTOKENS={"database": folder / "ours.sqlite3"}
    )
    settings.MIDDLEWARE = ["supertokens.django.SuperTokensMiddleware"]
    handler = WSGIHandler()
    client = Client(handler)
    answered = client(browser_request("POST", "/ours/login"))
    require_ok([answered])
    if client(browser_request("GET", "/ours/me"))[0].startswith("200"):
        raise RuntimeError("ours: a request without cookies was let pass")
    cookies = {name: value for name, value in cookies_after(answered).items() if name != "sRefreshToken"}
    return [*cases, django_case(names.OURS_DJANGO, handler, "/ours/me", cookies)]


if __name__ == "__main__":
    # Not those of __main__: Django imports the module by its name once more, for its URLs.
    from benchmarks import our_django

    answer(our_django.our_django_cases(Path(sys.argv[1])))
