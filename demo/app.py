# SPDX-License-Identifier: Apache-2.0
"""The demo: sessions in a small Flask app, and a page that shows what happens as it happens.

    python demo/app.py [--folder FOLDER]

Serves on http://127.0.0.1:8000 (PORT overrides), with the sessions in a SQLite file in a temporary folder or, given
one (`--folder` or DEMO_FOLDER), in that one; or in the database that SUPERTOKENS_DATABASE names. Everything below
`create_app` up to "The thief" is what an application looks like; the thief exists for the demo only.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import BadRequest, Conflict, HTTPException, RequestEntityTooLarge
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response as BaseResponse

from supertokens import ConfigError
from supertokens.flask import (
    Session,
    SuperTokens,
    create_new_session,
    get_all_session_handles_for_user,
    revoke_all_sessions_for_user,
    supertokens_middleware,
)

__all__ = ["create_app", "main"]

HOST: Final = "127.0.0.1"
REFRESH_PATH: Final = "/session/refresh"
MAX_BODY_BYTES: Final = 64 * 1024

DEMO_OPTIONS: Final[dict[str, Any]] = {
    "access_token_validity": 15,  # seconds: short, so that rotation can be watched
    "refresh_token_validity": 10,  # minutes
    # Seconds: nobody has to wait until a straggler counts as a thief, and the first use of a pair shows until three of
    # them before its access token expires.
    "refresh_token_rotation_grace_period": 1,
    "access_token_blacklisting": True,  # a revoked session ends with its next request, not with its access token
    "refresh_api_path": REFRESH_PATH,
}


def create_app(folder: Path | None = None, **options: object) -> Flask:
    """The app, with its store in `folder`, or in a temporary one that goes when the app goes; or in the database that
    SUPERTOKENS_DATABASE names in the environment.

    `options` are keys of the configuration and override those of the demo. Raises OSError if `folder` cannot be made.
    """
    home = Path(tempfile.mkdtemp(prefix="supertokens-demo-")) if folder is None else folder.resolve()
    home.mkdir(parents=True, exist_ok=True)
    app = Flask(__name__, root_path=str(Path(__file__).resolve().parent))
    app.config["DEMO_FOLDER"] = home
    if folder is None:
        weakref.finalize(app, shutil.rmtree, home, ignore_errors=True)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.register_error_handler(HTTPException, _answer_http_error)
    app.after_request(_harden)
    file = {} if os.environ.get("SUPERTOKENS_DATABASE") else {"database": home / "supertokens.sqlite3"}
    keys = file | DEMO_OPTIONS | options
    SuperTokens(app, **keys)
    _add_thief(app)
    _add_page(app)
    _add_api(app)
    return app


def _add_page(app: Flask) -> None:
    @app.get("/")
    def page() -> Response:
        return app.send_static_file("index.html")


def _add_api(app: Flask) -> None:
    @app.post("/api/login")
    def login() -> Response:
        body = _json_object()
        if "userId" not in body:
            raise BadRequest('userId is missing: send {"userId": "ada"}')
        payload = _object(body.get("jwtPayload", {}), "jwtPayload")
        with _bad_input_answered():
            g.supertokens = create_new_session(None, body["userId"], payload)
        return _shown(g.supertokens)

    @app.get("/api/me")
    @supertokens_middleware
    def me() -> Response:
        return _shown(g.supertokens)

    @app.post("/api/payload")
    @supertokens_middleware
    def replace_payload() -> Response:
        payload = _json_object()
        with _bad_input_answered():
            g.supertokens.update_jwt_payload(payload)
        return _shown(g.supertokens)

    @app.get("/api/sessions")
    @supertokens_middleware
    def sessions() -> Response:
        user_id = g.supertokens.get_user_id()
        handles = get_all_session_handles_for_user(user_id)
        return jsonify(userId=user_id, sessionHandles=handles, current=g.supertokens.get_handle())

    @app.post("/api/logout")
    @supertokens_middleware
    def logout() -> Response:
        g.supertokens.revoke_session()
        return jsonify(revoked=[g.supertokens.get_handle()])

    @app.post("/api/logout-everywhere")
    @supertokens_middleware
    def logout_everywhere() -> Response:
        revoked = revoke_all_sessions_for_user(g.supertokens.get_user_id())
        g.supertokens.revoke_session()  # it is gone by now; this clears the cookies of this browser
        return jsonify(revoked=revoked)

    @app.post(REFRESH_PATH)
    @supertokens_middleware
    def refresh() -> Response:
        return _shown(g.supertokens)


def _shown(session: Session) -> Response:
    return jsonify(
        userId=session.get_user_id(), sessionHandle=session.get_handle(), jwtPayload=session.get_jwt_payload()
    )


def _json_object() -> dict[str, Any]:
    """The body. Asking for the content type keeps forms of other sites out: they cannot send this one."""
    if request.mimetype != "application/json":
        raise BadRequest("the body must be JSON: send it with Content-Type: application/json")
    try:
        text = request.get_data().decode()
        return _object(json.loads(text, parse_constant=_refuse_constant), "the body")
    except RequestEntityTooLarge:
        raise BadRequest(f"the body is too large: at most {MAX_BODY_BYTES} bytes") from None
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except ValueError as error:
        raise BadRequest(f"the body is not JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{name} must be a JSON object")
    return value


@contextmanager
def _bad_input_answered() -> Iterator[None]:
    """What the library refuses of a user id or a payload is here the mistake of whoever sent it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        # It begins with the name of the argument at fault; the sender knows it by its name in JSON.
        name, space, rest = str(error).partition(" ")
        name = name.replace("user_id", "userId", 1).replace("jwt_payload", "jwtPayload", 1)
        raise BadRequest(f"{name}{space}{rest}") from error


