# SPDX-License-Identifier: Apache-2.0
"""A client in words, such as "Firefox on Linux", for a user's list of devices."""

from __future__ import annotations

try:
    import ua_parser
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "supertokens.devices needs ua-parser: pip install 'supertokens-sessions[devices]'"
    ) from error

from supertokens.engine.noted_client import bounded_user_agent

__all__ = ["describe_client"]


def describe_client(user_agent: str | None) -> str:
    """Return the browser and the system that `user_agent` names, such as "Firefox on Linux".

    The answer is "unknown client" if it names neither. A client can claim anything. Only the part that a session would
    keep is read.
    """
    text = None if user_agent is None else bounded_user_agent(user_agent)
    if text is None:
        return "unknown client"
    parsed = ua_parser.parse(text)
    browser = None if parsed.user_agent is None else parsed.user_agent.family
    system = None if parsed.os is None else parsed.os.family
    if browser is None and system is None:
        return "unknown client"
    return f"{browser or 'unknown client'} on {system}" if system is not None else str(browser)
