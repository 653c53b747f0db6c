# SPDX-License-Identifier: Apache-2.0
"""What an error tracker makes of an exception: the real sentry-sdk, its defaults, and a transport that keeps events.

Its integrations are off, since they would patch the test process: what they add is the app's request, no frame of ours.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import sentry_sdk
from sentry_sdk.transport import Transport

import supertokens

__all__ = ["Position", "Reports", "fail_at", "leaks", "positions"]

Position = tuple[str, int]
"""A line of a file."""

_PACKAGE = str(Path(supertokens.__file__).parent)
_SHOWN_CHARACTERS = 40
"""Of a secret in some encoding: so many in a row are searched for."""


class InjectedError(Exception):
    pass


class Reports:
    """An error tracker's client, as an app has it that calls ``sentry_sdk.init(dsn=…)``."""

    def __init__(self) -> None:
        kept = self._events = []  # type: list[Any]

        class Keeping(Transport):
            def capture_envelope(self, envelope: Any) -> None:
                kept.extend(event for event in (item.get_event() for item in envelope.items) if event)

        self._client = sentry_sdk.Client(
            "https://key@example.invalid/1",
            transport=Keeping,
            default_integrations=False,
            auto_enabling_integrations=False,
        )

    def of(self, error: BaseException) -> Any:
        """The event that is sent for `error`."""
        with sentry_sdk.isolation_scope() as scope:
            scope.set_client(self._client)
            sentry_sdk.capture_exception(error)
        return self._events.pop()


def positions(run: Callable[[], object]) -> list[Position]:
    """The lines of ours that `run` comes by, each once, in their order."""
    found: dict[Position, None] = {}

    def in_frame(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            found[frame.f_code.co_filename, frame.f_lineno] = None
        return in_frame

    def at_call(frame: FrameType, event: str, _: object) -> Any:
        return in_frame if frame.f_code.co_filename.startswith(_PACKAGE) else None

    _traced(run, at_call)
    return list(found)


def fail_at(run: Callable[[], object], position: Position) -> Exception | None:
    """What comes out of `run` when an exception is raised at that line, the first time that it comes by."""

    def in_frame(frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and frame.f_lineno == position[1] and not frame.f_code.co_name.startswith("__del"):
            sys.settrace(None)
            raise InjectedError("raised by the test")
        return in_frame

    def at_call(frame: FrameType, event: str, _: object) -> Any:
        return in_frame if frame.f_code.co_filename == position[0] else None

    try:
        _traced(run, at_call)
    except Exception as error:  # noqa: BLE001  # whatever it was turned into on its way
        return error
    return None


def _traced(run: Callable[[], object], trace: Any) -> None:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)


def leaks(event: Any, secrets: dict[str, str | bytes]) -> set[str]:
    """Where in an event a secret, by its name, stands: `secret in function.variable`, or `secret in the rest`."""
    sought = {name: _forms(secret) for name, secret in secrets.items()}
    found = set()
    for exception in event["exception"]["values"]:
        for frame in exception.get("stacktrace", {}).get("frames", []):
            for variable, value in (frame.pop("vars", None) or {}).items():
                shown = "\0".join(_strings(value))
                where = f"{frame['module']}.{frame['function']}: {variable}"
                found |= {
                    f"{name} in {where}" for name, forms in sought.items() if any(form in shown for form in forms)
                }
    rest = "\0".join(_strings(event))
    return found | {f"{name} in the rest" for name, forms in sought.items() if any(form in rest for form in forms)}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
    else:
        yield str(value)


def _forms(secret: str | bytes) -> set[str]:
    """Parts of a secret, long enough to be no accident, as they look in the encodings that reports may have."""
    if isinstance(secret, str):
        mac = _forms(base64.urlsafe_b64decode(secret[-64:])) if len(secret) >= 64 else set()
        return {secret[-_SHOWN_CHARACTERS:]} | mac
    part = secret[len(secret) // 4 :]
    escaped = repr(part)[2:-1]
    texts = [part.hex(), part.hex().upper(), escaped, repr(escaped)[1:-1], part.decode("utf-8", "replace")]
    for start in range(3):
        some = part[start : start + 30]
        texts += [base64.b64encode(some).decode(), base64.urlsafe_b64encode(some).decode()]
    return {text[:_SHOWN_CHARACTERS] for text in texts}
