# SPDX-License-Identifier: Apache-2.0
"""The session data of the modern family, and how callers change it without losing each other's changes."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from supertokens.service.both_families import or_unauthorised, session_data, update_session_data
from supertokens.service.fields import BOOLEAN, OBJECT, STRING, Field
from supertokens.service.replies import Reply, json_reply
from supertokens.service.routes import CDI5_VERSIONS, Backend, Call, Route

__all__ = ["SESSION_DATA"]

_PATH: Final = "/recipe/session/data"
_HANDLE: Final = Field("sessionHandle", STRING, "Which session")


def _version(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _read(backend: Backend, call: Call) -> Reply:
    if call.get("tellsMore") != "true":
        return session_data(backend, call)
    stored = backend.core.stored_session_data(call["sessionHandle"])
    return json_reply({"status": "OK", "userDataInDatabase": stored.data, "version": _version(stored.version)})


def _write(backend: Backend, call: Call) -> Reply:
    expected = call.get("ifVersion")
    if expected is None:
        return update_session_data(backend, call)
    handle = call["sessionHandle"]
    stored = backend.core.stored_session_data(handle)
    is_same = _version(stored.version) == expected
    if is_same and backend.core.swap_session_data(handle, stored.version, call["userDataInDatabase"]):
        return json_reply({"status": "OK"})
    return json_reply({"status": "CHANGED"})


SESSION_DATA: Final = (
    Route(
        "GET", _PATH, or_unauthorised(_read), "Read userDataInDatabase", CDI5_VERSIONS,
        query=(
            _HANDLE,
            Field("tellsMore", STRING, "`true`: with the `version` of the data; an extension of this core", None),
        ),
        outcomes=("OK", "UNAUTHORISED"),
    ),
    Route(
        "PUT", _PATH, or_unauthorised(_write), "Replace userDataInDatabase", CDI5_VERSIONS,
        body=(
            _HANDLE, Field("userDataInDatabase", OBJECT, "Data that stays on the server"),
            Field("ifVersion", STRING, "Only if the data still has this `version`; an extension of this core", None),
            Field("tellsMore", BOOLEAN, "Whether a refusal says that the session was renewed; an extension", None),
        ),
        outcomes=("OK", "UNAUTHORISED", "CHANGED"),
    ),
)  # fmt: skip
"""Reading and replacing it. `version` tells one stored text from another."""
