# SPDX-License-Identifier: Apache-2.0
"""Which handler of an application responds to a session error.

A handler for its class, or for the root class, replaces the extension's; one for Exception, HTTPException or a
status code does not, wherever it is registered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from supertokens.errors import SuperTokensError
from supertokens.transport import ANSWERED_ERRORS

__all__ = ["answer_in_blueprints", "register_handler", "root_handler"]

_Handler = Callable[[Any], Any]
_Handlers = dict[type[Exception], _Handler]

_CATCH_ALLS = (Exception, BaseException, HTTPException)


def register_handler(app: flask.Flask, handler: _Handler) -> None:
    """Let `handler` respond to the errors for whose classes the app has no handler yet; a later one replaces it."""
    own = _handlers(app, None)
    for error_class in ANSWERED_ERRORS:
        if error_class not in own:
            app.register_error_handler(error_class, handler)


def root_handler(app: flask.Flask) -> _Handler | None:
    """Return the app's handler for the root error class, if any: Flask finds the extension's before it."""
    return _handlers(app, None).get(SuperTokensError)


def answer_in_blueprints(app: flask.Flask, handler: _Handler) -> None:
    """Let `handler` also respond in blueprints that have a handler for all exceptions, which Flask would call first."""
    for name in [name for name in app.error_handler_spec if name is not None]:
        own = _handlers(app, name)
        if any(error_class in own for error_class in _CATCH_ALLS) and SuperTokensError not in own:
            for error_class in ANSWERED_ERRORS:
                own.setdefault(error_class, handler)


def _handlers(app: flask.Flask, blueprint: str | None) -> _Handlers:
    return app.error_handler_spec[blueprint][None]
