# SPDX-License-Identifier: Apache-2.0
"""An application that real servers serve: plain WSGI."""

from __future__ import annotations

import os
from collections.abc import Iterable

from supertokens.wsgi import SuperTokens, create_new_session, verify_session
from supertokens.wsgi.requests import Environ, StartResponse


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    text = "in"
    if environ["PATH_INFO"] == "/login":
        create_new_session(environ, "ada", {"role": "admin"})
    elif environ["PATH_INFO"] == "/me":
        text = verify_session(environ).get_user_id()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


application = SuperTokens(app, routes=True, database=os.environ["DATABASE_OF_THE_TEST"], access_token_validity=3600)
