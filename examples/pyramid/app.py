# SPDX-License-Identifier: Apache-2.0
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden

from supertokens.wsgi import SuperTokens, check_origin, create_new_session, verify_session

HASHER = PasswordHasher()
USERS = {"ada": HASHER.hash("correct-horse")}  # a real app has a database
UNKNOWN = HASHER.hash("no user has this password")  # so that unknown names take as long as known ones


def is_right(name: str, password: str) -> bool:
    try:
        return HASHER.verify(USERS.get(name, UNKNOWN), password) and name in USERS
    except VerificationError:
        return False


def log_in(request):
    check_origin(request)  # otherwise, a page on another site could log its visitors in as somebody else
    said = request.json_body
    if not is_right(str(said["name"]), str(said["password"])):
        raise HTTPForbidden("name or password is wrong")
    create_new_session(request, said["name"], {"role": "author"})
    return {"user": said["name"]}


def notes(request):
    session = verify_session(request)
    return {"user": session.get_user_id(), "role": session.get_jwt_payload()["role"]}


def sign_out_everywhere(request):
    session = verify_session(request)
    return {"ended": len(app.revoke_all_sessions_for_user(session.get_user_id()))}


with Configurator() as config:
    for view, method, path in (
        (log_in, "POST", "/login"),
        (notes, "GET", "/notes"),
        (sign_out_everywhere, "POST", "/everywhere/signout"),
    ):
        config.add_route(view.__name__, path, request_method=method)
        config.add_view(view, route_name=view.__name__, renderer="json")
    pages = config.make_wsgi_app()
app = SuperTokens(pages, routes=True, anti_csrf="origin")
