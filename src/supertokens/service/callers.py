# SPDX-License-Identifier: Apache-2.0
"""Decide which callers are accepted: backends, not the browsers on their machines
(docs/service.md#which-callers-are-accepted).

Without API keys a service on the loopback interface would otherwise answer every web page that a browser on this
machine shows. A page may send a "simple" POST to any address without asking first (Fetch, "CORS protocol"), and a page
whose name has been pointed at 127.0.0.1 meanwhile (DNS rebinding) may even read the answers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from supertokens.config.addresses import is_loopback
from supertokens.service.api_keys import ApiKeys
from supertokens.service.rationing import Rationed
from supertokens.service.replies import RefusedError
from supertokens.service.request_head import RequestHead
from supertokens.service.routes import Route

__all__ = ["Callers", "host_of"]

_FROM_A_BROWSER: Final = (
    "This request comes from a browser: it has the header Origin or Sec-Fetch-Site. Web pages must not call the core"
    " service; only a caller that shows an API key may send these headers."
)
_FOR_ANOTHER_HOST: Final = (
    "Without api_keys, this core answers only requests whose Host is localhost or an address of the loopback. Most"
    " likely a proxy in front passes the name on by which it was asked: set api_keys, or let the proxy send"
    " 'Host: localhost'."
)
_SIGNS_OF_A_PROXY: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
# Of RFC 3986, 3.2, without user information: an address in brackets, or a name, then perhaps a port.
_AUTHORITY: Final = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]*)?")


def host_of(head: RequestHead) -> str | None:
    """Return the Host header of `head`, or None if HTTP/1.0 leaves it out.

    Raise RefusedError (400) if there are several, or none in HTTP/1.1 (RFC 9112, section 3.2).
    """
    hosts = head.values("host")
    if len(hosts) == 1:
        return hosts[0]
    if hosts or head.http_version != "1":
        raise RefusedError(400, "The request must have one Host header")
    return None


class Callers:
    """Decides who is answered. `listens_on_loopback`: only this machine can reach the service."""

    def __init__(self, api_keys: ApiKeys, *, listens_on_loopback: bool) -> None:
        self._api_keys = api_keys
        self._listens_on_loopback = listens_on_loopback
        self._of_browsers = Rationed("requests refused because a browser sent them")
        self._for_other_hosts = Rationed(
            "requests refused because their Host is not a name of this machine ('api_keys' are unset; is there a proxy"
            " in front?)"
        )

    def check(self, head: RequestHead, host: str | None, route: Route, key: str | None) -> None:
        """Raise RefusedError unless the sender of `head`, with this `host` and the API key `key`, may call `route`."""
        if not route.answers_browsers:
            if _is_from_a_browser(head) and not self._api_keys.include(key):
                self._of_browsers.note()
                raise RefusedError(403, _FROM_A_BROWSER)
            if self._listens_on_loopback and not self._api_keys.exist and not _is_for_the_loopback(head, host):
                self._for_other_hosts.note()
                raise RefusedError(403, _FOR_ANOTHER_HOST)
        if route.needs_api_key and not self._api_keys.accept(key):
            raise RefusedError(401, "Invalid API key")

    def may_know_the_machine(self, head: RequestHead, key: str | None) -> bool:
        """Return whether the sender of `head` may be told paths and process ids.

        `key`: the API key that it showed. Without any keys, the sender has to be on this machine, with no proxy in
        between.
        """
        if self._api_keys.exist:
            return self._api_keys.include(key)
        return _is_loopback(head.peer) and not any(head.has(name) for name in _SIGNS_OF_A_PROXY)


def _is_from_a_browser(head: RequestHead) -> bool:
    # A browser writes these headers itself, and no page can leave them out or change them (Fetch, "forbidden
    # request-header"). `none` is the user's own doing, such as an address that was typed (W3C Fetch Metadata, 2.3).
    return head.has("origin") or any(value != "none" for value in head.values("sec-fetch-site"))


def _is_for_the_loopback(head: RequestHead, host: str | None) -> bool:
    # No browser speaks HTTP/1.0, where `host` may be missing. In absolute form the target's host is the one that counts
    # (RFC 9112, 3.2.2), for servers that know of that.
    authority = head.authority
    return (host is None or _names_loopback(host)) and (authority is None or _names_loopback(authority))


@lru_cache(maxsize=64)  # the host is the same in nearly all requests, and parsing it is slow next to the rest
def _names_loopback(authority: str) -> bool:
    found = _AUTHORITY.fullmatch(authority)
    return found is not None and _is_loopback(found["address"] or found["name"].removesuffix("."))


def _is_loopback(host: str) -> bool:
    # Names below `localhost` are of the loopback, and nobody's to register (RFC 6761, 6.3). An IPv6 socket shows an
    # IPv4 peer as ::ffff:127.0.0.1.
    return is_loopback(host.lower().removeprefix("::ffff:")) or host.lower().endswith(".localhost")
