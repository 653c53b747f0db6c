# SPDX-License-Identifier: Apache-2.0
"""Sites over https in a real browser: a shop, a neighbour below the same domain, and a site that has nothing to do
with either."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, redirect, request
from playwright.sync_api import BrowserContext, Page
from werkzeug.serving import BaseWSGIServer, make_server

from supertokens.core import Core
from supertokens.flask import (
    Session,
    SuperTokens,
    SuperTokensError,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    sign_out,
    supertokens_middleware,
)
from supertokens.testing import FakeClock
from tests.integration.certificate import certificate_in
from tests.integration.nginx import Quiet

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SHOP: Final = "shop.localhost.org"
NEIGHBOUR: Final = "blog.localhost.org"
"""May set cookies for all of localhost.org, the shop's host included."""
ELSEWHERE: Final = "localhost"
"""Another site: SameSite tells it from the shop."""

DEEP: Final = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
"""Whether this is `make test-deep`, which tries all cases of a kind and not a sample."""


@contextmanager
def served_over_tls(application: WSGIApplication, folder: Path) -> Iterator[int]:
    """Serve `application` over https on a free port of the loopback interface; gives the port."""
    folder.mkdir(parents=True, exist_ok=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate_in(folder, [SHOP, NEIGHBOUR, ELSEWHERE]))
    server: BaseWSGIServer = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    # The handshake is left to the thread of the connection: a browser opens connections that it may never use.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.ssl_context = context
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shop(core: Core, clock: FakeClock | None = None, **options: Any) -> Flask:
    """Return a shop of plain pages; `options` are those of `SuperTokens`.

    A refused request is answered with its reason as the page's text.
    """
    app = Flask("shop")
    sessions = SuperTokens(app, core=core, **options)
    if clock is not None:
        app.extensions["supertokens"].edge.clock = clock
    sessions.set_unauthorised_error_handler(lambda error: (f"refused: {error.reason}", 401))

    @app.get("/")
    def home() -> str:
        try:
            return f"Hello, {get_session(None, False).get_user_id()}"
        except SuperTokensError:
            return "Hello, stranger"

    @app.get("/login")
    def login_form() -> str:
        return '<form method="post"><input name="user" value="ada"><button>Log in</button></form>'

    @app.post("/login")
    def login() -> Any:
        create_new_session(None, request.form["user"])
        return redirect(f"{request.script_root}/account", 303)

    @app.post("/sign-in")
    def sign_in() -> str:
        return create_new_session(None, request.form["user"]).get_user_id()

    @app.route("/account", methods=["GET", "POST"])
    @supertokens_middleware
    def account() -> str:
        return f"the account of {known_session().get_user_id()}"

    @app.post("/session/refresh")
    def refresh() -> str:
        refresh_session(None)
        return "refreshed"

    @app.post("/logout")
    def logout() -> str:
        sign_out()
        return "logged out"

    @app.post("/protected-logout")
    @supertokens_middleware
    def protected_logout() -> str:
        known_session().revoke_session()
        return "logged out"

    return app


def known_session() -> Session:
    """Return the session of a view that is protected."""
    session = current_session()
    assert session is not None
    return session


def pages_of(pages: dict[str, Callable[[], str | Response]]) -> Flask:
    """Return an app with those pages, and nothing else: what a neighbour and other sites serve."""
    app = Flask("elsewhere")
    for path, page in pages.items():
        app.add_url_rule(path, endpoint=path, view_func=page)
    return app


class Site:
    """A site as one browser sees it; `root` is where its pages begin."""

    def __init__(self, context: BrowserContext, host: str, port: int, root: str = "") -> None:
        self._context = context
        self.origin = f"https://{host}:{port}"
        self.url = self.origin + root

    def tab(self, path: str = "/") -> Page:
        """Open a new tab on a page of the site."""
        page = self._context.new_page()
        page.goto(self.url + path)
        return page

    def text(self, path: str) -> str:
        """Return the text of a page, asked for as by typing its address."""
        page = self.tab(path)
        text = page.inner_text("body")
        page.close()
        return text

    def send(self, path: str, method: str = "POST", headers: dict[str, str] | None = None, body: str = "") -> str:
        """Return what the site answers to a request of its own page's script."""
        page = self.tab("/")
        text = ask(page, self.url + path, method, headers, body)
        page.close()
        return text

    def log_in(self, user: str, headers: dict[str, str] | None = None) -> None:
        answer = self.send("/login", headers=headers, body=f"user={user}")
        assert answer == f"the account of {user}", answer

    @property
    def cookies(self) -> dict[tuple[str, str, str], str]:
        """Return the values of all cookies that the refresh API is sent, by name, domain and path."""
        kept = self._context.cookies(self.url + "/session/refresh")
        return {(cookie["name"], cookie["domain"], cookie["path"]): cookie["value"] for cookie in kept}


def ask(page: Page, url: str, method: str = "GET", headers: dict[str, str] | None = None, body: str = "") -> str:
    """Return the text of the answer to a request that the page's script makes; the HTTP cache is left out."""
    init = {"method": method, "headers": dict(headers or {}), "cache": "no-store"}
    if method != "GET":
        init["body"] = body
        init["headers"] |= {"content-type": "application/x-www-form-urlencoded"}
    text: str = page.evaluate("([url, init]) => fetch(url, init).then(answer => answer.text())", [url, init])
    return text
