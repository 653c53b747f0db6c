# SPDX-License-Identifier: Apache-2.0
# pyright: strict
"""What a type checker has to flag, and nothing else: each line that has a mistake says so at its end."""

from __future__ import annotations

from flask import Flask

from supertokens.flask import (
    SuperTokens,
    SuperTokensUnauthorisedError,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    revoke_multiple_sessions,
    revoke_session,
    supertokens_middleware,
)

app = Flask(__name__)

SuperTokens(app, access_token_validty=900)  # mistake: a misspelt option
SuperTokens(app, access_token_validity="900")  # mistake: text for a number
SuperTokens(app, cookie_secure="true")  # mistake: text for a bool
SuperTokens(app, cookie_same_site="laxx")  # mistake: a value that the option does not have
SuperTokens(app, cookie_domain=["example.com"])  # mistake: a list for text
SuperTokens(app, core="sqlite")  # mistake: no core
SuperTokens().init_app(app, access_token_validity=900)  # mistake: options belong to the constructor


@supertokens_middleware
def bare(number: int) -> str:
    return str(number)


@supertokens_middleware(True)
def checked(number: int, *, detailed: bool = False) -> str:
    return str(number)


@supertokens_middleware()
def with_brackets(number: int) -> str:
    return str(number)


bare()  # mistake: an argument is missing
bare("seven")  # mistake: an argument of another type
checked()  # mistake: an argument is missing
checked(7, detail=True)  # mistake: a misspelt argument
with_brackets(7, 8)  # mistake: an argument too many
returned: int = checked(7)  # mistake: the view returns text


@supertokens_middleware("strict")  # mistake: no bool
def protected() -> str:
    return ""


get_session(None, True).get_user()  # mistake: a method that a session does not have
identifier = refresh_session(None).user_id  # mistake: an attribute that a session does not have
get_session(None)  # mistake: whether to check is not said
current_session().get_user_id()  # mistake: there may be none
get_session(None, True, required=False).get_user_id()  # mistake: there may be none
if session := current_session():
    session.get_userid()  # mistake: a misspelt method
    session.update_jwt_payload(["admin"])  # mistake: no JSON object
    length: str = session.get_jwt_payload()  # mistake: a payload is a dict
create_new_session("response", "ada")  # mistake: no response
create_new_session(None, 7)  # mistake: a user id is text
create_new_session(None, "ada", jwt_payload="admin")  # mistake: no JSON object
revoke_session(["a", "b"])  # mistake: one handle
revoke_multiple_sessions(7)  # mistake: handles


def answer(error: SuperTokensUnauthorisedError) -> str:
    return str(error)


def answer_a_theft(session_handle: str) -> str:
    return session_handle


sessions = SuperTokens(app)
sessions.set_unauthorised_error_handler(answer)
sessions.set_token_theft_detected_error_handler(answer_a_theft)  # mistake: it is given a user id, too
sessions.set_unauthorized_error_handler(answer)  # mistake: a misspelt method
