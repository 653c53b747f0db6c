# SPDX-License-Identifier: Apache-2.0
"""Logs a test client in, by the app's own rules but without its login page."""

from __future__ import annotations

from typing import Any

from supertokens.testing.apps import edge_of
from supertokens.testing.browser import Browser
from supertokens.testing.clients import wsgi_environ
from supertokens.testing.framework_clients import framework_client
from supertokens.testing.messages import Request
from supertokens.testing.tab import Tab
from supertokens.transport import RequestSession, SessionEdge, from_wsgi, verbs

__all__ = ["login_as"]


def login_as(client: object, user_id: str, /, **payload: Any) -> str:
    """Create a session for `user_id` with `payload` in its access token; put its cookies into the jar of `client`.

    Return the session's handle. `client`: a test client of Flask, Starlette, FastAPI or Django, a `Browser` or one of
    its tabs. No view of the app is called. Raise TypeError for another client or an app without sessions, ValueError
    for values that cannot be stored in a session.

    >>> client = app.test_client()
    >>> handle = login_as(client, "ada", role="admin")
    >>> client.get("/me").json
    {'payload': {'role': 'admin'}, 'user': 'ada'}
    """
    if isinstance(client, Browser | Tab):
        browser = client if isinstance(client, Browser) else client.browser
        request = Request("POST", f"{browser.url.rstrip('/')}/", [("User-Agent", browser.user_agent)])
        request.headers.extend(browser.session_headers("").items())
        handle, headers = _logged_in(edge_of(browser.client.app), request, "127.0.0.1", user_id, payload)
        browser.take(headers, request.url)
        return handle
    known = framework_client(client)
    if known is None:
        raise TypeError(
            f"{type(client).__name__} is neither a test client of Flask, Starlette or Django, nor a Browser or a Tab"
        )
    request = Request("POST", f"{known.url}/", [])
    handle, headers = _logged_in(edge_of(known.app), request, known.peer, user_id, payload)
    known.keep(headers)
    return handle


def _logged_in(
    edge: SessionEdge, request: Request, peer: str, user_id: str, payload: dict[str, Any]
) -> tuple[str, list[tuple[str, str]]]:
    """Return the handle of a new session, and the headers that the response to `request` from `peer` would have."""
    edge.core  # noqa: B018 - opened before the request is judged: the edge takes its clock
    owner = RequestSession(edge, edge.monotonic())
    owner.request, owner.is_asked = from_wsgi({**wsgi_environ(request), "REMOTE_ADDR": peer}), True
    session = verbs.create(owner, user_id, payload, None)
    return session.get_handle(), owner.sent_headers([])
