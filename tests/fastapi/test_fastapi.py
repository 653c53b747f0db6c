# SPDX-License-Identifier: Apache-2.0
"""What FastAPI has of its own: dependencies, responses, handlers, applications in applications, OpenAPI."""

# FastAPI looks the annotations of routes up in the module, so that those of a test's routes are not kept as text.

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from anyio import from_thread
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.websockets import WebSocketDisconnect

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.fastapi import (
    Session,
    SuperTokens,
    SuperTokensBusyError,
    SuperTokensError,
    SuperTokensNotFreshError,
    SuperTokensUnauthorisedError,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    require_session,
    sign_out,
)
from supertokens.testing import FakeClock
from tests.asgi.still import StillStore

OURS = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}

Attach = Callable[..., TestClient]


@pytest.fixture
def attach(store: StillStore, clock: FakeClock) -> Attach:
    """Give an app sessions and a log-in; return a browser in front of it."""

    def attach(app: FastAPI, root_path: str = "", **options: Any) -> TestClient:
        routes = options.pop("routes", False)
        SuperTokens(app, core=EmbeddedCore(Config(**options), store, clock=clock), routes=routes, **options)

        @app.post("/login/{user_id}")
        async def log_in(request: Request, user_id: str) -> str:
            await create_new_session(request, user_id, {"role": "admin"})
            return "in"

        return TestClient(
            app, "https://testserver", root_path=root_path, raise_server_exceptions=False, follow_redirects=False
        )

    return attach


def with_route() -> FastAPI:
    app = FastAPI()

    @app.get("/me")
    async def me(session: Annotated[Session, Depends(require_session())]) -> dict[str, Any]:
        return {"user": session.get_user_id(), "payload": session.get_jwt_payload()}

    return app


def deleted_in(response: Any) -> set[str]:
    lines = response.headers.get_list("set-cookie")
    return {line.partition("=")[0] for line in lines if "; Max-Age=0;" in line}


# Protection


def test_a_route_is_protected_by_a_dependency(attach: Attach) -> None:
    client = attach(with_route())
    refused = client.get("/me")
    assert (refused.status_code, refused.json()) == (401, {"error": "unauthorised", "message": "unauthorised"})
    assert client.post("/login/ada").status_code == 200
    assert client.get("/me").json() == {"user": "ada", "payload": {"role": "admin"}}


def test_a_session_that_is_not_required_may_be_none(attach: Attach) -> None:
    app = FastAPI()

    @app.get("/")
    async def home(session: Session | None = Depends(require_session(required=False))) -> str:
        return "stranger" if session is None else session.get_user_id()

    client = attach(app)
    assert client.get("/").json() == "stranger"
    client.post("/login/ada")
    assert client.get("/").json() == "ada"


def test_one_route_may_ask_for_the_record_and_another_for_no_check(attach: Attach) -> None:
    app = FastAPI()

    @app.get("/quick", dependencies=[Depends(require_session())])
    async def quick() -> None: ...

    @app.get("/sure", dependencies=[Depends(require_session(check_database=True))])
    async def sure() -> None: ...

    @app.post("/checked", dependencies=[Depends(require_session())])
    async def checked() -> None: ...

    @app.post("/unchecked", dependencies=[Depends(require_session(False))])
    async def unchecked() -> None: ...

    client = attach(app, anti_csrf="origin")
    client.post("/login/ada")
    foreign = {"Origin": "https://evil.example"}
    assert [client.post(path, headers=foreign).status_code for path in ("/checked", "/unchecked")] == [403, 200]
    assert [client.get(path).status_code for path in ("/quick", "/sure")] == [200, 200]
    app.state.supertokens.core.revoke_user("ada")
    assert [client.get(path).status_code for path in ("/quick", "/sure")] == [200, 401]


def test_a_router_is_protected_as_a_whole(attach: Attach) -> None:
    app, router = FastAPI(), APIRouter(prefix="/notes", dependencies=[Depends(require_session())])

    @router.get("/{number}")
    async def note(request: Request, number: int) -> str:
        session = current_session()
        assert session is not None
        return f"{number} {session.get_user_id()}"

    app.include_router(router)
    client = attach(app)
    assert client.get("/notes/1").status_code == 401
    client.post("/login/ada")
    assert client.get("/notes/1").json() == "1 ada"


