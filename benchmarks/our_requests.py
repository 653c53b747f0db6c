# SPDX-License-Identifier: Apache-2.0
"""Requests to apps that use this package, and the parts that they are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count as count_from
from typing import Any, Final

import flask
from tests.processes.pushing import until_it_is_told

from benchmarks import names
from benchmarks.apps import USER_ID, LoggedIn, OpenCore, bare_app, minted_token, sessions_app
from benchmarks.records import new_record
from benchmarks.rounds import Case, Loop
from benchmarks.wsgi import Answer, Client, browser_request, cookies_after, require_ok
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.noted_client import NotedClient
from supertokens.transport import RequestSession, SessionEdge, from_wsgi, verbs

__all__ = ["first_sight_case", "login_case", "our_cases", "refresh_case", "requests_case"]


def our_cases(core: OpenCore, plain_core: EmbeddedCore) -> list[Case]:
    """Return the cases of one thread, and of the bare app beside them."""
    plain, bare = sessions_app(plain_core), bare_app()
    browser = LoggedIn(plain)
    return [
        requests_case(names.BARE_GET, bare, browser.request("GET", "/me")),
        requests_case(names.OURS_GET, plain, browser.request("GET", "/me"), protected=True),
        requests_case(names.OURS_OPEN, plain, browser.request("GET", "/open")),
        _guarded_post(core("guarded", enable_anti_csrf=True)),
        requests_case(names.BARE_POST, bare, browser.request("POST", "/me")),
        _blacklisting(core("blacklisting", access_token_blacklisting=True)),
        _pushing(core("pushing", access_token_blacklisting=True, revocation="push")),
        first_sight_case(names.OURS_FIRST_SIGHT, core("first_sight")),
        login_case(names.OURS_CREATE, plain),
        refresh_case(names.OURS_REFRESH, core("refresh")),
        _first_use(core("first_use")),
        _logout(core("logout")),
        _page(core("page")),
        _renewed(core("renewed")),
        _renewed_together(core("renewed_together")),
        _refreshing_view(core("refreshing_view")),
        *_parts(core("parts"), browser_request("GET", "/me")),
        _core_refresh(core("core_refresh")),
        _revoke_user(core("revoke_user")),
    ]


# Requests


def requests_case(name: str, app: flask.Flask, environ: dict[str, Any], *, protected: bool = False) -> Loop:
    if protected:
        anonymous = {key: value for key, value in environ.items() if key != "HTTP_COOKIE"}
        if Client(app)(anonymous)[0] == "200 OK":
            raise RuntimeError(f"{name}: a request without cookies was let pass")
    return Loop(name, Client(app), _copies(environ), require_ok)


def _copies(environ: dict[str, Any]) -> Callable[[int], Sequence[dict[str, Any]]]:
    return lambda count: [dict(environ) for _ in range(count)]


def _guarded_post(core: EmbeddedCore) -> Loop:
    app = sessions_app(core, enable_anti_csrf=True)
    environ = LoggedIn(app).request("POST", "/me")
    unguarded = {key: value for key, value in environ.items() if key != "HTTP_ANTI_CSRF"}
    if Client(app)(unguarded)[0] == "200 OK":
        raise RuntimeError("a POST without its anti-CSRF value was let pass")
    return requests_case(names.OURS_POST, app, environ, protected=True)


def _blacklisting(core: EmbeddedCore) -> Loop:
    app = sessions_app(core, access_token_blacklisting=True)
    revoked = LoggedIn(app)
    revoked.use()
    core.revoke_user(USER_ID)
    if Client(app)(revoked.request("GET", "/me"))[0] == "200 OK":
        raise RuntimeError("a revoked session was let pass")
    return requests_case(names.OURS_QUERY, app, LoggedIn(app).request("GET", "/me"), protected=True)


def _pushing(core: EmbeddedCore) -> Loop:
    app = sessions_app(core, access_token_blacklisting=True)
    browser = LoggedIn(app)
    browser.use()
    until_it_is_told(core, [browser.cookies["sAccessToken"]])
    return requests_case(names.OURS_PUSH, app, browser.request("GET", "/me"), protected=True)


def first_sight_case(name: str, core: EmbeddedCore, **options: Any) -> Loop:
    def unseen(count: int) -> list[dict[str, Any]]:
        return [browser_request("GET", "/me", {"sAccessToken": minted_token(core)}) for _ in range(count)]

    return Loop(name, Client(sessions_app(core, **options)), unseen, require_ok)


def login_case(name: str, app: flask.Flask) -> Loop:
    return Loop(name, Client(app), _copies(browser_request("POST", "/login")), require_ok)


class _Browsers:
    """Browsers whose tokens have all been used: each refresh then is a first one, as after an hour of use."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._all: list[LoggedIn] = []
        self.asked: list[LoggedIn] = []

    def take(self, count: int) -> list[LoggedIn]:
        self._all += [LoggedIn(self._app) for _ in range(count - len(self._all))]
        self.asked = self._all[:count]
        return self.asked

    def settle(self, answers: list[Answer]) -> None:
        self.take_in(answers, "sRefreshToken")
        for browser in self.asked:
            browser.use()

    def take_in(self, answers: list[Answer], cookie: str) -> None:
        """Let each browser have its answer. Raise RuntimeError if one does not bring a new `cookie`."""
        require_ok(answers)
        for browser, answer in zip(self.asked, answers, strict=True):
            before = browser.cookies[cookie]
            browser.take(answer)
            if browser.cookies[cookie] == before:
                raise RuntimeError(f"an answer brought no new {cookie}")


