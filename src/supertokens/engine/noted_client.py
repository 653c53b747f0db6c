# SPDX-License-Identifier: Apache-2.0
"""What a session records about its client, for lists of devices: shown to people, never used for a decision."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Final

from supertokens.engine.value import Value

__all__ = ["MAX_USER_AGENT_BYTES", "NOTHING_NOTED", "NotedClient", "bounded_user_agent"]

MAX_USER_AGENT_BYTES: Final = 256
"""How much of a User-Agent is stored, in UTF-8: browsers send about 120 bytes."""

_REPLACED: Final = "\N{REPLACEMENT CHARACTER}"


class NotedClient(Value, frozen=True):
    """A User-Agent and an address as stored; None for what is not recorded. Personal data: no repr shows them."""

    unshown = frozenset(("user_agent", "address"))

    user_agent: str | None = None
    address: str | None = None

    @classmethod
    def of(cls, user_agent: str | None, address: str | None) -> NotedClient:
        """Return the stored form of `user_agent`, as a client sent it, and `address`, as the server reports it."""
        return cls(None if user_agent is None else bounded_user_agent(user_agent), _canonical(address))


NOTHING_NOTED: Final = NotedClient()


def bounded_user_agent(text: str) -> str | None:
    """Return at most MAX_USER_AGENT_BYTES of `text`, with a mark for each character that cannot be printed, or None.

    So no control character reaches a terminal or a log. None stands for a text that says nothing.
    """
    start = text[:MAX_USER_AGENT_BYTES]
    if not start.isprintable():
        start = "".join(character if character.isprintable() else _REPLACED for character in start)
    return start.strip().encode()[:MAX_USER_AGENT_BYTES].decode(errors="ignore") or None


def _canonical(address: str | None) -> str | None:
    """Return the IP address `address` in canonical form, or None for anything else, such as a socket's path."""
    if not address:
        return None
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
