# SPDX-License-Identifier: Apache-2.0
import json
from http import HTTPStatus

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from supertokens.wsgi import SuperTokens, check_origin, create_new_session, verify_session

HASHER = PasswordHasher()
USERS = {"ada": HASHER.hash("correct-horse")}  # a real app has a database
UNKNOWN = HASHER.hash("no user has this password")  # so that unknown names take as long as known ones


def is_right(name: str, password: str) -> bool:
    try:
        return HASHER.verify(USERS.get(name, UNKNOWN), password) and name in USERS
    except VerificationError:
        return False


def log_in(environ):
    check_origin(environ)  # otherwise, a page on another site could log its visitors in as somebody else
    said = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    if not is_right(str(said["name"]), str(said["password"])):
        return 403, {"error": "name or password is wrong"}
    create_new_session(environ, said["name"], {"role": "author"})
    return 200, {"user": said["name"]}


def notes(environ):
    session = verify_session(environ)
    return 200, {"user": session.get_user_id(), "role": session.get_jwt_payload()["role"]}


def sign_out_everywhere(environ):
    session = verify_session(environ)
    return 200, {"ended": len(app.revoke_all_sessions_for_user(session.get_user_id()))}


def not_found(environ):
    return 404, {"error": "not found"}


VIEWS = {
    ("POST", "/login"): log_in,
    ("GET", "/notes"): notes,
    ("POST", "/everywhere/signout"): sign_out_everywhere,
}


def answer(environ, start_response):
    status, said = VIEWS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]), not_found)(environ)
    start_response(f"{status} {HTTPStatus(status).phrase}", [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]


app = SuperTokens(answer, routes=True, anti_csrf="origin")
