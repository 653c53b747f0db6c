# SPDX-License-Identifier: Apache-2.0
"""The app of the contract that the browser library's own tests have with a server (protocol-1, D.7), and a page."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from flask import Flask, Response, g, jsonify, request

from supertokens.core import Core
from supertokens.flask import (
    SuperTokens,
    SuperTokensUnauthorisedError,
    create_new_session,
    get_session,
    refresh_session,
    revoke_all_sessions_for_user,
    set_relevant_headers_for_options_api,
    supertokens_middleware,
    update_jwt_payload,
)

USER: Final = "ada"

_PAGE: Final = """<!doctype html>
<html lang="en">
<title>A page with the browser library</title>
<link rel="icon" href="data:,">
<script>const rawFetch = fetch.bind(window);</script>
<script src="/library.js"></script>
<script>
  // Where the API is, if not here.
  const api = new URLSearchParams(location.search).get("api") || location.origin;
  const library = supertokens.default;
  library.init({refreshTokenUrl: api + "/refresh"});

  // `no-store` keeps the HTTP cache from queueing parallel calls of one URL.
  async function call({method, path, body}, through = fetch) {
    const headers = body === undefined ? {} : {"content-type": "application/json"};
    const init = {method, headers, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body)};
    const response = await through(api + path, init);
    return {status: response.status, text: await response.text()};
  }
  // As other scripts, or older code of an application, would call: the library sees nothing of it.
  function callRaw(what) {
    return call(what, (url, init) => rawFetch(url, {...init, credentials: "include"}));
  }
  function startCalls(how, what, times) {
    const failed = reason => ({status: 0, text: String(reason)});
    const settled = () => Promise.race([how(what).catch(failed), new Promise(done => {
      setTimeout(() => done(failed("no answer within 20 s")), 20000);
    })]);
    window.calls = Array.from({length: times}, settled);
  }
</script>
"""


def contract_app(config: dict[str, Any], core: Core, library: str) -> Flask:
    """A Flask app with its own counters; `library` is the script that its page loads."""
    app = Flask(__name__)
    SuperTokens(app, core=core, **config)
    called: Counter[str] = Counter()

    @app.get("/index.html")
    def page() -> str:
        return _PAGE

    @app.get("/library.js")
    def script() -> Response:
        return Response(library, mimetype="text/javascript")

    @app.post("/login")
    def login() -> str:
        user_id: str = request.get_json()["userId"]
        return create_new_session(None, user_id).get_user_id()

    @app.get("/")
    def user() -> str:
        called["/"] += 1
        return get_session(None, True).get_user_id()

    @app.route("/update-jwt", methods=["GET", "POST"])
    @supertokens_middleware
    def payload() -> Response:
        if request.method == "POST":
            g.supertokens.update_jwt_payload(request.get_json())
        return jsonify(g.supertokens.get_jwt_payload())

    @app.post("/update-jwt-by-handle")
    @supertokens_middleware
    def payload_by_handle() -> str:
        update_jwt_payload(g.supertokens.get_handle(), request.get_json())
        return ""

    @app.post("/logout")
    @supertokens_middleware
    def logout() -> str:
        g.supertokens.revoke_session()
        return "success"

    @app.post("/revokeAll")
    @supertokens_middleware
    def revoke_all() -> str:
        revoke_all_sessions_for_user(g.supertokens.get_user_id())
        return "success"

    @app.get("/suspended")
    @supertokens_middleware
    def suspended() -> str:
        raise SuperTokensUnauthorisedError("the account is suspended")

    @app.post("/refresh")
    def refresh() -> Response:
        called["/refresh"] += 1
        response = Response("refresh success")
        refresh_session(response)
        return response

    @app.get("/refreshCalledTime")
    def refreshes() -> str:
        return str(called["/refresh"])

    @app.get("/getSessionCalledTime")
    def verifications() -> str:
        return str(called["/"])

    _open_to_other_origins(app)
    return app


def _open_to_other_origins(app: Flask) -> None:
    """CORS (protocol-1, D.3): origin and methods are the application's, the rest of a preflight is the extension's."""

    @app.before_request
    def preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        response = app.make_default_options_response()
        response.headers["Access-Control-Allow-Headers"] = "content-type"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        set_relevant_headers_for_options_api(response)
        return response

    @app.after_request
    def allow(response: Response) -> Response:
        if "Origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.vary.add("Origin")
            if request.method != "OPTIONS":
                response.headers["Access-Control-Allow-Credentials"] = "true"
        return response
