# SPDX-License-Identifier: Apache-2.0
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

from supertokens.fastapi import Session, SuperTokens, check_origin, create_new_session, require_session

app = FastAPI()
sessions = SuperTokens(app, routes=True, anti_csrf="origin")

HASHER = PasswordHasher()
USERS = {"ada": HASHER.hash("correct-horse")}  # a real app has a database
UNKNOWN = HASHER.hash("no user has this password")  # so that unknown names take as long as known ones


class LogIn(BaseModel):
    name: str
    password: str


def user_of(log_in: LogIn) -> str:  # not async, so that it runs in a thread: hashing would block the event loop
    try:
        HASHER.verify(USERS.get(log_in.name, UNKNOWN), log_in.password)
    except VerificationError:
        raise HTTPException(403, "name or password is wrong") from None
    if log_in.name not in USERS:
        raise HTTPException(403, "name or password is wrong")
    return log_in.name


@app.post("/login")
async def log_in(request: Request, name: Annotated[str, Depends(user_of)]):
    check_origin(request)  # otherwise, a page on another site could log its visitors in as somebody else
    await create_new_session(request, name, {"role": "author"})
    return {"user": name}


@app.get("/notes")
async def notes(session: Annotated[Session, Depends(require_session())]):
    return {"user": session.get_user_id(), "role": session.get_jwt_payload()["role"]}


@app.post("/everywhere/signout")
async def sign_out_everywhere(session: Annotated[Session, Depends(require_session())]):
    return {"ended": len(await sessions.revoke_all_sessions_for_user(session.get_user_id()))}
