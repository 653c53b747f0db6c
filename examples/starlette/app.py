# SPDX-License-Identifier: Apache-2.0
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from supertokens.starlette import SuperTokens, check_origin, create_new_session, verify_session

HASHER = PasswordHasher()
USERS = {"ada": HASHER.hash("correct-horse")}  # a real app has a database
UNKNOWN = HASHER.hash("no user has this password")  # so that unknown names take as long as known ones


def is_right(name: str, password: str) -> bool:
    try:
        return HASHER.verify(USERS.get(name, UNKNOWN), password) and name in USERS
    except VerificationError:
        return False


async def log_in(request: Request) -> JSONResponse:
    check_origin(request)  # otherwise, a page on another site could log its visitors in as somebody else
    said = await request.json()
    # In a thread: hashing a password takes long enough to block the event loop.
    if not await run_in_threadpool(is_right, str(said["name"]), str(said["password"])):
        raise HTTPException(403, "name or password is wrong")
    await create_new_session(request, said["name"], {"role": "author"})
    return JSONResponse({"user": said["name"]})


async def notes(request: Request) -> JSONResponse:
    session = await verify_session(request)
    return JSONResponse({"user": session.get_user_id(), "role": session.get_jwt_payload()["role"]})


async def sign_out_everywhere(request: Request) -> JSONResponse:
    session = await verify_session(request)
    ended = await sessions.revoke_all_sessions_for_user(session.get_user_id())
    return JSONResponse({"ended": len(ended)})


app = Starlette(
    routes=[
        Route("/login", log_in, methods=["POST"]),
        Route("/notes", notes),
        Route("/everywhere/signout", sign_out_everywhere, methods=["POST"]),
    ]
)
sessions = SuperTokens(app, routes=True, anti_csrf="origin")
