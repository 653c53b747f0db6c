# SPDX-License-Identifier: Apache-2.0
"""A process with Django: its own kinds of sessions, each around the same view, and that view bare.

python -m benchmarks.peer_django FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks import names
from benchmarks.other_process import answer
from benchmarks.rounds import Loop
from benchmarks.wsgi import Client, browser_request, cookies_after, require_ok

__all__ = ["django_case", "django_cases", "urlpatterns"]

_USER_ID: Final = "3f0c9b64-7d31-4c59-9f6c-0d6d3b8e5a17"
_KINDS: Final = {
    names.DJANGO_CACHED_DB: "cached_db",
    names.DJANGO_DB: "db",
    names.DJANGO_SIGNED: "signed_cookies",
}


def bare(_: HttpRequest) -> HttpResponse:
    return HttpResponse(_USER_ID)


def login(request: HttpRequest) -> HttpResponse:
    request.session["user_id"] = _USER_ID
    request.session.update({"role": "editor", "team": 42})
    return HttpResponse(_USER_ID)


def me(request: HttpRequest) -> HttpResponse:
    user_id = request.session.get("user_id")
    return HttpResponse(user_id or "", status=200 if user_id else 401)


urlpatterns = [path("bare", bare), path("login", login), path("me", me)]


def django_cases(folder: Path, *apps: str, **more: Any) -> list[Loop]:
    """Return the bare route, and one case for each kind of session. Connections to SQLite stay open.

    `apps`: others that are installed; `more`: settings of the project beside those of the peers.
    """
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.sqlite3", "CONN_MAX_AGE": None,
            }
        },
        INSTALLED_APPS=["django.contrib.sessions", *apps],
        MIDDLEWARE=[],
        SECRET_KEY="the same secret of 32 and more characters for every run",
        **{"ROOT_URLCONF": __name__, **more},
    )  # fmt: skip
    django.setup()
    call_command("migrate", verbosity=0)
    cases = [django_case(names.DJANGO_BARE, WSGIHandler(), "/bare", {})]
    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    for name, kind in _KINDS.items():
        settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{kind}"  # which the middleware reads once
        handler = WSGIHandler()
        client = Client(handler)
        answered = client(browser_request("POST", "/login"))
        require_ok([answered])
        if client(browser_request("GET", "/me"))[0].startswith("200"):
            raise RuntimeError(f"{name}: a request without cookies was let pass")
        cases.append(django_case(name, handler, "/me", cookies_after(answered)))
    return cases


def django_case(name: str, handler: WSGIHandler, where: str, cookies: dict[str, str]) -> Loop:
    """Return a case of a GET for `where` with `cookies`, which has to be answered with 200."""
    environ = browser_request("GET", where, cookies)
    return Loop(name, Client(handler), lambda count: [dict(environ) for _ in range(count)], require_ok)


if __name__ == "__main__":
    # Not those of __main__: Django imports the module by its name once more, for its URLs.
    from benchmarks import peer_django

    answer(peer_django.django_cases(Path(sys.argv[1])))
