# SPDX-License-Identifier: Apache-2.0
"""An exception in an app of a core service tells an error tracker no token, and not the API key.

As `tests/core/test_error_reports.py`, for the floors of `remote`; and for what the network does, in the whole report.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.session import Credential, IssuedSession
from supertokens.errors import SuperTokensGeneralError
from supertokens.remote import RemoteCore
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock, KeysOnce
from tests.core.error_reports import Reports, fail_at, leaks, positions

from .faulty import Fault, FaultyHost, Request, reply

API_KEY = "key-of-an-app-0123456789-abcdefghij"


@pytest.fixture(scope="module")
def reports() -> Reports:
    return Reports()


class Service:
    """A core service in this process, as far as these tests ask; `fault`: what happens to further requests."""

    def __init__(self, clock: FakeClock) -> None:
        store = MemoryStore()
        KeysOnce.put_into(store, clock())
        self._core = EmbeddedCore(Config(), store, clock=clock)
        self._clock = clock
        self.secrets: dict[str, str | bytes] = {"API key": API_KEY}
        self.fault: Fault | None = None

    def __call__(self, request: Request) -> bytes | Fault:
        if self.fault is not None:
            return self.fault
        if request.path == "/.well-known/jwks.json":
            return reply({"keys": self._core.keys.published(self._clock())[0]})
        given = request.fields
        if request.path.endswith("/refresh"):
            return self._issued(self._core.refresh(given["refreshToken"], anti_csrf=False))
        if request.path.endswith("/verify"):
            verified = self._core.verify(given["accessToken"], check_anti_csrf=False)
            new = verified.new_access_token
            session = {"handle": verified.handle, "userId": verified.user_id, "userDataInJWT": {}}
            return reply({"status": "OK", "session": session} | ({"accessToken": self._token(new)} if new else {}))
        return self._issued(self._core.create_session(given["userId"], {}, {}, anti_csrf=False))

    def _issued(self, issued: IssuedSession) -> bytes:
        return reply(
            {
                "status": "OK",
                "session": {"handle": issued.handle, "userId": issued.user_id, "userDataInJWT": {}},
                "accessToken": self._token(issued.access_token),
                "refreshToken": self._token(issued.refresh_token),
            }
        )

    def _token(self, credential: Credential) -> dict[str, Any]:
        self.secrets[f"token {len(self.secrets)}"] = credential.text
        return {"token": credential.text, "expiry": credential.expires_at, "createdTime": credential.created_at}


def core_of(host: FaultyHost, clock: FakeClock) -> RemoteCore:
    config = Config(hosts=host.url, api_key=API_KEY, core_connect_timeout=1, core_read_timeout=0.3)
    return RemoteCore(config, clock=clock)


def use(core: RemoteCore) -> None:
    """Every question with a token in it."""
    issued = core.create_session("user", {}, {}, anti_csrf=False)
    core.verify(issued.access_token.text, check_anti_csrf=False)
    child = core.refresh(issued.refresh_token.text, anti_csrf=False)
    core.verify(child.access_token.text, check_anti_csrf=False)


# An exception in the middle of connecting leaves the socket to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_report_of_an_exception_in_the_remote_core_has_a_token_or_the_api_key(reports: Reports) -> None:
    clock = FakeClock()
    with FaultyHost(Service(clock)) as host:
        lines = positions(lambda: use(core_of(host, clock)))
    found, reported = set(), 0
    for position in (line for line in lines if Path(line[0]).parent.name == "remote"):
        service = Service(clock)
        with FaultyHost(service) as host:
            error = fail_at(lambda host=host: use(core_of(host, clock)), position)
        if error is not None:
            reported += 1
            found |= {leak for leak in leaks(reports.of(error), service.secrets) if " supertokens." in leak}
    assert found == set()
    assert reported > 100


VERBS: dict[str, Callable[[RemoteCore, IssuedSession], Any]] = {
    "create": lambda core, issued: core.create_session("user", {}, {}, anti_csrf=False),
    "refresh": lambda core, issued: core.refresh(issued.refresh_token.text, anti_csrf=False),
    "verify": lambda core, issued: core.verify(issued.access_token.text, check_anti_csrf=False, check_database=True),
    "regenerate": lambda core, issued: core.regenerate(issued.access_token.text, {}),
    "authenticate": lambda core, issued: core.authentic_refresh_token(issued.refresh_token.text),
}


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSE, Fault.HALF, Fault.DRIP_HEADERS, Fault.HANG])
@pytest.mark.parametrize("verb", VERBS)
def test_the_report_of_a_broken_connection_has_neither_in_any_frame(reports: Reports, verb: str, fault: Fault) -> None:
    clock = FakeClock()
    service = Service(clock)
    with FaultyHost(service) as host:
        core = core_of(host, clock)
        issued = core.create_session("user", {}, {}, anti_csrf=False)
        core.verify(issued.access_token.text, check_anti_csrf=False)
        service.fault = fault
        with pytest.raises(SuperTokensGeneralError) as raised:
            VERBS[verb](core, issued)
        event = reports.of(raised.value)
        assert len(event["exception"]["values"]) >= 2, "the cause is told"
        assert leaks(event, service.secrets) == set()


def test_the_report_of_a_host_that_is_not_there_has_neither(reports: Reports) -> None:
    clock = FakeClock()
    service = Service(clock)
    with FaultyHost(service) as host:
        core = core_of(host, clock)
        issued = core.create_session("user", {}, {}, anti_csrf=False)
        core.close()
    with pytest.raises(SuperTokensGeneralError) as raised:
        core.refresh(issued.refresh_token.text, anti_csrf=False)
    assert leaks(reports.of(raised.value), service.secrets) == set()
