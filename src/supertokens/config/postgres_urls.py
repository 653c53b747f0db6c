# SPDX-License-Identifier: Apache-2.0
"""How a URL names a PostgreSQL database (PostgreSQL, "libpq - C Library", section "Connection URIs").

It is taken apart here rather than by the driver: so that what is wrong is known when the configuration is read, and
said without a piece of the URL that might be the password.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from urllib.parse import unquote

__all__ = ["PostgresUrl", "parse_postgres_url"]

_HOW: Final = "write 'postgresql://user:password@host:5432/database'"
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("read-write", "primary"),
    "load_balance_hosts": ("disable", "random"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "sslnegotiation": ("postgres", "direct"),
    "pooler": ("0", "1"),
}
_NUMBERS: Final = {
    "connect_timeout": (1, 600),
    "tcp_user_timeout": (0, 600_000),
    "keepalives": (0, 1),
    "keepalives_idle": (0, 86_400),
    "keepalives_interval": (0, 86_400),
    "keepalives_count": (0, 1000),
}
_TEXTS: Final = (
    "host", "hostaddr", "port", "user", "password", "passfile", "dbname", "application_name", "options", "sslcert",
    "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "sslcertmode", "ssl_min_protocol_version",
    "ssl_max_protocol_version", "require_auth", "requirepeer", "krbsrvname", "gsslib", "gssdelegation",
)  # fmt: skip
_KNOWN: Final = (*_CHOICES, *_NUMBERS, *_TEXTS)


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """A database: what the driver is told, and what people are."""

    name: str
    """Host, port and database, without user and password."""
    pooled: bool
    """Whether the URL says that a pooler stands in front, which gives statement after statement to other sessions."""
    secret: dict[str, str] = field(repr=False)
    """Parameters of libpq, by name."""


def parse_postgres_url(scheme: str, rest: str) -> PostgresUrl:
    """Take apart `rest`, the text after `scheme:`. Raise ValueError, which names the part that is wrong."""
    if not rest.startswith("//"):
        raise ValueError(f"must have '//' after '{scheme}:': {_HOW}")
    if not rest.isprintable() or " " in rest:
        raise ValueError("must have no space and no control character; write a space as '%20'")
    if "#" in rest:
        raise ValueError("must not have a fragment; write '#' as '%23', in a password too")
    before, mark, query = rest[2:].partition("?")
    authority, slash, path = before.partition("/")
    parameters = {**_authority(authority), **_database_name(path if slash else "")}
    for name, value in _query(query if mark else None):
        if name in parameters:
            raise ValueError(f"must give {name!r} only once: it appears before the '?' and after it, or twice after it")
        parameters[name] = value
    if not parameters.get("dbname"):
        raise ValueError(f"must name a database after the host and '/': {_HOW}")
    if "password" in parameters and "user" not in parameters:
        raise ValueError(f"must name the user if it gives a password: {_HOW}")
    _check_hosts(parameters)
    pooled = parameters.pop("pooler", "0") == "1"
    if pooled and "options" in parameters:
        raise ValueError("must not combine 'options' with 'pooler=1': poolers do not pass them on to the server")
    return PostgresUrl(_name(parameters), pooled, parameters)


def _authority(text: str) -> dict[str, str]:
    user_and_password, at, hosts = text.rpartition("@")
    found: dict[str, str] = {}
    if at:
        user, colon, password = user_and_password.partition(":")
        for part, value in (("user", user), ("password", password)):
            if "@" in value or ":" in value or "[" in value:
                raise ValueError(f"must have no '@', ':' or '[' in the {part}: write them as %40, %3A and %5B")
        if not user:
            raise ValueError(f"must name the user before '@': {_HOW}")
        found["user"] = _decoded("user", user)
        if colon:
            if not password:
                raise ValueError("must have a password between ':' and '@', or no ':' there")
            found["password"] = _decoded("password", password)
    if hosts:
        places = [_host_and_port(each) for each in hosts.split(",")]
        found["host"] = ",".join(host for host, _ in places)
        if any(port for _, port in places):
            found["port"] = ",".join(port for _, port in places)
    return found


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("must have ']' after an IPv6 address in the host, and then nothing, or ':' and the port")
        try:
            IPv6Address(address)
        except AddressValueError:
            raise ValueError("must have an IPv6 address between '[' and ']' in the host") from None
        return address, _port(port[1:]) if port else ""
    host, colon, port = text.partition(":")
    if ":" in port:
        raise ValueError("must have one ':' between host and port; write an IPv6 address in '[' and ']'")
    host = _decoded("host", host)
    if not host:
        raise ValueError(f"must name a host before each port and between commas: {_HOW}")
    return host, _port(port) if colon else ""


def _port(text: str) -> str:
    if not (re.fullmatch("[0-9]{1,5}", text) and 1 <= int(text) <= 65_535):
        raise ValueError("must have a port from 1 to 65535 after the ':' of a host")
    return text


def _database_name(path: str) -> dict[str, str]:
    if "/" in path:
        raise ValueError("must have one name after the host; write '/' in a database name as '%2F'")
    return {"dbname": _decoded("database", path)} if path else {}


def _query(text: str | None) -> list[tuple[str, str]]:
    if text is None:
        return []
    found = []
    for pair in text.split("&"):
        name, equals, value = pair.partition("=")
        if name not in _KNOWN:
            # The name that was given is not shown: it may be a piece of a password with a '?'.
            near = difflib.get_close_matches(name, _KNOWN, 1)
            meant = f" (did you mean {near[0]!r}?)" if near else ""
            raise ValueError(
                f"must have names of libpq's parameters after the '?'{meant}; in a password, write '?' as '%3F'"
            )
        if not equals or not value:
            raise ValueError(f"must have a value for the parameter {name!r}")
        found.append((name, _parameter(name, _decoded(f"parameter {name!r}", value))))
    return found


def _parameter(name: str, value: str) -> str:
    if name == "target_session_attrs" and value not in _CHOICES[name]:
        raise ValueError(
            "must have 'target_session_attrs=read-write' or 'primary': sessions are read and written on the primary"
        )
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"must have one of {', '.join(_CHOICES[name])} for the parameter {name!r}")
    if name in _NUMBERS:
        least, most = _NUMBERS[name]
        if not (re.fullmatch("[0-9]{1,9}", value) and least <= int(value) <= most):
            raise ValueError(f"must have a whole number from {least} to {most} for the parameter {name!r}")
    return value


def _check_hosts(parameters: dict[str, str]) -> None:
    hosts = parameters.get("host", parameters.get("hostaddr", ""))
    ports = parameters.get("port", "")
    if parameters.get("hostaddr", hosts).count(",") != hosts.count(","):
        raise ValueError("must have as many addresses in 'hostaddr' as hosts")
    for port in ports.split(",") if ports else ():
        if port:
            _port(port)
    if ports.count(",") not in (0, hosts.count(",")):
        raise ValueError("must have one port for all hosts, or as many ports as hosts")


def _decoded(part: str, text: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise ValueError(f"must have two hexadecimal digits after each '%' in the {part}; write '%' itself as %25")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(f"must have valid UTF-8 in the {part}, after decoding '%'") from None
    if "\0" in decoded:
        raise ValueError(f"must have no %00 in the {part}")
    return decoded


def _name(parameters: dict[str, str]) -> str:
    hosts = (parameters.get("host") or parameters.get("hostaddr") or "localhost").split(",")
    ports = parameters.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=True)]
    return f"{','.join(places)}/{parameters['dbname']}"
