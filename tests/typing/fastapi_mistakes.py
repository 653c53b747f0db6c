# SPDX-License-Identifier: Apache-2.0
# pyright: strict
"""Mistakes in a FastAPI app that type checkers see, each on a line of its own."""

from __future__ import annotations

from fastapi import FastAPI, Request

from supertokens.fastapi import (
    Session,
    SuperTokens,
    create_new_session,
    get_session,
    require_session,
    verify_session,
)

app = FastAPI()
SuperTokens(app, acess_token_validity=900)  # mistake: a name that is not an option
SuperTokens(app, renewal="browser")  # mistake: a value that is none
SuperTokens("app")  # mistake: no application
require_session(required="no")  # mistake: no truth value


async def view(request: Request) -> str:
    session = create_new_session(request, "ada")
    session.get_user_id()  # mistake: it was not awaited
    await create_new_session(request, 1)  # mistake: a user id is text
    await create_new_session("request", "ada")  # mistake: no request
    perhaps = await verify_session(request, required=False)
    perhaps.get_user_id()  # mistake: it may be None
    found: Session = await get_session(request, False, required=False)  # mistake: it may be None
    await found.update_jwt_payload(["a"])  # mistake: a payload is an object
    return await found.get_user_id()  # mistake: nothing to await
