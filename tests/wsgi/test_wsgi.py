# SPDX-License-Identifier: Apache-2.0
"""What WSGI has of its own: bodies that begin late, applications in applications, odd environments."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import bottle
import falcon
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, create_environ

from supertokens.config import Config, ConfigError
from supertokens.core import EmbeddedCore
from supertokens.errors import SuperTokensError, SuperTokensUnauthorisedError
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock, KeysOnce
from supertokens.wsgi import (
    SuperTokens,
    check_origin,
    create_new_session,
    current_session,
    get_session,
    next_url,
    verify_session,
)
from supertokens.wsgi.requests import Environ, StartResponse, WSGIApp

Around = Callable[..., SuperTokens]
OURS = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}


@pytest.fixture
def around(clock: FakeClock) -> Around:
    store = MemoryStore()
    KeysOnce.put_into(store, clock())

    def around(app: WSGIApp, *, routes: bool = False, **options: Any) -> SuperTokens:
        core = EmbeddedCore(Config(**options), store, clock=clock)
        return SuperTokens(app, core=core, routes=routes, **options)

    return around


def names_in(response: Any) -> set[str]:
    return {line.partition("=")[0] for line in response.headers.getlist("Set-Cookie")}


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/login":
        check_origin(environ)
        create_new_session(environ, "ada")
    text = verify_session(environ).get_user_id()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


def test_an_error_that_leaves_the_application_is_answered(around: Around) -> None:
    client = Client(around(app))
    refused = client.get("/me")
    assert (refused.status, refused.json) == ("401 Unauthorized", {"error": "unauthorised", "message": "unauthorised"})
    assert client.post("/login").text == "ada"
    assert client.get("/me").text == "ada"
    assert client.post("/login", headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_status_of_the_applications_own_has_a_phrase(around: Around) -> None:
    assert Client(around(app, session_expired_status_code=499)).get("/me").status == "499 Refused"


def test_a_body_that_begins_the_response_late_has_the_session_and_may_be_refused(around: Around) -> None:
    closed: list[str] = []

    def late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        try:
            if environ["PATH_INFO"] == "/login":
                create_new_session(environ, "ada")
            user = verify_session(environ).get_user_id()
            if environ["PATH_INFO"] == "/out":
                sessions.revoke_all_sessions_for_user(user)
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield user.encode()
            yield b" again"
        finally:
            closed.append(environ["PATH_INFO"])

    sessions = around(late)
    client = Client(sessions)
    assert client.get("/me").status_code == 401
    entered = client.post("/login")
    assert (entered.text, names_in(entered) >= OURS) == ("ada again", True)
    assert client.get("/me").text == "ada again"
    assert names_in(client.post("/out")) >= OURS, "the request's own session was ended"
    assert client.get("/me").status_code == 401
    assert closed == ["/me", "/login", "/me", "/out", "/me"]


def test_a_refusal_after_the_headers_is_the_servers_affair(around: Around) -> None:
    def begun(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        verify_session(environ)
        return []

    with pytest.raises(SuperTokensUnauthorisedError):
        Client(around(begun)).get("/")


def test_an_application_inside_another_has_sessions_of_its_own(around: Around) -> None:
    def inner_app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        create_new_session(environ, "inner")
        listed = [*outer.list_sessions("outer"), *inner.list_sessions("inner")]
        start_response("200 OK", [])
        return [" ".join(str(each.is_current) for each in listed).encode()]

    def outer_app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        create_new_session(environ, "outer")
        body = inner(environ, start_response)
        current = current_session(environ)
        assert current is not None
        assert current.get_user_id() == "outer"
        return body

    inner, outer = around(inner_app), around(outer_app, cookie_prefix="host", cookie_secure=True)
    response = Client(outer).post("/", base_url="https://localhost")
    assert response.text == "True True"
    assert {"sAccessToken", "__Host-sAccessToken"} <= names_in(response)


@pytest.mark.parametrize("begins_late", [True, False])
def test_a_body_that_is_made_later_finds_the_session_of_its_own_application(around: Around, begins_late: bool) -> None:
    def inner_app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        if not begins_late:
            start_response("200 OK", [])
        return pieces(environ, start_response)

    def pieces(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        if begins_late:
            create_new_session(environ, "inner")
            start_response("200 OK", [])
        for known in (current_session(environ), current_session()):
            yield b"none " if known is None else known.get_user_id().encode() + b" "

    def outer_app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        create_new_session(environ, "outer")
        return around(inner_app)(environ, start_response)

    outer = around(outer_app, cookie_prefix="host", cookie_secure=True)
    response = Client(outer).post("/", base_url="https://localhost")
    assert response.text == ("inner inner " if begins_late else "none none ")


def test_a_body_that_nobody_asks_for_is_closed(around: Around) -> None:
    class Body:
        is_closed = False

        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("a part was asked for")

        def close(self) -> None:
            self.is_closed = True

    body = Body()
    answered = around(lambda environ, start_response: body)(create_environ(), lambda *_: None)
    answered.close()  # type: ignore[attr-defined]
    assert body.is_closed


def paths_in(response: Any) -> set[str]:
    return {path for line in response.headers.getlist("Set-Cookie") for path in re.findall(r"; Path=([^;]+)", line)}


def test_cookies_stay_where_the_application_is_mounted_also_for_what_is_mounted_in_it(around: Around) -> None:
    sessions = around(DispatcherMiddleware(app, {"/inner": app}), routes=True)
    mounted = DispatcherMiddleware(app, {"/site": sessions})
    assert paths_in(Client(mounted).post("/site/inner/login")) == {"/site", "/site/session/refresh"}


def test_a_mount_point_that_a_proxy_tells_of_is_the_cookies(around: Around) -> None:
    behind = around(ProxyFix(app, x_prefix=1))
    response = Client(behind).post("/login", headers={"X-Forwarded-Prefix": "/site"})
    assert paths_in(response) == {"/site", "/site/session/refresh"}


def test_a_mount_point_of_any_name_is_sent_in_ascii(around: Around) -> None:
    client = Client(around(app, login_url="/enter?a=%20", routes=True))
    page: dict[str, Any] = {"headers": {"Accept": "text/html"}, "base_url": "http://localhost/%E6%97%A5"}
    to_log_in = client.get("/x", **page)
    assert to_log_in.headers["Location"] == "/%E6%97%A5/enter?a=%20&next=%2F%25E6%2597%25A5%2Fx"
    assert client.post("/signout", **page).headers["Location"] == "/%E6%97%A5"


def test_the_ready_made_routes_refresh_and_sign_out(around: Around) -> None:
    client = Client(around(app, routes=True, anti_csrf="origin"))
    client.post("/login")
    foreign = {"Origin": "https://evil.example"}
    assert client.post("/session/refresh", headers=foreign).status_code == 403
    assert client.post("/session/refresh").json == {"status": "OK"}
    assert client.post("/signout", headers=foreign).status_code == 403
    out = client.post("/signout", headers={"Accept": "text/html"})
    assert (out.status_code, out.headers["Location"]) == (303, "/")
    assert client.get("/me").status_code == 401
    assert client.get("/session/refresh").status_code == 401, "not by GET"
    found = client.get("/jwt/jwks.json")
    assert (len(found.json["keys"]) >= 1, "Vary" in found.headers) == (True, False)
    assert client.post("/jwt/jwks.json").status_code == 401, "that is the application's"


def test_navigations_are_sent_to_log_in(around: Around) -> None:
    client = Client(around(app, login_url="/enter"))
    response = client.get("/notes", headers={"Accept": "text/html"}, base_url="http://localhost/site")
    assert (response.status_code, response.headers["Location"]) == (303, "/site/enter?next=%2Fsite%2Fnotes")
    with pytest.raises(ConfigError, match="must be a path"):
        SuperTokens(app, login_url="enter")


def test_what_is_missing_is_said_and_the_way_back_stays_here() -> None:
    with pytest.raises(RuntimeError, match=r"SuperTokens\(app\) has to wrap"):
        get_session({}, False)
    with pytest.raises(RuntimeError, match=r"SuperTokens\(app\) has to wrap"):
        current_session()
    assert next_url({"QUERY_STRING": "next=%2Fnotes"}) == "/notes"
    assert next_url({"QUERY_STRING": "next=%2F%2Fevil.example"}) == "/"
    assert next_url({}, form_value="/form") == "/form"


def in_bottle() -> WSGIApp:
    application = bottle.Bottle()
    application.catchall = False  # or Bottle would make a 500 of what is to be answered around it

    @application.post("/login")
    def log_in() -> str:
        return create_new_session(bottle.request, "ada").get_user_id()

    @application.get("/me")
    def me() -> str:
        return verify_session(bottle.request).get_user_id()

    made: WSGIApp = application
    return made


def in_falcon() -> WSGIApp:
    class LogIn:
        def on_post(self, req: Any, resp: Any) -> None:
            resp.text = create_new_session(req.env, "ada").get_user_id()

    class Me:
        def on_get(self, req: Any, resp: Any) -> None:
            resp.text = verify_session(req.env).get_user_id()

    def pass_on(req: Any, resp: Any, error: SuperTokensError, params: Any) -> None:
        raise error

    application = falcon.App()
    application.add_error_handler(SuperTokensError, pass_on)
    application.add_route("/login", LogIn())
    application.add_route("/me", Me())
    return application


def in_pyramid() -> WSGIApp:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it stands on imports modules that Python has deprecated
        from pyramid.config import Configurator
        from pyramid.response import Response

    def log_in(request: Any) -> Any:
        return Response(create_new_session(request, "ada").get_user_id())

    def me(request: Any) -> Any:
        return Response(verify_session(request).get_user_id())

    with Configurator() as config:
        for view in (log_in, me):
            config.add_route(view.__name__, "/login" if view is log_in else "/me")
            config.add_view(view, route_name=view.__name__)
        made: WSGIApp = config.make_wsgi_app()
        return made


@pytest.mark.parametrize("framework", [in_bottle, in_falcon, in_pyramid])
def test_a_framework_needs_a_few_lines(around: Around, framework: Callable[[], WSGIApp], clock: FakeClock) -> None:
    client = Client(around(framework(), routes=True))
    assert client.get("/me").status_code == 401
    assert client.post("/login").text == "ada"
    assert client.get("/me").text == "ada"
    clock.advance(hours=2)
    assert client.get("/me").json == {"error": "try refresh token", "message": "try refresh token"}
    assert client.post("/session/refresh").status_code == 200
    renewed = client.get("/me")
    assert (renewed.text, names_in(renewed)) == ("ada", {"sAccessToken"})
    assert client.post("/signout").status_code == 200
    assert client.get("/me").status_code == 401
