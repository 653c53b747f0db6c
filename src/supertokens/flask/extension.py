# SPDX-License-Identifier: Apache-2.0
"""`SuperTokens(app)`: the configuration, the error handlers, and how changes get onto responses."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Unpack

import flask
from werkzeug.wrappers import Response

from supertokens.config import Config, Options
from supertokens.core import Core
from supertokens.errors import (
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.flask.answers import Answers
from supertokens.flask.errors import answerable
from supertokens.flask.handlers import answer_in_blueprints, register_handler, root_handler
from supertokens.flask.protection import refuse_unprotected_views
from supertokens.flask.requests import EXTENSION, AppSessions, rewrite_headers
from supertokens.flask.routes import add_routes
from supertokens.flask.signals import send
from supertokens.flask.verbs import current_session, next_url
from supertokens.topology import open_core, require_extras
from supertokens.transport import SessionEdge, status_for

__all__ = ["SuperTokens", "Supertokens"]


class SuperTokens:
    """The extension. `SuperTokens(app)` is all that an app needs; options are the keys of `Config`, by name.

    `core`: used instead of the one that the configuration asks for. `routes`: give the app the ready-made routes: a
    refresh API, sign-out, and the public keys. The store is opened on first use. Raise ConfigError for invalid
    settings, and RuntimeError for an app that already has the extension.
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        *,
        core: Core | None = None,
        routes: bool = False,
        **options: Unpack[Options],
    ) -> None:
        self._core = core
        self._routes = routes
        self._options = options
        self._answers = Answers()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask, *, core: Core | None = None) -> None:
        """Attach to `app`, with the configuration that it has now. `core`: as in the constructor."""
        if EXTENSION in app.extensions:
            raise RuntimeError("this app already has sessions: call SuperTokens(app) or init_app(app) only once")
        explained = Config.explain(arguments=self._options, app_config=app.config, environ=os.environ)
        config = explained.logged()
        require_extras(config)

        def opened() -> Core:
            database = Path(app.instance_path) / "supertokens.sqlite3"
            own = core or self._core
            return own or open_core(config, database, app, _module_file(app), is_test=app.testing)

        def make_response(error: SuperTokensError) -> Response:
            return app.make_response(self._answers.of(error, sessions))

        edge = SessionEdge(
            config,
            opened,
            rewrite=rewrite_headers,
            attach=lambda core: core.signals.connect(partial(send, weakref.ref(app))),
            as_raised=lambda error: answerable(error, status_for(error, config), make_response),
            explicit=explained.where.keys(),
        )
        app.extensions[EXTENSION] = sessions = AppSessions(app, edge)

        def answer(error: SuperTokensError) -> Any:
            if isinstance(error, SuperTokensUnauthorisedError | SuperTokensTokenTheftError):
                sessions.current().forget(error)
            own = root_handler(app)
            return edge.as_raised(error).get_response() if own is None else app.ensure_sync(own)(error)  # type: ignore[attr-defined]

        def look_through_the_app() -> None:
            answer_in_blueprints(app, answer)
            refuse_unprotected_views(app)

        register_handler(app, answer)
        app.context_processor(lambda: {"current_session": current_session, "next_url": next_url})
        if self._routes:
            add_routes(app, config)
        sessions.at_first_request(look_through_the_app)
        app.wsgi_app = sessions.around(app.wsgi_app)  # type: ignore[method-assign]

    def set_unauthorised_error_handler(self, callback: Callable[[SuperTokensUnauthorisedError], Any]) -> None:
        """Let `callback` respond to a request without a session; the cookies are cleared on its response.

        It also replaces the redirect to `login_url`.
        """
        self._answers.on_unauthorised = callback

    def set_try_refresh_token_error_handler(self, callback: Callable[[SuperTokensTryRefreshTokenError], Any]) -> None:
        """Let `callback` respond to a request whose access token was refused."""
        self._answers.on_try_refresh = callback

    def set_token_theft_detected_error_handler(self, callback: Callable[[str, str], Any]) -> None:
        """Let `callback(session_handle, user_id)` respond to a stolen token. The session has already been revoked."""
        self._answers.on_theft = callback


def _module_file(app: flask.Flask) -> str:
    """Return the file that creates the app, relative to the parent of its instance folder, which may move."""
    file = getattr(sys.modules.get(app.import_name), "__file__", None)
    if file is None:
        return app.import_name
    try:
        return Path(file).resolve().relative_to(Path(app.instance_path).resolve().parent).as_posix()
    except ValueError:
        return Path(file).name


Supertokens: Final = SuperTokens  # as the older documentation spells it