def refresh_case(name: str, core: EmbeddedCore, **options: Any) -> Loop:
    app = sessions_app(core, **options)
    browsers = _Browsers(app)

    def requests(count: int) -> list[dict[str, Any]]:
        return [browser.request("POST", "/session/refresh") for browser in browsers.take(count)]

    return Loop(name, Client(app), requests, browsers.settle)


def _first_use(core: EmbeddedCore) -> Loop:
    """The request that confirms a refresh, by a durable write, and is given an access token without the marker."""
    app = sessions_app(core)
    browsers, client = _Browsers(app), Client(app)

    def refreshed(count: int) -> list[dict[str, Any]]:
        taken = browsers.take(count)
        for browser in taken:
            browser.take(client(browser.request("POST", "/session/refresh")))
        return [browser.request("GET", "/me") for browser in taken]

    return Loop(names.OURS_FIRST_USE, client, refreshed, lambda answers: browsers.take_in(answers, "sAccessToken"))


def _logout(core: EmbeddedCore) -> Loop:
    app = sessions_app(core)

    def settle(answers: list[Answer]) -> None:
        require_ok(answers)
        if any(cookies_after(answer).get("sAccessToken") != "" for answer in answers):
            raise RuntimeError("a logout left its cookies")

    return Loop(
        names.OURS_LOGOUT,
        Client(app),
        lambda count: [LoggedIn(app).request("POST", "/logout") for _ in range(count)],
        settle,
    )


_REQUESTS_OF_A_PAGE: Final = 30


def _page(core: EmbeddedCore) -> Loop:
    app = sessions_app(core, renewal="server")
    browser = LoggedIn(app)
    browser.use()
    environ = browser_request("GET", "/me", browser.cookies)
    return requests_case(names.OURS_PAGE, app, environ, protected=True)


def _renewed(core: EmbeddedCore) -> Loop:
    """Each request comes with a refresh token alone, as a page does whose access token is gone."""
    app = sessions_app(core, renewal="server")
    browsers = _Browsers(app)

    def requests(count: int) -> list[dict[str, Any]]:
        return [_of_a_page(browser) for browser in browsers.take(count)]

    return Loop(names.OURS_RENEWED, Client(app), requests, browsers.settle)


