# SPDX-License-Identifier: Apache-2.0
"""Extensions of this core: renewing a session under a new handle, and confirming the user's identity."""

from __future__ import annotations

from typing import Final

from supertokens.service.both_families import or_unauthorised
from supertokens.service.cdi5_replies import NOTED, issued_reply, noted_client
from supertokens.service.fields import BOOLEAN, STRING, Field
from supertokens.service.replies import Reply, json_reply
from supertokens.service.routes import CDI5_VERSIONS, Backend, Call, Route

__all__ = ["CONFIRM", "RENEW"]

_HANDLE: Final = Field("sessionHandle", STRING, "Which session")
_TELLS_MORE: Final = Field("tellsMore", BOOLEAN, "Whether the reply has the members that other cores do not know", None)


def _renew(backend: Backend, call: Call) -> Reply:
    issued = backend.core.renew_session(
        call["sessionHandle"], anti_csrf=call["enableAntiCsrf"], noted=noted_client(call)
    )
    return json_reply(issued_reply(call, issued))


def _confirm(backend: Backend, call: Call) -> Reply:
    backend.core.confirm_session(call["sessionHandle"])
    return json_reply({"status": "OK"})


RENEW: Final = Route(
    "POST", "/recipe/session/renew", or_unauthorised(_renew),
    "Give a session a new handle and new tokens; an extension of this core", CDI5_VERSIONS,
    body=(
        _HANDLE, Field("enableAntiCsrf", BOOLEAN, "Whether it has an anti-CSRF value"),
        _TELLS_MORE, *NOTED,
    ),
    outcomes=("OK", "UNAUTHORISED"),
)  # fmt: skip

CONFIRM: Final = Route(
    "POST", "/recipe/session/confirm", or_unauthorised(_confirm),
    "Record that the user has just confirmed their identity; an extension of this core", CDI5_VERSIONS,
    body=(_HANDLE, _TELLS_MORE), outcomes=("OK", "UNAUTHORISED"),
)  # fmt: skip
