# SPDX-License-Identifier: Apache-2.0
"""Call the core, whichever host answers: decide what is tried again, where, and for how long.

docs/remote.md#when-a-host-does-not-answer says what users are told of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal
from urllib.parse import urlencode

import msgspec

from supertokens.config import Config, ConfigError
from supertokens.engine.value import Value
from supertokens.errors import SuperTokensGeneralError
from supertokens.remote.connections import Answer, Connections, NoAnswerError, NotSentError, TimesUpError
from supertokens.remote.hosts import Host, Hosts
from supertokens.remote.questions import SharedQuestion
from supertokens.remote.replies import VERSIONS, refused

__all__ = ["SPOKEN_VERSIONS", "CoreClient"]

SPOKEN_VERSIONS: Final = ("5.4", "5.3", "5.2", "5.1", "5.0", "4.0")
"""Versions of the core protocol that we speak, the best first."""

_ROUNDS: Final = 2
"""A call may take as long as this many hosts that hang, one after the other."""

_MAX_BUSY_ANSWERS: Final = 5
_AWAY: Final = frozenset((502, 503, 504))  # a gateway before the core, or the core itself, says that it is not there

_ALWAYS: Final = {"accept": "application/json", "user-agent": "supertokens-sessions"}
_encode = msgspec.json.Encoder().encode


class _Request(Value, frozen=True):
    """A request to a host. The headers hold the API key, the body tokens."""

    unshown = frozenset(("headers", "body"))

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None


class CoreClient:
    """Sends requests to the hosts of a configuration. For any thread of one process.

    `monotonic` gives seconds of a clock that never goes back; `sleep` waits for seconds. Every call raises
    SuperTokensGeneralError where no host has an answer, and none of its messages tells what was asked.
    """

    def __init__(self, config: Config, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._connect = config.core_connect_timeout
        self._read = config.core_read_timeout
        self._longest = _ROUNDS * (self._connect + self._read)
        self._keyed = {} if config.api_key is None else {"api-key": _as_header(config.api_key)}
        self._hosts = Hosts(config.hosts or ())
        self._connections = {host: Connections(host.url) for host in self._hosts.all}
        self._versions: tuple[str, ...] = ()
        self._negotiating = SharedQuestion()

    def get(self, path: str, query: dict[str, str]) -> Answer:
        """Return the reply to GET `path` with `query`, which is harmless to repeat."""
        return self._in_a_version("", "GET", f"{path}?{urlencode(query)}", None, {}, again=True)

    def key_set(self) -> Answer:
        """Return the core's public keys.

        They are public, so neither the API key nor anything else goes with the request.
        """
        return self._send("GET", "/.well-known/jwks.json", None, {}, again=True)

    def send(
        self, method: Literal["POST", "PUT"], path: str, secret: dict[str, Any], *, again: bool, version: str = ""
    ) -> Answer:
        """Return the reply to `method` `path` with the fields in `secret` that are not None.

        `again`: the core may be told twice. `version`: of the protocol; empty for the best that both sides speak.
        """
        secret = {name: secret for name, secret in secret.items() if secret is not None}
        headers = {"content-type": "application/json; charset=utf-8"}
        return self._in_a_version(version, method, path, _encode(secret), headers, again=again)

    @property
    def versions(self) -> tuple[str, ...]:
        """Return the versions of the core protocol that both sides speak, the best first.

        They are asked for again if refused.
        """
        return self._versions or self._negotiating.answer(lambda: self._versions or None, self._negotiated)

    def close(self) -> None:
        """Close the idle connections."""
        for connections in self._connections.values():
            connections.close()

    def _spoken(self, version: str) -> dict[str, str]:
        return {"cdi-version": version, "rid": "session", **self._keyed}

    def _in_a_version(
        self, version: str, method: str, target: str, secret: bytes | None, headers: dict[str, str], *, again: bool
    ) -> Answer:
        """Return the answer to a request in `version`, or in the best one if that is empty.

        `method`, `target`, `secret`, `headers` and `again` are those of the request.
        """
        known = self.versions
        answer = self._send(method, target, secret, self._spoken(version or known[0]) | headers, again=again)
        if _refuses_version(answer):
            # The hosts have changed since they were asked: an older core is back, or a newer one lacks an old version.
            if self._versions is known:
                self._versions = ()
            if not version:
                answer = self._send(method, target, secret, self._spoken(self.versions[0]) | headers, again=again)
        return answer

    def _negotiated(self) -> tuple[str, ...]:
        # A core may speak more than one family; the version says which one is asked about.
        answer = self._send("GET", "/apiversion", None, self._spoken(SPOKEN_VERSIONS[0]), again=True)
        offered = VERSIONS.of(answer).versions
        self._versions = tuple(version for version in SPOKEN_VERSIONS if version in offered)
        if not self._versions:
            spoken = ", ".join(SPOKEN_VERSIONS)
            raise SuperTokensGeneralError(f"the core supports none of these versions of the core protocol: {spoken}")
        return self._versions

    def _send(
        self, method: str, target: str, secret: bytes | None, credentials: dict[str, str], *, again: bool
    ) -> Answer:
        """Return the answer of the first host that has one. A status from 500 on is no answer.

        `method`, `target`, `secret` and `credentials` make the request; `again`: it may be sent twice. A host that
        refuses the version has not looked at the request, so it counts only if no other host answers.
        """
        request = _Request(method, target, _ALWAYS | credentials, secret)
        deadline = self._monotonic() + self._longest
        tried: list[Host] = []
        failure: SuperTokensGeneralError | None = None
        refusal: Answer | None = None
        while host := self._hosts.next(self._monotonic(), tried, may_try_again=again):
            tried.append(host)
            try:
                answer = self._ask(host, request, deadline, again=again)
            except (NotSentError, NoAnswerError) as error:
                failure = _failure(error)
                if isinstance(error, NoAnswerError) and not again:
                    raise failure from failure.__cause__
            else:
                if _refuses_version(answer):
                    refusal = answer
                    continue
                if answer.status < 500:
                    return answer
                failure = refused(answer.status)
                if not again:
                    raise failure
        if refusal is not None:
            return refusal
        raise failure or SuperTokensGeneralError("no core is available: all hosts failed, and will be retried soon")

    def _ask(self, host: Host, request: _Request, deadline: float, *, again: bool) -> Answer:
        """Return the answer of `host` to `request` before `deadline`, and note how the host is. `again`: see `send`."""
        busy_answers, may_reconnect = 0, again
        while True:
            left = deadline - self._monotonic()
            if left <= 0:
                raise TimesUpError(f"no response within {self._longest:g} seconds in total")
            try:
                answer = self._connections[host].send(
                    request.method, request.target, request.headers, request.body, self._connect, self._read, left
                )
            except (NotSentError, TimesUpError):
                self._hosts.failed(host, self._monotonic())
                raise
            except NoAnswerError:
                # The host may have closed a connection that was kept open just as it was used.
                if may_reconnect:
                    may_reconnect = False
                    continue
                if again:
                    self._hosts.failed(host, self._monotonic())
                raise
            if answer.status == 429 and busy_answers < _MAX_BUSY_ANSWERS:
                # Refused before it was looked at (docs/protocol/cdi5.md#transport).
                self._sleep(0.01 + 0.25 * busy_answers)
                busy_answers += 1
                continue
            if answer.status in _AWAY:
                self._hosts.failed(host, self._monotonic())
            else:
                self._hosts.answered(host)
            return answer


def _refuses_version(answer: Answer) -> bool:
    """Return whether `answer` refuses the version of the protocol (docs/protocol/cdi5.md#transport).

    Its words tell, since other mistakes are answered 400 as well.
    """
    return answer.status == 400 and b"cdi-version" in answer.body


def _failure(error: Exception) -> SuperTokensGeneralError:
    failure = SuperTokensGeneralError(f"the request to the core failed: {error}")
    failure.__cause__ = error.__cause__ or error
    return failure


def _as_header(api_key: str) -> str:
    # http.client would quote a value that it cannot send in its error.
    if re.fullmatch("[!-~]+", api_key) is None:
        raise ConfigError("'api_key' must be printable ASCII without spaces", "api_key")
    return api_key
