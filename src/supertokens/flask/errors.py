# SPDX-License-Identifier: Apache-2.0
"""The errors as Flask can answer them wherever they end up.

The verbs raise subclasses that are also werkzeug's HTTPExceptions with a response: Flask-RESTful, Flask-RESTX and
handlers of blueprints, which know nothing of sessions, then answer what the extension would. `except` clauses and
handlers name the classes of `supertokens.errors`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from supertokens.errors import (
    SuperTokensCrossOriginError,
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)

__all__ = ["ANSWERED_ERRORS", "answerable"]

_MakeResponse = Callable[[SuperTokensError], Response]

ANSWERED_ERRORS = (
    SuperTokensUnauthorisedError,
    SuperTokensTryRefreshTokenError,
    SuperTokensTokenTheftError,
    SuperTokensCrossOriginError,
)
"""The classes of errors that the extension answers; SuperTokensGeneralError is a failure like any other."""


class _AnswerableError(HTTPException):
    """An error that carries the extension's answer, which is made when somebody first wants it."""

    # On the class None, so that a handler for a status code does not take the place of the extension's.
    code: int | None = None
    __str__ = Exception.__str__
    _make_response: _MakeResponse
    _made: Response | None = None

    @property
    def response(self) -> Response:  # type: ignore[override]
        """The extension's answer, or that of the handler that the application has set."""
        if self._made is None:
            assert isinstance(self, SuperTokensError)
            self._made = self._make_response(self)
        return self._made

    def get_response(self, *_: Any, **__: Any) -> Response:
        """Return `response`, whatever the request is."""
        return self.response

    @property
    def data(self) -> Any:
        """The answer's JSON: Flask-RESTful and Flask-RESTX build theirs from it."""
        return self.response.get_json(silent=True)


def _reduced(self: SuperTokensError) -> tuple[Any, ...]:
    """Pickle an error without its answer, as the class that it stands for."""
    _, stands_for, *_ = type(self).__mro__
    if isinstance(self, SuperTokensTokenTheftError):
        return (stands_for, (self.session_handle, self.user_id))
    state = {name: value for name, value in vars(self).items() if name in ("reason", "this_request_only")}
    return (stands_for, self.args, state)


class _AnswerableUnauthorisedError(SuperTokensUnauthorisedError, _AnswerableError):
    __reduce__ = _reduced


class _AnswerableTryRefreshTokenError(SuperTokensTryRefreshTokenError, _AnswerableError):
    __reduce__ = _reduced


class _AnswerableTokenTheftError(SuperTokensTokenTheftError, _AnswerableError):
    __reduce__ = _reduced


class _AnswerableCrossOriginError(SuperTokensCrossOriginError, _AnswerableError):
    __reduce__ = _reduced


def answerable(error: SuperTokensError, status: int, make_response: _MakeResponse) -> SuperTokensError:
    """Return `error` as one that frameworks on top of Flask can answer; any that is not answered as it is.

    `status` is that of the answer. `make_response` is called at most once, and not before the response is wanted.
    """
    answered: SuperTokensError
    if isinstance(error, _AnswerableError):
        return error
    if isinstance(error, SuperTokensUnauthorisedError):
        answered = _AnswerableUnauthorisedError(
            *error.args, reason=error.reason, this_request_only=error.this_request_only
        )
    elif isinstance(error, SuperTokensTryRefreshTokenError):
        answered = _AnswerableTryRefreshTokenError(*error.args, reason=error.reason)
    elif isinstance(error, SuperTokensTokenTheftError):
        answered = _AnswerableTokenTheftError(error.session_handle, error.user_id)
    elif isinstance(error, SuperTokensCrossOriginError):
        answered = _AnswerableCrossOriginError(*error.args)
    else:
        return error
    assert isinstance(answered, _AnswerableError)
    answered.code = status
    answered._make_response = make_response
    answered.description = str(error)
    return answered
