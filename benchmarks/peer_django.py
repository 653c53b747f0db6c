# SPDX-License-Identifier: Apache-2.0
"""A process with Django: its own kinds of sessions, each around the same view, and that view bare.

python -m benchmarks.peer_django FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
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
from benchmarks.wsgi import Client, Environ, browser_request, cookies_after, require_ok

__all__ = ["bare", "django_case", "django_cases"]

View = Callable[[Any], HttpResponse]

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
        SECRET_KEY="the same secret of 32 and more characters for every run",
        **more,
    )  # fmt: skip
    django.setup()
    call_command("migrate", verbosity=0)
    cases = [django_case(names.DJANGO_BARE, [], bare)]
    for name, kind in _KINDS.items():
        settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{kind}"  # which the middleware reads once
        cases.append(django_case(name, ["django.contrib.sessions.middleware.SessionMiddleware"], me, login))
    return cases


def django_case(
    name: str, middleware: Sequence[str], view: View, log_in: View | None = None, request: Environ | None = None
) -> Loop:
    """Return a case of a GET for `view`, behind `middleware`, by a browser that was at `log_in`, if that is given.

    Each case has URLs of its own, and its view is the first of them: what stands further down takes longer to find.
    `request`: the one to send, for a view that nobody logs in to; None: one without cookies.
    """
    urls = (path("me", view), *(() if log_in is None else (path("login", log_in),)))
    settings.MIDDLEWARE, settings.ROOT_URLCONF = middleware, urls
    client = Client(WSGIHandler())  # which reads the first once, and the second with each request
    environ = request or browser_request("GET", "/me")
    if log_in is not None:
        environ = browser_request("GET", "/me", _cookies_after_log_in(client, name))

    def requests(count: int) -> list[dict[str, Any]]:
        settings.ROOT_URLCONF = urls
        return [dict(environ) for _ in range(count)]

    return Loop(name, client, requests, require_ok)


def _cookies_after_log_in(client: Client, name: str) -> dict[str, str]:
    answered = client(browser_request("POST", "/login"))
    require_ok([answered])
    if client(browser_request("GET", "/me"))[0].startswith("200"):
        raise RuntimeError(f"{name}: a request without cookies was let pass")
    # A refresh token has a path of its own.
    return {cookie: text for cookie, text in cookies_after(answered).items() if cookie != "sRefreshToken"}


if __name__ == "__main__":
    answer(django_cases(Path(sys.argv[1])))
