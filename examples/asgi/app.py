# SPDX-License-Identifier: Apache-2.0
import asyncio
import json

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from supertokens.asgi import SuperTokens, check_origin, create_new_session, verify_session

HASHER = PasswordHasher()
USERS = {"ada": HASHER.hash("correct-horse")}  # a real app has a database
UNKNOWN = HASHER.hash("no user has this password")  # so that unknown names take as long as known ones


def is_right(name: str, password: str) -> bool:
    try:
        return HASHER.verify(USERS.get(name, UNKNOWN), password) and name in USERS
    except VerificationError:
        return False


async def log_in(scope, receive):
    check_origin(scope)  # otherwise, a page on another site could log its visitors in as somebody else
    said = json.loads((await receive())["body"])  # a framework would join the pieces of longer bodies
    # In a thread: hashing a password takes long enough to block the event loop.
    if not await asyncio.to_thread(is_right, str(said["name"]), str(said["password"])):
        return 403, {"error": "name or password is wrong"}
    await create_new_session(scope, said["name"], {"role": "author"})
    return 200, {"user": said["name"]}


async def notes(scope, receive):
    session = await verify_session(scope)
    return 200, {"user": session.get_user_id(), "role": session.get_jwt_payload()["role"]}


async def sign_out_everywhere(scope, receive):
    session = await verify_session(scope)
    return 200, {"ended": len(await app.revoke_all_sessions_for_user(session.get_user_id()))}


async def not_found(scope, receive):
    return 404, {"error": "not found"}


VIEWS = {
    ("POST", "/login"): log_in,
    ("GET", "/notes"): notes,
    ("POST", "/everywhere/signout"): sign_out_everywhere,
}


async def answer(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    status, said = await VIEWS.get((scope["method"], scope["path"]), not_found)(scope, receive)
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


app = SuperTokens(answer, routes=True, anti_csrf="origin")
