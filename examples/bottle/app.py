# SPDX-License-Identifier: Apache-2.0
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from bottle import Bottle, HTTPResponse, request

from supertokens.wsgi import SuperTokens, check_origin, create_new_session, verify_session

pages = Bottle()
pages.catchall = False  # session errors must reach SuperTokens, which wraps the app

HASHER = PasswordHasher()
USERS = {"ada": HASHER.hash("correct-horse")}  # a real app has a database
UNKNOWN = HASHER.hash("no user has this password")  # so that unknown names take as long as known ones


def is_right(name: str, password: str) -> bool:
    try:
        return HASHER.verify(USERS.get(name, UNKNOWN), password) and name in USERS
    except VerificationError:
        return False


@pages.post("/login")
def log_in():
    check_origin(request)  # otherwise, a page on another site could log its visitors in as somebody else
    said = request.json
    if not is_right(str(said["name"]), str(said["password"])):
        return HTTPResponse({"error": "name or password is wrong"}, 403)
    create_new_session(request, said["name"], {"role": "author"})
    return {"user": said["name"]}


@pages.get("/notes")
def notes():
    session = verify_session(request)
    return {"user": session.get_user_id(), "role": session.get_jwt_payload()["role"]}


@pages.post("/everywhere/signout")
def sign_out_everywhere():
    session = verify_session(request)
    return {"ended": len(app.revoke_all_sessions_for_user(session.get_user_id()))}


app = SuperTokens(pages, routes=True, anti_csrf="origin")
