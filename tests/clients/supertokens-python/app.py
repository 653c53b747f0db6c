# SPDX-License-Identifier: Apache-2.0
"""An app with the real supertokens-python and only its session recipe: `app.py '{"core": "http://…", …}'`.

It listens on a free port of 127.0.0.1, which its first line of output names.
"""

import json
import sys

from flask import Flask, g, jsonify, request
from supertokens_python import InputAppInfo, SupertokensConfig, init
from supertokens_python.framework.flask import Middleware
from supertokens_python.recipe import session
from supertokens_python.recipe.session import syncio
from supertokens_python.recipe.session.framework.flask import verify_session
from supertokens_python.types import RecipeUserId
from werkzeug.serving import make_server

given = json.loads(sys.argv[1])

init(
    app_info=InputAppInfo(app_name="test", api_domain="http://127.0.0.1", website_domain="http://127.0.0.1"),
    supertokens_config=SupertokensConfig(connection_uri=given["core"], api_key=given["api_key"]),
    framework="flask",
    recipe_list=[
        session.init(anti_csrf=given["anti_csrf"], use_dynamic_access_token_signing_key=given["dynamic_signing_key"])
    ],
    telemetry=False,
)
app = Flask(__name__)
Middleware(app)


@app.post("/login")
def login():
    wanted = request.get_json()
    made = syncio.create_new_session(request, "public", RecipeUserId(wanted["user"]), wanted["payload"], wanted["data"])
    return {"handle": made.get_handle()}


@app.route("/me", methods=["GET", "POST"])
@verify_session()
def me():
    return shown()


@app.get("/me/checked")
@verify_session(check_database=True)
def me_checked():
    return shown()


@app.post("/merge")
@verify_session()
def merge():
    g.supertokens.sync_merge_into_access_token_payload(request.get_json())
    return shown()


@app.route("/data", methods=["GET", "POST"])
@verify_session()
def data():
    if request.method == "POST":
        g.supertokens.sync_update_session_data_in_database(request.get_json())
    return jsonify(g.supertokens.sync_get_session_data_from_database())


@app.post("/logout")
@verify_session()
def logout():
    g.supertokens.sync_revoke_session()
    return {}


@app.get("/sessions/<user>")
def sessions(user):
    return jsonify(syncio.get_all_session_handles_for_user(user))


@app.delete("/sessions/<user>")
def revoke_all(user):
    return jsonify(syncio.revoke_all_sessions_for_user(user))


@app.delete("/session/<handle>")
def revoke(handle):
    return jsonify(syncio.revoke_session(handle))


@app.get("/stored/<handle>")
def stored(handle):
    found = syncio.get_session_information(handle)
    return jsonify(None if found is None else found.custom_claims_in_access_token_payload)


@app.put("/stored/<handle>")
def merge_into_stored(handle):
    return jsonify(syncio.merge_into_access_token_payload(handle, request.get_json()))


def shown():
    now = g.supertokens
    return {"user": now.get_user_id(), "handle": now.get_handle(), "payload": now.get_access_token_payload()}


server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