def test_a_check_comes_before_the_body_is_judged(attach: Attach) -> None:
    app = FastAPI()

    @app.post("/note")
    async def note(body: dict[str, int], session: Session = Depends(require_session())) -> None: ...

    client = attach(app)
    assert client.post("/note", json={"a": "b"}).status_code == 401
    client.post("/login/ada")
    assert client.post("/note", json={"a": "b"}).status_code == 422


def test_openapi_shows_what_protects_a_route(attach: Attach) -> None:
    client = attach(with_route())
    described = client.get("/openapi.json").json()
    assert described["components"]["securitySchemes"] == {
        "session": {"type": "apiKey", "in": "cookie", "name": "sAccessToken"}
    }
    assert described["paths"]["/me"]["get"]["security"] == [{"session": []}]
    assert "security" not in described["paths"]["/login/{user_id}"]["post"]
    assert "parameters" not in described["paths"]["/me"]["get"]


# Responses


def test_changes_go_on_whatever_is_sent(attach: Attach) -> None:
    app = FastAPI()

    @app.post("/parameter")
    async def parameter(request: Request, response: Response) -> str:
        response.set_cookie("own", "1")
        response.headers["Vary"] = "Accept"
        await create_new_session(request, "ada")
        return "in"

    @app.post("/returned")
    async def returned(request: Request) -> Response:
        await create_new_session(request, "ada")
        response = RedirectResponse("/", 303)
        response.set_cookie("own", "1")
        return response

    @app.post("/raised")
    async def raised(request: Request) -> None:
        await create_new_session(request, "ada")
        raise HTTPException(418, "short and stout", {"X-Own": "1"})

    @app.post("/failed")
    async def failed(request: Request) -> None:
        await create_new_session(request, "ada")
        raise ZeroDivisionError

    client = attach(app)
    for path, status in (("/parameter", 200), ("/returned", 303), ("/raised", 418), ("/failed", 500)):
        client.cookies.clear()
        response = client.post(path)
        assert response.status_code == status
        assert set(response.cookies) >= OURS, path
        assert response.headers["cache-control"] == "no-store"
        assert ("own" in response.cookies) is (path in ("/parameter", "/returned"))
    assert client.post("/parameter").headers["vary"] == "Accept, Cookie, Authorization"


def test_a_dependency_with_yield_sees_the_session_before_and_after(attach: Attach) -> None:
    seen: list[str] = []

    async def audit(request: Request) -> AsyncIterator[None]:
        try:
            yield
        except SuperTokensUnauthorisedError:
            seen.append("refused")
            raise
        session = current_session(request)
        seen.append("nobody" if session is None else session.get_user_id())

    app = FastAPI()

    @app.post("/switch", dependencies=[Depends(audit)])
    async def switch(request: Request, session: Session = Depends(require_session())) -> str:
        await create_new_session(request, "bob")
        return session.get_user_id()

    @app.post("/suspended", dependencies=[Depends(audit)])
    async def suspended(session: Session = Depends(require_session())) -> None:
        raise SuperTokensUnauthorisedError("suspended")

    client = attach(app)
    client.post("/login/ada")
    assert client.post("/switch").json() == "ada"
    refused = client.post("/suspended")
    assert refused.status_code == 401
    assert deleted_in(refused) >= OURS
    assert seen == ["bob", "refused"]


def test_background_tasks_have_the_session(attach: Attach) -> None:
    done: list[str] = []

    async def work(session: Session) -> None:
        await session.update_session_data({"done": True})
        current = current_session()
        assert current is not None
        done.append(current.get_user_id())

    app = FastAPI()

    @app.post("/work")
    async def start(tasks: BackgroundTasks, session: Session = Depends(require_session())) -> None:
        tasks.add_task(work, session)

    client = attach(app)
    client.post("/login/ada")
    assert client.post("/work").status_code == 200
    assert done == ["ada"]


