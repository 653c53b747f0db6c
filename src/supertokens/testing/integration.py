# SPDX-License-Identifier: Apache-2.0
"""The apps of `IntegrationContract`, described independently of any framework.

A page is a *script*: a generator that yields acts, each of them a verb of the integration or something that a view does
with its framework, and is sent their results. So one script runs in every framework. `run` drives it with synchronous
verbs, `run_async` with asynchronous ones.

    def log_in(session):
        yield Create("ada")
        return "in"
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from typing import Any, Final, NamedTuple, Protocol

from supertokens.core import Core
from supertokens.errors import SuperTokensError
from supertokens.testing.messages import Response

__all__ = [
    "Act", "Create", "Current", "Get", "MakeSite", "NestedRequest", "NewResponse", "Page", "Perform", "Refresh",
    "Response", "RevokeHandle", "RevokeSession", "RevokeUser", "Script", "SignOut", "Site", "Stream", "UpdatePayload",
    "run", "run_async", "run_in_pieces", "run_in_pieces_async",
]  # fmt: skip


class Create(NamedTuple):
    """`create_new_session`: its result is the session. `res`: a response from `NewResponse`."""

    user_id: str
    jwt_payload: dict[str, Any] | None = None
    session_data: dict[str, Any] | None = None
    res: Any = None


class Get(NamedTuple):
    """`get_session`: its result is the session."""

    check_anti_csrf: bool = False
    res: Any = None


class Refresh(NamedTuple):
    """`refresh_session`: its result is the session."""

    res: Any = None


class Current(NamedTuple):
    """`current_session`: its result is the session that was verified or created in the request, or None."""


class SignOut(NamedTuple):
    """`sign_out`: its result is the handles of the sessions that were revoked."""


class RevokeHandle(NamedTuple):
    """`revoke_session` by handle: its result is whether there was such a session."""

    handle: str


class RevokeUser(NamedTuple):
    """`revoke_all_sessions_for_user`: its result is the handles of the sessions that were revoked."""

    user_id: str


class UpdatePayload(NamedTuple):
    """`session.update_jwt_payload`."""

    session: Any
    jwt_payload: dict[str, Any] | None


class RevokeSession(NamedTuple):
    """`session.revoke_session`."""

    session: Any


class NewResponse(NamedTuple):
    """A response of the framework, to be given to a verb as `res`, or returned by the script."""

    text: str
    headers: Sequence[tuple[str, str]] = ()


class NestedRequest(NamedTuple):
    """A request to the same app, made while one of its views runs: its result is the `Response`."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]] = ()


Act = (
    Create | Get | Refresh | Current | SignOut | RevokeHandle | RevokeUser | UpdatePayload | RevokeSession | NewResponse
    | NestedRequest
)  # fmt: skip

Script = Generator[Any, Any, Any]
"""Yields acts, and is sent their results or thrown their errors; in a `Stream` it also yields text.

It returns the view's response: text, a response from `NewResponse`, or a `Stream`. The view raises its errors.
"""


class Stream(NamedTuple):
    """A response whose body is produced after the headers have been sent: the text that the script yields."""

    script: Callable[[], Script]


class Page(NamedTuple):
    """A view at `path`, for GET and POST.

    `script` is called with the request's session if the view is `protected` in the integration's own way, and with None
    otherwise.
    """

    path: str
    script: Callable[[Any], Script]
    protected: bool = False


class Site(Protocol):
    """A running app."""

    core: Core

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], *, mount: str = "", scheme: str = "http"
    ) -> Response:
        """Return the response to `method` `path` from 127.0.0.1 over `scheme`, with exactly these `headers`.

        `mount`: the path below which the app is mounted (SCRIPT_NAME, root_path); `path` is the rest of it. An error
        without a handler is a response of status 500, and not raised.
        """


class MakeSite(Protocol):
    """The value of the fixture `make_site`."""

    def __call__(self, *pages: Page, after: Callable[[], Script] | None = None, **options: Any) -> Site:
        """Return an app with the extension, configured with `options`, that serves `pages`.

        `after`: a hook of the framework that runs after every view, before the headers are sent. The app's core uses
        the clock of the tests.
        """


Perform = Callable[[Act], Any]
"""Performs an act with a framework's API, and returns its result."""

PerformAsync = Callable[[Act], Awaitable[Any]]
"""The same, awaited."""

_RAISED_BY_VERBS: Final = (SuperTokensError, RuntimeError, TypeError, ValueError)


def run(script: Script, perform: Perform) -> Any:
    """Drive `script` to its end, and return its result. `perform` does each act."""
    steps = run_in_pieces(script, perform)
    while True:
        try:
            piece = next(steps)
        except StopIteration as end:
            return end.value
        raise TypeError(f"only the script of a Stream yields text, not {piece!r}")


def run_in_pieces(script: Script, perform: Perform) -> Generator[str, None, Any]:
    """Drive `script`, of a `Stream`, and yield its text. `perform` does each act."""
    step = _Step(script)
    while True:
        if (ended := step.next()) is not None:
            return ended.value
        if isinstance(step.act, str):
            yield step.act
            continue
        try:
            step.result = perform(step.act)
        except _RAISED_BY_VERBS as raised:
            step.error = raised


async def run_async(script: Script, perform: PerformAsync) -> Any:
    """Drive `script` to its end, awaiting `perform` for each act, and return its result."""
    step = _Step(script)
    while (ended := step.next()) is None:
        if isinstance(step.act, str):
            raise TypeError(f"only the script of a Stream yields text, not {step.act!r}")
        await step.perform(perform)
    return ended.value


async def run_in_pieces_async(script: Script, perform: PerformAsync) -> AsyncGenerator[str, None]:
    """Drive `script`, of a `Stream`, awaiting `perform` for each act, and yield its text."""
    step = _Step(script)
    while step.next() is None:
        if isinstance(step.act, str):
            yield step.act
        else:
            await step.perform(perform)


class _Step:
    """The state of a script: the last act that it yielded, and the result."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.act: Any = None
        self.result: Any = None
        self.error: BaseException | None = None

    def next(self) -> StopIteration | None:
        """Send the script the result of its last act, or throw the error, and get its next; return its end."""
        result, error, self.result, self.error = self.result, self.error, None, None
        try:
            self.act = self._script.send(result) if error is None else self._script.throw(error)
        except StopIteration as end:
            return end
        return None

    async def perform(self, perform: PerformAsync) -> None:
        try:
            self.result = await perform(self.act)
        except _RAISED_BY_VERBS as raised:
            self.error = raised