def _answer_http_error(error: HTTPException) -> BaseResponse:
    response = error.get_response()
    response.data = json.dumps({"error": error.name.lower(), "message": error.description})
    response.content_type = "application/json"
    return response


def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


# The thief: FOR THE DEMO ONLY. A refresh token lives in an HttpOnly cookie, out of reach of the page's script, so the
# server has to keep what a thief would have stolen. No application may ever do this.


class _Tokens(NamedTuple):
    """Refresh tokens handed out to one session: the first that this process saw, and the newest."""

    first: str
    newest: str


class _HandedOut:
    """By session handle, in memory; the oldest sessions are forgotten."""

    _MOST_SESSIONS: Final = 1000

    def __init__(self) -> None:
        self._tokens: dict[str, _Tokens] = {}
        self._lock = threading.Lock()

    def __getitem__(self, handle: str) -> _Tokens | None:
        return self._tokens.get(handle)

    def add(self, handle: str, token: str) -> None:
        with self._lock:
            known = self._tokens.get(handle)
            self._tokens[handle] = _Tokens(known.first if known else token, token)
            if len(self._tokens) > self._MOST_SESSIONS:
                self._tokens.pop(next(iter(self._tokens)))


class _Party:
    """One who sends requests, with a cookie jar and a User-Agent of its own, and notes what came of them."""

    def __init__(self, app: Flask, who: str, user_agent: str, refresh_token: str, steps: list[dict[str, Any]]) -> None:
        self._who = who
        self._steps = steps
        self._headers = {"User-Agent": user_agent}
        self._client = app.test_client()
        self._client.set_cookie("sRefreshToken", refresh_token, path=REFRESH_PATH)

    def __call__(self, method: str, path: str, meaning: str) -> TestResponse:
        # In a context of its own: a request inside a request would share `g` with it.
        answer = Context().run(self._client.open, path, method=method, headers=self._headers)
        self._steps.append(
            {
                "who": self._who,
                "request": f"{method} {path}",
                "meaning": meaning,
                "status": answer.status_code,
                "answer": answer.get_json(),
            }
        )
        return answer


