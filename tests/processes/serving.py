# SPDX-License-Identifier: Apache-2.0
"""An application as servers load it: log-ins in the process that answers, and in a process that this one forks."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection

import flask

from supertokens.errors import SuperTokensGeneralError
from supertokens.flask import SuperTokens, create_new_session

app = flask.Flask("app", instance_path=os.environ["SESSIONS_FOLDER"])
SuperTokens(app, cookie_secure=False)


def log_in() -> dict[str, object]:
    try:
        return {"created": create_new_session(None, "user").get_handle(), "pid": os.getpid()}
    except SuperTokensGeneralError as error:
        return {"refused": str(error), "pid": os.getpid()}


@app.post("/login")
def log_in_here() -> dict[str, object]:
    return log_in()


@app.post("/login-in-a-child")
def log_in_in_a_child() -> dict[str, object]:
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=report, args=[there])
    child.start()
    there.close()
    try:
        return here.recv() if here.poll(30) else {"hung": True, "pid": child.pid}
    finally:
        child.kill()
        child.join()


def report(pipe: Connection) -> None:
    with app.test_request_context():
        pipe.send(log_in())


if os.environ.get("LOG_IN_AT_IMPORT"):
    with app.test_request_context():
        log_in()
