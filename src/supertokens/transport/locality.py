# SPDX-License-Identifier: Apache-2.0
"""Whether a browser on this very machine talks to the application over plain http, with nothing in between.

Only then may cookies lack Secure without being configured to. A proxy on the same machine looks much like such a
browser, so everything that contradicts it is checked (docs/browsers.md#cookies).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Locality", "host_name", "is_loopback", "locality_of"]

_USUAL_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))
"""Names of this machine that need no parsing."""

_OF_PROXIES: Final = (
    "forwarded", "x-forwarded", "x-real-ip", "via", "x-client-ip", "x-cluster-client-ip", "x-scheme", "x-url-scheme",
    "x-original", "x-proxy", "front-end-https", "cf-", "true-client-ip", "cdn-loop",
)  # fmt: skip
"""The prefixes of headers that proxies add."""


class Locality(Enum):
    """How far away the browser is."""

    LOCAL = "on this machine, in plain http"
    PROXIED = "it seems to be on this machine, but something indicates a proxy"
    REMOTE = "elsewhere, or https"


def locality_of(
    scheme: str,
    host: str,
    peer: str,
    header: Callable[[str], str | None],
    header_names: Callable[[], tuple[str, ...]],
) -> Locality:
    """Return how far away the browser is.

    `scheme`: of the request. `host`: its Host header. `peer`: the address that the connection came from. `header`
    returns a header by its name; `header_names` returns all names.
    """
    if scheme != "http" or not is_loopback(peer) or not is_loopback(host_name(host)):
        return Locality.REMOTE
    if _has_one_of_proxies(header_names()):
        return Locality.PROXIED
    # A bare `proxy_pass` adds no header at all, but the browser says which site it is on.
    if any(_is_elsewhere(header(name)) for name in ("origin", "referer")):
        return Locality.PROXIED
    return Locality.LOCAL


@lru_cache(maxsize=64)  # browsers send few different sets of headers
def _has_one_of_proxies(header_names: tuple[str, ...]) -> bool:
    return any(name.startswith(_OF_PROXIES) for name in header_names)


def host_name(host: str) -> str:
    """Return `host`, a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def is_loopback(name: str) -> bool:
    """Return whether `name`, a host name or an address, is this machine."""
    name = name.lower().removesuffix(".")
    if name in _USUAL_LOOPBACK or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    # A socket for both families has IPv4 addresses inside IPv6 ones; not every Python looks into them.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _is_elsewhere(url: str | None) -> bool:
    """Return whether `url`, an Origin or Referer header, names https, or a host that is not this machine."""
    if not url or url == "null":
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" or (parts.scheme == "http" and not is_loopback(parts.hostname or ""))
    except ValueError:
        return False
