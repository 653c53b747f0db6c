# SPDX-License-Identifier: Apache-2.0
import falcon
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from supertokens.wsgi import SuperTokens, SuperTokensError, check_origin, create_new_session, verify_session

HASHER = PasswordHasher()
USERS = {"ada": HASHER.hash("correct-horse")}  # a real app has a database
UNKNOWN = HASHER.hash("no user has this password")  # so that unknown names take as long as known ones


def is_right(name: str, password: str) -> bool:
    try:
        return HASHER.verify(USERS.get(name, UNKNOWN), password) and name in USERS
    except VerificationError:
        return False


class LogIn:
    def on_post(self, req, resp):
        check_origin(req.env)  # otherwise, a page on another site could log its visitors in as somebody else
        said = req.get_media()
        if not is_right(str(said["name"]), str(said["password"])):
            raise falcon.HTTPForbidden(title="name or password is wrong")
        create_new_session(req.env, said["name"], {"role": "author"})
        resp.media = {"user": said["name"]}


class Notes:
    def on_get(self, req, resp):
        session = verify_session(req.env)
        resp.media = {"user": session.get_user_id(), "role": session.get_jwt_payload()["role"]}


class Everywhere:
    def on_post(self, req, resp):
        session = verify_session(req.env)
        resp.media = {"ended": len(app.revoke_all_sessions_for_user(session.get_user_id()))}


def pass_on(req, resp, error, params):
    raise error  # SuperTokens, which wraps the app, responds to it


pages = falcon.App()
pages.add_error_handler(SuperTokensError, pass_on)
pages.add_route("/login", LogIn())
pages.add_route("/notes", Notes())
pages.add_route("/everywhere/signout", Everywhere())
app = SuperTokens(pages, routes=True, anti_csrf="origin")
