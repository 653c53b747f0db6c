# SPDX-License-Identifier: Apache-2.0
"""Check whether a request carries the anti-CSRF value of its session (docs/how-it-works.md#anti-csrf).

Values are compared in constant time, which Python offers for ASCII text only; issued values are ASCII.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Literal

from supertokens.errors import SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError

__all__ = ["AntiCsrfMode", "check_on_refresh", "check_on_verify"]

AntiCsrfMode = Literal["required", "if_sent"]
"""What a refresh does if the request lacks the value: refuse it, or accept it."""


def check_on_verify(issued: str | None, given: str | None) -> None:
    """Raise SuperTokensTryRefreshTokenError unless the token was `issued` with a value and `given` is the same."""
    if issued is None or given is None or not (given.isascii() and compare_digest(issued, given)):
        raise SuperTokensTryRefreshTokenError("anti-csrf check failed", reason="anti_csrf")


def check_on_refresh(issued: str | None, given: str | None, mode: AntiCsrfMode) -> None:
    """Raise SuperTokensUnauthorisedError unless `given` is the value that the token was `issued` with.

    `mode`: whether a missing value is refused too. A token issued without a value passes, so that switching the check
    on logs nobody out. Call this before the record is read: a stolen stale token without its value must not
    count as theft.
    """
    if issued is None or (given is None and mode == "if_sent"):
        return
    if given is None or not (given.isascii() and compare_digest(issued, given)):
        raise SuperTokensUnauthorisedError("Anti CSRF token missing, or not matching", reason="anti_csrf")