def test_a_route_that_runs_in_a_thread_awaits_from_there(attach: Attach) -> None:
    app = FastAPI()

    @app.post("/out")
    def out(session: Session = Depends(require_session())) -> str:
        from_thread.run(session.revoke_session)
        return session.get_user_id()

    @app.get("/known")
    def known(session: Session = Depends(require_session())) -> str:
        current = current_session()
        assert current is not None
        return current.get_user_id()

    client = attach(app)
    client.post("/login/ada")
    assert client.get("/known").json() == "ada"
    assert deleted_in(client.post("/out")) >= OURS
    assert client.get("/known").status_code == 401


def test_middleware_that_runs_the_application_in_a_task_of_its_own_changes_nothing(attach: Attach) -> None:
    class Timing(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            response = await call_next(request)
            session = current_session(request)
            response.headers["X-User"] = "nobody" if session is None else session.get_user_id()
            return response

    app = with_route()
    app.add_middleware(Timing)
    client = attach(app)
    assert client.post("/login/ada").headers["x-user"] == "ada"
    assert client.get("/me").headers["x-user"] == "ada"
    client.cookies.clear()
    assert client.get("/me").headers["x-user"] == "nobody"


# Errors


def test_a_handler_of_the_applications_own_answers_and_the_cookies_are_cleared(attach: Attach) -> None:
    app = with_route()

    @app.get("/suspended")
    async def suspended() -> None:
        raise SuperTokensUnauthorisedError("suspended")

    client = attach(app)

    @app.exception_handler(SuperTokensUnauthorisedError)
    async def answer(request: Request, error: SuperTokensUnauthorisedError) -> JSONResponse:
        return JSONResponse({"own": str(error)}, 499)

    client.post("/login/ada")
    client.app.state.supertokens.core.revoke_user("ada")  # type: ignore[attr-defined]
    for path in ("/suspended", "/me?again"):
        response = client.get(path)
        if path == "/suspended":
            assert (response.status_code, response.json()) == (499, {"own": "suspended"})
            assert deleted_in(response) >= OURS


def test_a_handler_for_the_root_answers_all_of_them_and_may_be_no_coroutine(attach: Attach) -> None:
    app = with_route()

    @app.exception_handler(SuperTokensError)
    def answer(request: Request, error: SuperTokensError) -> JSONResponse:
        return JSONResponse(type(error).__name__, 499)

    client = attach(app)
    assert (client.get("/me").status_code, client.get("/me").json()) == (499, "SuperTokensUnauthorisedError")


@pytest.mark.parametrize("kind", [Exception, HTTPException, 401, 500])
def test_a_handler_for_everything_answers_none_of_ours(attach: Attach, kind: Any) -> None:
    app = with_route()

    @app.exception_handler(kind)
    async def answer(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse("own", 499)

    assert attach(app).get("/me").json() == {"error": "unauthorised", "message": "unauthorised"}


@pytest.mark.parametrize(("error", "status"), [(SuperTokensNotFreshError(), 403), (SuperTokensBusyError(), 503)])
def test_errors_that_the_application_raises_have_the_status_of_ours(
    attach: Attach, error: SuperTokensError, status: int
) -> None:
    app = FastAPI()

    @app.get("/")
    async def fail() -> None:
        raise error

    response = attach(app).get("/")
    assert response.status_code == status
    assert (response.headers.get("retry-after") == "1") is (status == 503)


def test_navigations_are_sent_to_the_route_that_logs_in(attach: Attach) -> None:
    app = FastAPI()

    @app.get("/notes", dependencies=[Depends(require_session())])
    async def notes() -> None: ...

    @app.get("/enter", name="log_in_page")
    async def enter() -> None: ...

    client = attach(app, login_url="log_in_page", root_path="/site")
    response = client.get("/site/notes", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["location"]) == (303, "/site/enter?next=%2Fsite%2Fnotes")


# Applications in applications


def test_an_application_that_is_mounted_shares_the_sessions_and_the_answers(attach: Attach) -> None:
    app, inner, innermost = FastAPI(), with_route(), with_route()

    @inner.post("/login")
    async def log_in(request: Request) -> str:
        return (await create_new_session(request, "eve")).get_user_id()

    @inner.post("/raise")
    async def fail() -> None:
        raise SuperTokensUnauthorisedError

    inner.mount("/inner", innermost)
    app.mount("/part", inner)
    client = attach(app)
    for path in ("/part/me", "/part/inner/me"):
        assert client.get(path).json() == {"error": "unauthorised", "message": "unauthorised"}
    assert client.post("/part/login").json() == "eve"
    assert {cookie.path for cookie in client.cookies.jar} == {"/", "/session/refresh"}
    for path in ("/part/me", "/part/inner/me"):
        assert client.get(path).json()["user"] == "eve"
    assert deleted_in(client.post("/part/raise")) >= OURS


def test_an_application_that_is_mounted_may_have_sessions_of_its_own(
    attach: Attach, store: StillStore, clock: FakeClock
) -> None:
    app, inner = with_route(), with_route()
    inner_core = EmbeddedCore(Config(session_expired_status_code=440), store, clock=clock)
    SuperTokens(inner, core=inner_core, session_expired_status_code=440, cookie_prefix="host", cookie_secure=True)
    app.mount("/part", inner)
    client = attach(app)
    assert [client.get(path).status_code for path in ("/me", "/part/me")] == [401, 440]
    client.post("/login/ada")
    assert [client.get(path).status_code for path in ("/me", "/part/me")] == [200, 440]


# The extension


def test_the_ready_made_routes_refresh_and_sign_out(attach: Attach) -> None:
    client = attach(with_route(), routes=True)
    client.post("/login/ada")
    before = {cookie.value for cookie in client.cookies.jar}
    assert client.post("/session/refresh").json() == {"status": "OK"}
    assert not before & {cookie.value for cookie in client.cookies.jar}
    page = client.post("/signout", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/")
    assert client.get("/me").status_code == 401
    assert "/session/refresh" not in client.get("/openapi.json").json()["paths"]
    found = client.get("/jwt/jwks.json")
    assert found.json()["keys"]
    assert "vary" not in found.headers


def test_verbs_by_user_end_the_requests_own_session_too(attach: Attach) -> None:
    app = with_route()

    @app.post("/end")
    async def end(session: Session = Depends(require_session())) -> list[str]:
        sessions: SuperTokens = app.state.supertokens
        return await sessions.revoke_all_sessions_for_user(session.get_user_id())

    client = attach(app)
    client.post("/login/ada")
    ended = client.post("/end")
    assert len(ended.json()) == 1
    assert deleted_in(ended) >= OURS


def test_pages_are_renewed_on_the_server(attach: Attach, clock: FakeClock) -> None:
    client = attach(with_route(), renewal="server")
    client.post("/login/ada")
    clock.advance(hours=2)
    renewed = client.get("/me")
    assert renewed.json()["user"] == "ada"
    assert {line.partition("=")[0] for line in renewed.headers.get_list("set-cookie")} == {
        "sAccessToken", "sRefreshToken",
    }  # fmt: skip


def test_every_verb_takes_the_request(attach: Attach) -> None:
    app = FastAPI()

    @app.post("/verbs")
    async def verbs(request: Request) -> list[str]:
        found = await get_session(request, False)
        refreshed = await refresh_session(request)
        return [found.get_user_id(), refreshed.get_handle(), *(await sign_out(request))]

    client = attach(app)
    client.post("/login/ada")
    client.cookies.set("sRefreshToken", client.cookies["sRefreshToken"], path="/verbs")
    user, handle, ended = client.post("/verbs").json()
    assert (user, ended) == ("ada", handle)


def test_a_websocket_has_the_session_and_is_refused_without(attach: Attach) -> None:
    app = FastAPI()

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, session: Session = Depends(require_session())) -> None:
        await websocket.accept()
        await websocket.send_text(session.get_user_id())
        await websocket.close()

    client = attach(app, anti_csrf="origin")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("wss://testserver/socket"):
        pass
    client.post("/login/ada")
    with client.websocket_connect("wss://testserver/socket") as opened:
        assert opened.receive_text() == "ada"
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("wss://testserver/socket", headers={"Origin": "https://evil.example"}),
    ):
        pass


def test_an_app_takes_the_extension_once_and_before_it_is_served(attach: Attach) -> None:
    app = with_route()
    client = attach(app)
    with pytest.raises(RuntimeError, match="already has sessions"):
        SuperTokens(app)
    del app.state.supertokens
    client.get("/me")
    with pytest.raises(RuntimeError, match="has answered requests already"):
        SuperTokens(app)
