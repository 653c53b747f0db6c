# SPDX-License-Identifier: Apache-2.0
"""The verbs of a core with what most tests say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from supertokens.core import Core
from supertokens.engine import base64url
from supertokens.engine.session import IssuedSession, VerifiedSession

__all__ = ["PAYLOAD", "MakeCore", "create", "kid", "refresh", "verify"]

PAYLOAD = {"role": "admin", "n": [1, 2.5, None], "nothing": None, "deep": {"a": None, "ö": "\u2028"}}

MakeCore = Callable[..., Core]


def create(core: Core, **options: Any) -> IssuedSession:
    options = {"anti_csrf": False} | options
    return core.create_session("user", PAYLOAD, {"cart": [1, 2]}, **options)


def verify(core: Core, issued: IssuedSession | str, **options: Any) -> VerifiedSession:
    text = issued if isinstance(issued, str) else issued.access_token.text
    return core.verify(text, **({"check_anti_csrf": False} | options))


def refresh(core: Core, issued: IssuedSession | str, **options: Any) -> IssuedSession:
    text = issued if isinstance(issued, str) else issued.refresh_token.text
    return core.refresh(text, **({"anti_csrf": False} | options))


def kid(text: str) -> str:
    """The key that signed an access token, by its header."""
    name: str = json.loads(base64url.decode(text.split(".")[0]))["kid"]
    return name
