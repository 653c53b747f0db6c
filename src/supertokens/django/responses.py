# SPDX-License-Identifier: Apache-2.0
"""Changes to the headers of Django's responses, and the responses to refused requests."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import Morsel
from typing import Any, Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders
from django.urls import reverse

from supertokens import transport
from supertokens.asgi.threads import SuperTokensBusyError
from supertokens.django.requests import AnyRequest, DjangoRequest, request_of
from supertokens.errors import SuperTokensError
from supertokens.transport import Answer, Header, answer_to, json_answer, with_cache_rules

__all__ = ["ANSWERED_ERRORS", "answer_for", "as_response", "put_on", "rewrite_headers"]

ANSWERED_ERRORS: Final[tuple[type[SuperTokensError], ...]] = (*transport.ANSWERED_ERRORS, SuperTokensBusyError)
"""The classes of errors that become responses here."""

_RETRY_AFTER_S: Final = "1"
# Django keeps headers as pairs, by their names in lower case. Its public methods check the text of each again, which
# takes a tenth of what a check of the session adds to a request; they are used where it keeps them otherwise.
_IN_PAIRS: Final = (
    ResponseHeaders if getattr(ResponseHeaders({"Vary": "*"}), "_store", None) == {"vary": ("Vary", "*")} else None
)


def _pairs_for_caches(*, is_private: bool) -> dict[str, Header]:
    return {header[0].lower(): header for header in with_cache_rules([], is_private=is_private)}


_FOR_ONE_USER: Final = _pairs_for_caches(is_private=True)
_FOR_ANYBODY: Final = _pairs_for_caches(is_private=False)


def answer_for(request: AnyRequest, error: SuperTokensError) -> HttpResponse:
    """Return the response to `error`, one of `ANSWERED_ERRORS`, and have the cookies of `request` cleared if necessary.

    For middleware, whose errors Django turns into 500s; `SuperTokensMiddleware` responds to session errors in views.
    """
    if isinstance(error, SuperTokensBusyError):
        said = {"error": str(error), "message": str(error)}
        return as_response(json_answer(503, said, {"retry-after": _RETRY_AFTER_S}))
    return as_response(answer_to(error, request_of(request).asked_for(request), reverse))


def as_response(answer: Answer) -> HttpResponse:
    """Return `answer` as a Django response."""
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


def put_on(response: HttpResponseBase, request: DjangoRequest) -> None:
    """Apply the changes of `request` to its `response`, whose headers are about to be sent."""
    request.session = request.http = None
    owner = request.owner
    if not owner.is_asked:
        owner.headers_left = True
        return
    headers = response.headers
    if owner.changes_headers or type(headers) is not _IN_PAIRS:
        rewrite_headers(response, owner.sent_headers)
        return
    # Nearly always; parsing all headers would cost as much as the check of the session.
    pairs = headers._store
    if "vary" in pairs or "cache-control" in pairs:
        said = [pairs[name] for name in ("vary", "cache-control") if name in pairs]
        for header in owner.sent_headers(said):
            pairs[header[0].lower()] = header
    else:
        pairs.update(_FOR_ONE_USER if owner.sent_for_caches() else _FOR_ANYBODY)


def rewrite_headers(response: HttpResponseBase, change: Callable[[list[Header]], list[Header]]) -> None:
    """Replace the headers of `response`, including its cookies, with what `change` returns for them."""
    headers, cookies = response.headers, response.cookies
    before: list[Header] = list(headers.items())
    lines = {}
    if cookies:
        lines = {morsel.OutputString(): key for key, morsel in cookies.items()}
        before += [("Set-Cookie", line) for line in lines]
    after = change(before)
    if after is before:
        return
    stays, added = set(after), [header for header in after if header not in before]
    for header in before:
        if header not in stays:
            name, value = header
            if name == "Set-Cookie":
                del cookies[lines[value]]
            else:
                del headers[name]
    set_cookies = []
    for name, value in added:
        if name == "Set-Cookie":
            set_cookies.append(_Cookie(value))
        else:
            headers[name] = value
    # Those with a value first, so that they are stored under their name, where a test client looks for them.
    for cookie in sorted(set_cookies, key=lambda each: not each.value):
        key = cookie.key if cookie.key not in cookies else f"{cookie.key};{cookie['domain']}{cookie['path']}"
        dict.__setitem__(cookies, key, cookie)


class _Cookie(Morsel[str]):
    """A cookie sent as the line that it was created from. Cookies of one name may be deleted for several paths."""

    def __init__(self, line: str) -> None:
        super().__init__()
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        self.set(name, value, value)
        for attribute in attributes:
            key, _, text = attribute.partition("=")
            self[key] = text or True
        self._line = line

    def OutputString(self, attrs: Any = None) -> str:  # noqa: ARG002, N802
        """Return the line. `attrs`: not used."""
        return self._line

    def output(self, attrs: Any = None, header: str = "Set-Cookie:") -> str:  # noqa: ARG002
        """Return the line after `header`, without a space before it if that is empty. `attrs`: not used."""
        return f"{header} {self._line}" if header else self._line
