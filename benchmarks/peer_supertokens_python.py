# SPDX-License-Identifier: Apache-2.0
"""A process with supertokens-python in Flask, in an environment of its own, on a running core service.

python -m benchmarks.peer_supertokens_python URL
"""

from __future__ import annotations

import sys
from typing import Any, Final

import flask
from supertokens_python import InputAppInfo, SupertokensConfig, init
from supertokens_python.framework.flask import Middleware
from supertokens_python.recipe import session
from supertokens_python.recipe.session import syncio
from supertokens_python.recipe.session.framework.flask import verify_session
from supertokens_python.types import RecipeUserId

from benchmarks import names
from benchmarks.other_process import answer
from benchmarks.rounds import Loop
from benchmarks.wsgi import Client, browser_request, cookies_after, require_ok

_USER_ID: Final = "3f0c9b64-7d31-4c59-9f6c-0d6d3b8e5a17"


def supertokens_python_cases(core: str) -> list[Loop]:
    """Return the bare route, and the protected one, which asks the core once for its keys and verifies by itself."""
    bare = flask.Flask("bare")
    bare.add_url_rule("/me", view_func=lambda: _USER_ID)
    init(
        app_info=InputAppInfo(app_name="bench", api_domain="http://127.0.0.1", website_domain="http://127.0.0.1"),
        supertokens_config=SupertokensConfig(connection_uri=core),
        framework="flask",
        recipe_list=[session.init(anti_csrf="NONE")],
        telemetry=False,
    )
    app = flask.Flask("supertokens_python")
    Middleware(app)

    @app.post("/login")
    def login() -> str:
        payload = {"role": "editor", "team": 42}
        syncio.create_new_session(flask.request, "public", RecipeUserId(_USER_ID), payload, {})
        return _USER_ID

    @app.get("/me")
    @verify_session()
    def me() -> str:
        return str(flask.g.supertokens.get_user_id())

    client = Client(app)
    headers = {"st-auth-mode": "cookie"}
    answered = client(browser_request("POST", "/login", headers=headers))
    require_ok([answered])
    cookies = {name: value for name, value in cookies_after(answered).items() if name == "sAccessToken"}
    if client(browser_request("GET", "/me"))[0].startswith("200"):
        raise RuntimeError("supertokens-python: a request without cookies was let pass")
    return [
        _case(names.SUPERTOKENS_PYTHON_BARE, bare, browser_request("GET", "/me", cookies)),
        _case(names.SUPERTOKENS_PYTHON, app, browser_request("GET", "/me", cookies)),
    ]


def _case(name: str, app: flask.Flask, environ: dict[str, Any]) -> Loop:
    return Loop(name, Client(app), lambda count: [dict(environ) for _ in range(count)], require_ok)


if __name__ == "__main__":
    answer(supertokens_python_cases(sys.argv[1]))
