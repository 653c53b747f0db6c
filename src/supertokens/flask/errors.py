# SPDX-License-Identifier: Apache-2.0
"""Errors that Flask, and libraries built on it, turn into the right response wherever they are caught.

The verbs raise subclasses that are also werkzeug HTTPExceptions with a response: Flask-RESTful, Flask-RESTX and
handlers of blueprints, which know nothing about sessions, then respond as the extension would. `except` clauses and
handlers name the classes of `supertokens.errors`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from supertokens.errors import SuperTokensError
from supertokens.transport import ANSWERED_ERRORS

__all__ = ["answerable"]

_MakeResponse = Callable[[SuperTokensError], Response]

_OF_THE_ANSWER: Final = frozenset(("code", "description", "_make_response", "_made"))


class _AnswerableError(HTTPException):
    """An error that carries its response, which is made on first use."""

    # None on the class, so that a handler for a status code does not replace the extension's.
    code: int | None = None
    __str__ = Exception.__str__
    _make_response: _MakeResponse
    _made: Response | None = None

    @property
    def response(self) -> Response:  # type: ignore[override]
        """The response of the extension, or of the handler that the application has set."""
        if self._made is None:
            assert isinstance(self, SuperTokensError)
            self._made = self._make_response(self)
        return self._made

    def get_response(self, *_: Any, **__: Any) -> Response:
        """Return `response`, whatever the request is."""
        return self.response

    @property
    def data(self) -> Any:
        """The response's JSON, from which Flask-RESTful and Flask-RESTX build their own."""
        return self.response.get_json(silent=True)


def _reduced(self: SuperTokensError) -> tuple[Any, ...]:
    """Pickle an error without its response, as an instance of the public class."""
    _, stands_for, *_ = type(self).__mro__
    state = {name: value for name, value in vars(self).items() if name not in _OF_THE_ANSWER}
    return (BaseException.__new__, (stands_for, *self.args), state)


@cache
def _answerable_kind(kind: type[SuperTokensError]) -> type[SuperTokensError]:
    return type(f"_Answerable{kind.__name__}", (kind, _AnswerableError), {"__reduce__": _reduced})


def answerable(error: SuperTokensError, status: int, make_response: _MakeResponse) -> SuperTokensError:
    """Return `error` with a response that frameworks built on Flask can use, or unchanged if it is not to get one.

    The result is an instance of the class of `error`, which may be the application's own. `status`: of the response.
    `make_response` is called at most once, when the response is first used.
    """
    if isinstance(error, HTTPException) or not isinstance(error, ANSWERED_ERRORS):
        return error
    kind = _answerable_kind(type(error))  # type: ignore[arg-type]  # a class is hashable
    answered = kind.__new__(kind, *error.args)  # an application's class may take other arguments
    vars(answered).update(vars(error))
    assert isinstance(answered, _AnswerableError)
    answered.code = status
    answered._make_response = make_response
    answered.description = str(error)
    return answered
