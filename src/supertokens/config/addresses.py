# SPDX-License-Identifier: Apache-2.0
"""The address that the core service listens on, and the addresses that apps call."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

__all__ = ["base_path", "host", "hosts", "in_url", "is_loopback", "origins"]


def host(value: object) -> str:
    name = value.strip().removeprefix("[").removesuffix("]") if isinstance(value, str) else ""
    if _is_ip_address(name) or re.fullmatch(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?", name):
        return name
    raise ValueError("must be a name or an IP address, such as 'localhost' or '0.0.0.0', without scheme and port")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server on `host`. Of host names, only `localhost` counts."""
    return ipaddress.ip_address(host).is_loopback if _is_ip_address(host) else host.lower() == "localhost"


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def base_path(value: object) -> str:
    """Return `value` as the prefix of all paths of the service: empty, or with a slash in front and none at the end."""
    path = value.strip("/") if isinstance(value, str) else None
    if path == "":
        return ""
    if path is not None and re.fullmatch(r"(?!\.)[A-Za-z0-9._~-]+(/(?!\.)[A-Za-z0-9._~-]+)*", path):
        return f"/{path}"
    raise ValueError("must be a path such as '/sessions', made of letters, digits and . _ ~ -")


_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,A-Z]+")


def hosts(value: object) -> tuple[str, ...]:
    """Return `value` as base URLs without a slash at the end. Raise ValueError if it has no form of a list of hosts.

    The forms are those of the SDKs (docs/protocol/original.md#settings-of-the-flask-sdk).
    """
    items: Sequence[object] = ()
    if isinstance(value, str):
        # A semicolon at the end of the list does no harm; the original took it for an empty address.
        items = [item.strip() for item in value.strip().removesuffix(";").split(";")]
    elif isinstance(value, list | tuple):
        items = value
    urls = tuple(_base_url(item) for item in items)
    if urls:
        return tuple(dict.fromkeys(urls))
    raise _no_hosts()


def origins(value: object) -> tuple[str, ...]:
    """Return `value` as a tuple of origins as browsers send them, to be compared as text (RFC 6454, section 6.2)."""
    items = [item.strip() for item in value.split(",")] if isinstance(value, str) else value
    if isinstance(items, list | tuple) and all(isinstance(item, str) and _ORIGIN.fullmatch(item) for item in items):
        return tuple(dict.fromkeys(items))
    raise ValueError(
        "must be origins as browsers send them, scheme and host in lower case and nothing after the port, such as"
        " 'https://app.example.com'; separate several with commas"
    )


def _base_url(item: object) -> str:
    if isinstance(item, Mapping):
        return _url_of_pair(item)
    if not isinstance(item, str):
        raise _no_hosts()
    plain = item.isascii() and item.isprintable() and not set(item) & set(" \\?#@")
    try:
        url = urlsplit(item)
        name, path, port = host(url.hostname), base_path(url.path), url.port
    except ValueError:
        raise _no_hosts() from None
    if not plain or url.scheme not in ("http", "https") or port == 0:
        raise _no_hosts()
    return f"{url.scheme}://{in_url(name)}{f':{port}' if port else ''}{path}"


def _url_of_pair(item: Mapping[object, object]) -> str:
    port = item.get("port", 3567)
    if set(item) <= {"hostname", "port"} and isinstance(port, int) and not isinstance(port, bool) and 0 < port < 65_536:
        try:
            name = host(item.get("hostname"))
        except ValueError:
            raise _no_hosts() from None
        return f"http://{in_url(name)}:{port}"
    raise _no_hosts()


def in_url(host: str) -> str:
    """Return `host` as a URL writes it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _no_hosts() -> ValueError:
    return ValueError(
        "must be base URLs separated by ';', such as 'http://localhost:3567;https://core.example.com', or a list of"
        " {'hostname': …, 'port': …}; without a password"
    )