def _renewed_together(core: EmbeddedCore) -> Loop:
    app = sessions_app(core, renewal="server")
    browsers = _Browsers(app)

    def requests(count: int) -> list[dict[str, Any]]:
        pages = [_of_a_page(browser) for browser in browsers.take(-(-count // _REQUESTS_OF_A_PAGE))]
        return [dict(page) for page in pages for _ in range(_REQUESTS_OF_A_PAGE)][:count]

    def settle(answers: list[Answer]) -> None:
        browsers.settle(answers[::_REQUESTS_OF_A_PAGE])

    return Loop(names.OURS_RENEWED_TOGETHER, Client(app), requests, settle)


def _of_a_page(browser: LoggedIn) -> dict[str, Any]:
    return browser_request("GET", "/me", {"sRefreshToken": browser.cookies["sRefreshToken"]})


# Parts


def _parts(core: EmbeddedCore, environ: dict[str, Any]) -> list[Case]:
    issued = core.create_session("ada", {"role": "editor"}, {}, anti_csrf=False)
    token = issued.access_token.text
    environ["HTTP_COOKIE"] = f"sAccessToken={token}; sIdRefreshToken={issued.id_refresh_token.text}"
    now = time.time_ns() // 1_000_000

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("a plain check had something to say to the browser")

    edge = SessionEdge(Config(), lambda: core, rewrite=refuse)
    return [
        Loop(
            names.EXCHANGE,
            lambda _: verbs.verify(RequestSession(edge, request=from_wsgi(environ)), check_anti_csrf=False),
        ),
        Loop(names.CORE_SEEN, lambda _: core.verify(token, check_anti_csrf=False)),
        Loop(
            names.CORE_FIRST_SIGHT,
            lambda unseen: core.verify(unseen, check_anti_csrf=False),
            lambda count: [minted_token(core) for _ in range(count)],
        ),
        Loop(names.STORE_GET, lambda _: core.store.get(issued.handle, now)),
    ]


def _core_refresh(core: EmbeddedCore) -> Loop:
    """On sessions whose tokens have been used, as it is when an access token has expired."""
    tokens: list[str] = []

    def prepare(count: int) -> list[str]:
        for _ in range(count - len(tokens)):
            tokens.append(core.create_session("ada", {"role": "editor"}, {}, anti_csrf=False).refresh_token.text)
        return tokens[:count]

    def settle(outcomes: list[Any]) -> None:
        for index, issued in enumerate(outcomes):
            tokens[index] = issued.refresh_token.text
            renewed = core.verify(issued.access_token.text, check_anti_csrf=False)
            if renewed.new_access_token is None:
                raise RuntimeError("a refresh was answered with a token of before")

    return Loop(names.CORE_REFRESH, lambda token: core.refresh(token, anti_csrf=False), prepare, settle)


def _refreshing_view(core: EmbeddedCore) -> Loop:
    """What a renewal in place cannot do without: `core.refresh`, with the processor's caches as a request leaves them.

    In a loop of its own it takes a quarter less time.
    """
    app = bare_app()
    tokens = _core_refresh(core)

    @app.get("/refreshing")
    def refreshing() -> Any:
        environ = flask.request.environ
        environ["bench.issued"] = core.refresh(
            environ["bench.token"],
            anti_csrf=False,
            client=environ["HTTP_USER_AGENT"],
            in_place=True,
            noted=NotedClient.of(environ["HTTP_USER_AGENT"], None),
        )
        return USER_ID

    client = Client(app)

    def prepare(count: int) -> list[dict[str, Any]]:
        return [browser_request("GET", "/refreshing") | {"bench.token": token} for token in tokens.prepare(count)]

    def call(environ: dict[str, Any]) -> Any:
        require_ok([client(environ)])
        return environ["bench.issued"]

    return Loop(names.REFRESHING_VIEW, call, prepare, tokens.settle)


_SESSIONS_OF_A_USER: Final = 5


def _revoke_user(core: EmbeddedCore) -> Loop:
    core.create_session(USER_ID, {}, {}, anti_csrf=False)  # makes the tables
    numbers = count_from(1)

    def users(count: int) -> list[str]:
        each = [f"user-{next(numbers)}" for _ in range(count)]
        for user in each:
            for _ in range(_SESSIONS_OF_A_USER):
                core.store.create(new_record(user), "{}")
        return each

    def settle(outcomes: list[list[str]]) -> None:
        if any(len(handles) != _SESSIONS_OF_A_USER for handles in outcomes):
            raise RuntimeError("not every session of a user was revoked")

    return Loop(names.REVOKE_USER, core.revoke_user, users, settle)
