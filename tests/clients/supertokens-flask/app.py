# SPDX-License-Identifier: Apache-2.0
"""An app with the real supertokens-flask: `app.py '{"hosts": "http://…;http://…", "api_key": …}'`.

It listens on a free port of 127.0.0.1, which its first line of output names.
"""

import json
import sys

import supertokens_flask
from flask import Flask, g, jsonify, make_response, request
from supertokens_flask import supertokens_middleware
from werkzeug.serving import WSGIRequestHandler, make_server

given = json.loads(sys.argv[1])

app = Flask(__name__)
app.config["SUPERTOKENS_HOSTS"] = given["hosts"]
if given["api_key"] is not None:
    app.config["SUPERTOKENS_API_KEY"] = given["api_key"]
supertokens_flask.SuperTokens(app)


@app.post("/login")
def login():
    wanted = request.get_json()
    response = make_response({})
    session = supertokens_flask.create_new_session(response, wanted["user"], wanted["payload"], wanted["data"])
    response.set_data(json.dumps({"handle": session.get_handle()}))
    return response


@app.route("/me", methods=["GET", "POST"])
@supertokens_middleware
def me():
    return shown()


@app.post("/session/refresh")
@supertokens_middleware
def refresh():
    return shown()


@app.post("/payload")
@supertokens_middleware
def payload():
    g.supertokens.update_jwt_payload(request.get_json())
    return shown()


@app.route("/data", methods=["GET", "POST"])
@supertokens_middleware
def data():
    if request.method == "POST":
        g.supertokens.update_session_data(request.get_json())
    return jsonify(g.supertokens.get_session_data())


@app.post("/logout")
@supertokens_middleware
def logout():
    g.supertokens.revoke_session()
    return {}


@app.get("/sessions/<user>")
def sessions(user):
    return jsonify(supertokens_flask.get_all_session_handles_for_user(user))


@app.delete("/sessions/<user>")
def revoke_all(user):
    return jsonify(supertokens_flask.revoke_all_sessions_for_user(user))


@app.get("/stored/<handle>")
def stored(handle):
    return jsonify(supertokens_flask.get_jwt_payload(handle))


@app.put("/stored/<handle>")
def store(handle):
    supertokens_flask.update_jwt_payload(handle, request.get_json())
    return {}


def shown():
    session = g.supertokens
    return {"user": session.get_user_id(), "handle": session.get_handle(), "payload": session.get_jwt_payload()}


# One request at a time: this version of the library keeps its next host in an index that threads can push off the list.
server = make_server("127.0.0.1", 0, app, request_handler=WSGIRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()
