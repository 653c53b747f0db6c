# SPDX-License-Identifier: Apache-2.0
# pyright: strict
"""A FastAPI app as a user writes it: nothing in it is wrong, and type checkers in their strict modes find nothing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse
from starlette.applications import Starlette

from supertokens import Core
from supertokens.asgi import SuperTokens as AsgiSuperTokens
from supertokens.fastapi import (
    Session,
    SuperTokens,
    SuperTokensUnauthorisedError,
    UserSession,
    check_origin,
    create_new_session,
    current_session,
    get_session,
    next_url,
    refresh_session,
    require_session,
    sign_out,
    verify_session,
)
from supertokens.starlette import SuperTokens as StarletteSuperTokens

app = FastAPI()
sessions = SuperTokens(app, routes=True, threads=4, max_waiting=100, renewal="server", login_url="/login")
inner = Starlette()
StarletteSuperTokens(inner, access_token_validity=900)
application = AsgiSuperTokens(inner, access_token_validity=900)
core: Core = sessions.core

MaybeSession = Annotated[Session | None, Depends(require_session(required=False))]


@app.post("/login/{user_id}")
async def log_in(request: Request, user_id: str) -> dict[str, str]:
    check_origin(request)
    session = await create_new_session(request, user_id, {"role": "admin"}, {"cart": []}, remember=False)
    return {"user": session.get_user_id(), "next": next_url(request, "/")}


@app.get("/me")
async def me(session: Annotated[Session, Depends(require_session())]) -> dict[str, Any]:
    payload = session.get_jwt_payload()
    await session.update_jwt_payload({**payload, "seen": True})
    await session.update_session_data(lambda data: {**data, "seen": True})
    await session.require_fresh(600)
    return await session.get_session_data()


@app.get("/")
async def home(session: MaybeSession) -> str:
    return "stranger" if session is None else session.get_user_id()


@app.post("/sessions")
async def devices(
    request: Request, session: Session = Depends(require_session(True, check_database=True))
) -> list[str]:
    found: Session = await get_session(request, True)
    perhaps: Session | None = await get_session(request, True, required=False)
    known = current_session()
    listed: list[UserSession] = await sessions.list_sessions(found.get_user_id(), limit=10)
    ended: list[str] = await sessions.revoke_all_sessions_for_user("bob")
    gone: bool = await sessions.revoke_session("handle")
    assert perhaps is not None
    assert known is not None
    assert not gone
    return [*ended, *(each.handle for each in listed), *await session.revoke_other_sessions()]


@app.post("/refresh")
async def refresh(request: Request) -> str:
    return (await refresh_session(request)).get_access_token()


@app.post("/out")
async def out(request: Request) -> list[str]:
    return await sign_out(request)


@app.websocket("/socket")
async def socket(websocket: WebSocket) -> None:
    session: Session = await verify_session(websocket)
    await websocket.accept()
    await websocket.send_text(session.get_handle())


@app.exception_handler(SuperTokensUnauthorisedError)
async def unauthorised(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"reason": str(error)}, 401)
