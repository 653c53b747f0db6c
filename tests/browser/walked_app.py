# SPDX-License-Identifier: Apache-2.0
"""A small app of plain pages, which notes what happens to it; in a process of its own, which may be killed."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, redirect, request
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

from supertokens.config import Config
from supertokens.core import EmbeddedCore, Event, RenewalTerms, system_clock
from supertokens.flask import (
    SuperTokens,
    create_new_session,
    current_session,
    get_session,
    next_url,
    supertokens_middleware,
)
from supertokens.stores.sqlite import SqliteStore
from tests.integration.nginx import Quiet

from .browsing import SPENT_HEADER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

USER: Final = "ada"
IMAGES: Final = 30
_LAYOUT: Final = """<!doctype html><title>Notes</title><link rel="icon" href="data:,"><nav>{links}</nav><h1>{text}</h1>
<form id="note" method="post" action="/notes"><input name="id"><input name="pause"><button>Keep</button></form>
<form id="file" method="post" action="/files" enctype="multipart/form-data">
<input name="id"><input name="pause"><input type="file" name="file"><button>Keep</button></form>{images}"""
LOG_IN_FORM: Final = '<form method="post"><input name="user"><button>Log in</button></form>'
PIXEL: Final = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


class MovedClock:
    """The system's clock, moved ahead by what a file says: several processes read it, one after the other."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self) -> int:
        return system_clock() + self._ahead()

    def _ahead(self) -> int:
        ahead: int = struct.unpack("=q", self._file.read_bytes())[0] if self._file.exists() else 0
        return ahead

    def advance(self, *, ms: int) -> None:
        moved = self._file.with_suffix(".moved")
        moved.write_bytes(struct.pack("=q", self._ahead() + ms))
        moved.replace(self._file)