def _add_thief(app: Flask) -> None:
    handed_out = _HandedOut()

    application = app.wsgi_app

    # Around the extension, which puts the cookies on when the response starts.
    def keep_refresh_token(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            session = g.get("supertokens")
            for name, value in headers:
                cookie, _, rest = value.partition("=")
                token = rest.partition(";")[0]
                if (name, cookie) == ("Set-Cookie", "sRefreshToken") and token and session is not None:
                    handed_out.add(session.get_handle(), token)
            return start_response(status, headers, error)

        return application(environ, start)

    app.wsgi_app = keep_refresh_token  # type: ignore[method-assign]

    @app.post("/api/demo/thief")
    @supertokens_middleware
    def play_the_thief() -> Response:
        """Replay a replaced refresh token of this session, from another client. Demo only."""
        handle, user_id = g.supertokens.get_handle(), g.supertokens.get_user_id()
        tokens = handed_out[handle]
        if tokens is None:
            raise Conflict(
                "the demo has seen no refresh token of this session, which is older than this server process:"
                " refresh once, then play the thief again"
            )
        steps: list[dict[str, Any]] = []
        if tokens.first == tokens.newest:
            victim = _Party(app, "victim", request.headers.get("User-Agent", ""), tokens.newest, steps)
            victim("POST", REFRESH_PATH, "Nothing was replaced yet, so the demo refreshes in your name.")
            victim("GET", "/api/me", "First use of the new access token: the server knows that it arrived.")
        thief = _Party(app, "thief", "thief", tokens.first, steps)
        answer = thief("POST", REFRESH_PATH, "The thief replays the refresh token that was replaced.")
        caught = answer.status_code == 401 and answer.get_json()["error"] == "token theft detected"
        revoked = handle not in get_all_session_handles_for_user(user_id)
        return jsonify(caught=caught, revoked=revoked, userId=user_id, sessionHandle=handle, steps=steps)


# Serving it


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from pages import MOUNT, create_pages  # beside this file, which is where a script finds its modules

    parser = argparse.ArgumentParser(description="Serve the demo. The environment variable PORT overrides port 8000.")
    parser.add_argument(
        "--folder",
        type=Path,
        default=os.environ.get("DEMO_FOLDER") or None,
        help="where the sessions are kept (or DEMO_FOLDER); default: a temporary folder, removed at the end",
    )
    folder: Path | None = parser.parse_args().folder
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: sys.exit(0))
    with _listen(os.environ.get("PORT") or "8000") as listener:
        port = listener.getsockname()[1]
        try:
            app = create_app(folder)
        except OSError as error:
            sys.exit(f"Cannot keep sessions in {folder}: {error.strerror}. Name another folder with --folder.")
        except ConfigError as error:
            sys.exit(f"{error}")
        pages = create_pages(app.config["DEMO_FOLDER"])
        both = DispatcherMiddleware(app.wsgi_app, {MOUNT: pages.wsgi_app})
        server = make_server(HOST, port, both, threaded=True, fd=listener.fileno())
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        print(_greeting(f"http://{HOST}:{port}", app.config["DEMO_FOLDER"], is_temporary=folder is None), flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
        finally:
            server.server_close()


def _listen(port_text: str) -> socket.socket:
    if not (port_text.isascii() and port_text.isdecimal() and int(port_text) < 2**16):
        sys.exit(f"PORT must be a number from 0 to 65535 (0: any free port), not {port_text!r}.")
    try:
        return socket.create_server((HOST, int(port_text)))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port_text} is in use. Choose another one: PORT=8001 make run")
        sys.exit(f"Cannot listen on port {port_text}: {error.strerror}. Choose another one: PORT=8001 make run")


def _greeting(url: str, folder: Path, *, is_temporary: bool) -> str:
    curl = f"curl -sS -b {(jar := shlex.quote(str(folder / 'curl-cookies.txt')))} -c {jar}"
    as_json = "-H 'Content-Type: application/json' -d"
    lines = [
        f"""{curl} {as_json} '{{"userId": "ada", "jwtPayload": {{"role": "reader"}}}}' {url}/api/login""",
        f"{curl} {url}/api/me",
        f"{curl} -X POST {url}{REFRESH_PATH}",
        f"""{curl} {as_json} '{{"role": "editor"}}' {url}/api/payload""",
        f"{curl} {url}/api/sessions",
        f"{curl} -X POST {url}{REFRESH_PATH} {url}/api/demo/thief",
    ]
    seconds = DEMO_OPTIONS["access_token_validity"]
    return "\n".join(
        (
            url,
            f"{url}/pages/ for the same without any script: the server renews.",
            "",
            f'Or from a terminal. An access token lives {seconds} seconds: when a line answers "try refresh token",',
            "paste the third one, then that line again. The last one plays the thief, which ends the session.",
            "",
            *lines,
            "",
            f"The sessions are in {folder}{', removed at the end' if is_temporary else ''}. Ctrl-C stops.",
        )
    )


if __name__ == "__main__":
    main()