class Journal:
    """What happened, a line each, in a file that outlives the process."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def note(self, kind: str, *words: object) -> None:
        line = " ".join([kind, *map(str, words)]) + "\n"
        opened = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(opened, line.encode())
        finally:
            os.close(opened)

    def of(self, kind: str) -> list[str]:
        """Return the words of each note of that kind."""
        pairs = (line.partition(" ") for line in self._file.read_text().splitlines())
        return [words for found, _, words in pairs if found == kind]


class UnderWay:
    """Counts the requests that are under way in an application, and says in each response how long it took.

    It answers those that ask for the count, and notes those that are refused in `journal`.
    """

    def __init__(self, application: WSGIApplication, journal: Journal) -> None:
        self._application = application
        self._journal = journal
        self._lock = threading.Lock()
        self.count = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/under-way":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(self.count).encode()]
        self._add(1)
        try:
            answer = ClosingIterator(self._application(environ, self._noting(environ, start_response)))
            try:
                return [b"".join(answer)]
            finally:
                answer.close()
        finally:
            self._add(-1)

    def _add(self, number: int) -> None:
        with self._lock:
            self.count += number

    def _noting(self, environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
        began = time.monotonic()

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            spent = round((time.monotonic() - began) * 1000)
            if status[:3] in ("401", "403") or status >= "500":  # 400: half a form of an aborted request
                self._journal.note("status", status[:3], environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return start_response(status, [*headers, (SPENT_HEADER, str(spent))], *exc_info)

        return start  # type: ignore[return-value]


def core_in(folder: Path, clock: Callable[[], int], keys: Mapping[str, Any]) -> EmbeddedCore:
    """Return the core of the app whose file is in `folder`."""
    config = Config.load(arguments=keys, app_config={}, environ={})
    return EmbeddedCore(config, SqliteStore(folder / "sessions.sqlite3"), clock=clock)


def walked_app(core: EmbeddedCore, journal: Journal, keys: Mapping[str, Any]) -> Flask:
    """Return the app, whose every page has links to all of them and two forms; `keys` as for `core_in`."""
    app = Flask("notes")
    SuperTokens(app, core=core, login_url="/login", routes=True, cookie_secure=False, **keys)
    core.signals.connect(lambda event: note_event(journal, event))
    _add_pages(app)
    _add_forms(app, journal)
    app.wsgi_app = UnderWay(app.wsgi_app, journal)  # type: ignore[method-assign]
    return app


def note_event(journal: Journal, event: Event) -> None:
    journal.note(event.kind, event.handle, event.reason)


def _add_pages(app: Flask) -> None:
    @app.get("/")
    @supertokens_middleware(required=False)
    def home() -> str:
        return page_of(f"Hello, {_user()}")

    @app.get("/page")
    @supertokens_middleware
    def page() -> str:
        return page_of(f"A page of {_user()}")

    @app.get("/gallery")
    def gallery() -> str:
        return gallery_of()

    @app.get("/image")
    @supertokens_middleware
    def image() -> Response:
        return Response(PIXEL, mimetype="image/svg+xml")

    @app.get("/slow")
    @supertokens_middleware
    def slow() -> str:
        time.sleep(float(request.args["pause"]))
        return page_of(f"A slow page of {_user()}")

    @app.get("/late")
    def late() -> str:
        time.sleep(float(request.args["pause"]))
        session = get_session(None, False)
        return page_of(f"A page that asked {session.get_user_id()} late")


def _add_forms(app: Flask, journal: Journal) -> None:
    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        if request.method == "GET":
            return LOG_IN_FORM
        create_new_session(None, request.form["user"])
        return redirect(next_url("/"), 303)

    @app.post("/notes")
    @supertokens_middleware
    def keep_note() -> Any:
        return kept(0)

    @app.post("/files")
    @supertokens_middleware
    def keep_file() -> Any:
        return kept(len(request.files["file"].read()))

    @app.get("/kept")
    @supertokens_middleware
    def show_kept() -> str:
        return page_of(f"{_user()} has kept {request.args['id']}")

    def kept(size: int) -> Any:
        journal.note("counted", request.form["id"], size, _user())
        time.sleep(float(request.form["pause"]))
        return redirect(f"/kept?id={request.form['id']}", 303)


def gallery_of() -> str:
    """Return a page with images that are protected, which it is not: where the token is dead, each of them renews."""
    images = "".join(f'<img src="/image?number={time.monotonic_ns()}-{each}">' for each in range(IMAGES))
    return page_of("Images", images)


def _user() -> str:
    session = current_session()
    return "stranger" if session is None else session.get_user_id()


def page_of(text: str, images: str = "") -> str:
    pauses = json.loads(os.environ.get("PAUSES", "[0.3]"))
    slow, late = ([f"/{kind}?pause={pause}" for pause in pauses] for kind in ("slow", "late"))
    labels = ["/", "/page", "/gallery", *slow, *late[:3]]  # to ask later than that makes no difference
    return _LAYOUT.format(
        links=" ".join(f'<a href="{_unique(path)}">{path}</a>' for path in labels), text=text, images=images
    )


def _unique(path: str) -> str:
    """Return a slow page's address, each time another: browsers hold a second request for one address back until the
    first is answered, and send it with the cookies that they had before (docs/how-it-works.md, what is not covered).
    """
    return f"{path}&number={time.monotonic_ns()}" if "?" in path else path


class BoastingCore(EmbeddedCore):
    """A core that announces the terms of the app, and keeps its own: what a broken rotator would be."""

    boast: RenewalTerms

    def renewal_terms(self) -> RenewalTerms:
        return self.boast


def boasting_core_in(folder: Path, clock: Callable[[], int], keys: Mapping[str, Any]) -> EmbeddedCore:
    """Return a core whose parallel renewals mint siblings, for an app with those keys."""
    believed = Config.load(arguments=keys, app_config={}, environ={})
    config = Config.load(
        arguments={**keys, "renewal": "client", "refresh_token_rotation_grace_period": 0}, app_config={}, environ={}
    )
    core = BoastingCore(config, SqliteStore(folder / "sessions.sqlite3"), clock=clock)
    core.boast = RenewalTerms(believed.refresh_token_rotation_grace_period_ms, believed.access_token_validity_ms)
    return core


def main() -> None:
    """Serve the app that the arguments describe.

    They are the folder of its files, its port (0: any), its keys, whether it converges, and its framework.
    """
    folder, port, keys, converges = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4] == "True"
    clock, journal = MovedClock(folder / "clock"), Journal(folder / "journal")
    core = (core_in if converges else boasting_core_in)(folder, clock, keys)
    if sys.argv[5] == "fastapi":
        from .walked_fastapi import serve, walked_api

        listening = socket.create_server(("127.0.0.1", port), backlog=128)
        os.write(1, b"%d\n" % listening.getsockname()[1])
        serve(walked_api(core, journal, keys), listening)
        return
    if sys.argv[5] == "django":
        from .walked_django import walked_site

        app: WSGIApplication = walked_site(core, journal, keys)
    else:
        app = walked_app(core, journal, keys)
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    os.write(1, b"%d\n" % server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
