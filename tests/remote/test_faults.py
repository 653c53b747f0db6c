# SPDX-License-Identifier: Apache-2.0
"""Hosts that are dead, slow, broken or mad: what a caller sees, what is tried again, and for how long."""

from __future__ import annotations

import gzip
import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from supertokens.config import Config, ConfigError
from supertokens.errors import SuperTokensGeneralError, SuperTokensTokenTheftError, SuperTokensUnauthorisedError
from supertokens.remote import RemoteCore, connections
from tests.service.clocked import Services

from .faulty import CLOSED_PORT_URL, Fault, FaultyHost, Request, reply

HANDLE = "7b0aa0a2-3f4c-4f0e-8a43-0123456789ab"
API_KEY = "a-key-that-must-not-show-anywhere-1234"
SECRETS = (API_KEY, "a-secret-refresh-token", "a-secret-user", "a-secret-payload")

TOKEN = {"token": "t", "expiry": 2, "createdTime": 1}
SESSION = {"handle": HANDLE, "userId": "u", "userDataInJWT": {}, "recipeUserId": "u", "tenantId": "public"}
ACCESS_TOKEN = {**TOKEN, "token": "e30.e30.AA"}
V2_HEADER = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0="
ISSUED = {"status": "OK", "session": SESSION, "accessToken": ACCESS_TOKEN, "refreshToken": TOKEN}
FOUND = {
    "status": "OK", "sessionHandle": HANDLE, "userId": "u", "userDataInDatabase": {}, "userDataInJWT": {},
    "expiry": 2, "timeCreated": 1,
}  # fmt: skip
GOOD = {
    ("POST", "/recipe/session"): ISSUED,
    ("POST", "/recipe/session/refresh"): ISSUED,
    ("POST", "/recipe/session/remove"): {"status": "OK", "sessionHandlesRevoked": [HANDLE]},
    ("GET", "/recipe/session"): FOUND,
    ("GET", "/recipe/session/user"): {"status": "OK", "sessionHandles": []},
    ("PUT", "/recipe/session/data"): {"status": "OK"},
    ("PUT", "/recipe/jwt/data"): {"status": "OK"},
}


def good(request: Request) -> bytes:
    return reply(GOOD[(request.method, request.path)])


class Steady:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def core_of(*urls: str, connect: float = 1.0, read: float = 0.4, **options: Any) -> RemoteCore:
    config = Config(hosts=";".join(urls), api_key=API_KEY, core_connect_timeout=connect, core_read_timeout=read)
    return RemoteCore(config, **options)


def create(core: RemoteCore) -> Any:
    return core.create_session("a-secret-user", {"x": "a-secret-payload"}, {"x": "a-secret-payload"}, anti_csrf=False)


REPEATABLE: dict[str, Callable[[RemoteCore], Any]] = {
    "refresh": lambda core: core.refresh("a-secret-refresh-token", anti_csrf=False),
    "revoke": lambda core: core.revoke_sessions([HANDLE]),
    "session": lambda core: core.session(HANDLE),
    "handles": lambda core: core.session_handles("a-secret-user"),
    "data": lambda core: core.update_session_data(HANDLE, {"x": "a-secret-payload"}),
    "payload": lambda core: core.update_jwt_payload(HANDLE, {"x": "a-secret-payload"}),
}
VERBS = {"create": create, **REPEATABLE}


@pytest.fixture(params=list(VERBS))
def verb(request: pytest.FixtureRequest) -> Callable[[RemoteCore], Any]:
    return VERBS[request.param]


@pytest.fixture(params=list(REPEATABLE))
def repeatable(request: pytest.FixtureRequest) -> Callable[[RemoteCore], Any]:
    return REPEATABLE[request.param]


def failure_of(verb: Callable[[], Any], caplog: pytest.LogCaptureFixture, match: str = ".") -> SuperTokensGeneralError:
    """The error, after a look for secrets in all that it and the log say."""
    with caplog.at_level(logging.INFO), pytest.raises(SuperTokensGeneralError, match=match) as raised:
        verb()
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + caplog.text
    lines = [line for line in told.splitlines() if "lambda" not in line and "create_session(" not in line]
    assert not [secret for secret in SECRETS if secret in "\n".join(lines)]
    return raised.value


# One host


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP_HEADERS, Fault.DRIP_BODY])
@pytest.mark.parametrize("name", ["create", "refresh", "session"])
def test_an_answer_that_does_not_come_is_an_error_in_time(
    name: str, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyHost(fault) as host:
        core = core_of(host.url)
        assert core._client.versions
        began = time.monotonic()
        error = failure_of(lambda: VERBS[name](core), caplog, "in time")
        assert 0.3 < time.monotonic() - began < 2
        assert error.__cause__ is not None
        assert len(host.requests) == 1, "who has waited once does not wait twice for the same host"


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSE, Fault.HALF])
def test_a_broken_connection_is_tried_again_once_for_what_may_be_repeated(
    repeatable: Callable[[RemoteCore], Any], fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyHost(fault) as host:
        core = core_of(host.url)
        failure_of(lambda: repeatable(core), caplog)
        assert len(host.requests) == 2
        host.requests.clear()
        host.answer = lambda request: fault if len(host.requests) == 1 else good(request)
        core = core_of(host.url)
        repeatable(core)
        assert len(host.requests) == 2


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSE, Fault.HALF, Fault.HANG, reply({}, 500), reply({}, 503)])
def test_a_session_is_never_asked_for_twice_once_a_host_has_seen_the_request(
    fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultyHost(fault) as host, FaultyHost(good) as other:
        core = core_of(host.url, other.url)
        assert core._client.versions
        core._client._hosts._turn = 0
        failure_of(lambda: create(core), caplog)
        assert (len(host.requests), len(other.requests)) == (1, 0)


def test_a_kept_connection_that_the_host_has_closed_meanwhile_costs_nothing() -> None:
    def answer(request: Request) -> bytes:
        return reply(GOOD[(request.method, request.path)]) + b""

    class Closing(FaultyHost):
        def _respond(self, connection: Any, request: Request) -> bool:
            super()._respond(connection, request)
            return request.path == "/apiversion"

    with Closing(answer) as host:
        core = core_of(host.url)
        for verb in (create, REPEATABLE["session"], create, REPEATABLE["refresh"], create):
            verb(core)
            assert host.closed.acquire(timeout=10)
        assert len(host.requests) == 5


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"null", b"[]", b"{}", b"{", b"\xff\xfe", b"<html>", b"[" * 100_000, b'{"status":"OK"}',
        b'{"status":"NEW"}', b'{"status":7}', b'{"status":"TRY_REFRESH_TOKEN"}',
    ],
    ids=repr,
)  # fmt: skip
def test_a_reply_that_makes_no_sense_is_an_error(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with FaultyHost(reply(answer)) as host:
        core = core_of(host.url)
        for verb in ("create", "refresh", "revoke", "session", "handles"):
            failure_of(lambda verb=verb: VERBS[verb](core), caplog, "is invalid")


@pytest.mark.parametrize(
    "change",
    [
        {"session": {**SESSION, "userDataInJWT": []}}, {"session": {**SESSION, "handle": 7}}, {"session": None},
        {"accessToken": {**ACCESS_TOKEN, "expiry": -1}}, {"accessToken": {**ACCESS_TOKEN, "expiry": 1e3}},
        {"accessToken": {**ACCESS_TOKEN, "expiry": 2**70}}, {"accessToken": {**ACCESS_TOKEN, "expiry": 2**53}},
        {"refreshToken": {**TOKEN, "createdTime": 2**53}}, {"refreshToken": {**TOKEN, "token": ""}},
        {"refreshToken": {**TOKEN, "token": "a\r\nSet-Cookie: b=c"}}, {"refreshToken": {**TOKEN, "token": "t\n"}},
        {"refreshToken": {"token": "t"}}, {"antiCsrfToken": 7}, {"antiCsrfToken": ""}, {"antiCsrfToken": "t\n"},
        {"antiCsrfToken": "a\r\nSet-Cookie: b=c"}, {"antiCsrfToken": "é"},
        *({"accessToken": {**TOKEN, "token": text}} for text in (
            "abc", "a.b", "e30.e30", "a.b.c", "e30.e30.AA.AA", "e30.W10.AA", "e30.AA.AA", "e30.e31.AA", "e30..AA",
            "e30.e30.AA\n", "e30.e30.A A", "e30.e30.A;A", "é.e30.AA", ".e30.AA",
        )),
    ],
    ids=repr,
)  # fmt: skip
def test_every_field_of_a_reply_is_checked(change: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with FaultyHost(reply({**ISSUED, **change})) as host:
        for verb in ("create", "refresh"):
            failure_of(lambda verb=verb: VERBS[verb](core_of(host.url)), caplog, "is invalid")


@pytest.mark.parametrize("text", ["e30.e30.AA", "eyJ2IjoiNSJ9.eyJ4IjoiPz8_In0.A-_9", f"{V2_HEADER}.e30=.A+/9aa=="])
def test_an_access_token_of_either_version_is_passed_on_as_it_is(text: str) -> None:
    with FaultyHost(reply({**ISSUED, "accessToken": {**TOKEN, "token": text}})) as host:
        assert create(core_of(host.url)).access_token.text == text


def test_a_reply_about_another_session_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with FaultyHost(reply({**FOUND, "sessionHandle": HANDLE.replace("7", "8")})) as host:
        failure_of(lambda: core_of(host.url).session(HANDLE), caplog, "another session")


def test_a_session_without_the_anti_csrf_value_that_was_asked_for_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with FaultyHost(good) as host:
        core = core_of(host.url)
        failure_of(lambda: core.create_session("u", {}, {}, anti_csrf=True), caplog, "anti-CSRF")


@pytest.mark.parametrize("status", [201, 204, 304, 400, 403, 404, 405, 418])
def test_a_status_that_is_not_200_is_an_error(status: int, caplog: pytest.LogCaptureFixture) -> None:
    body = b"" if status in (204, 304) else f"you sent {SECRETS}".encode()
    with FaultyHost(reply(body, status)) as host:
        for verb in ("create", "refresh", "session"):
            failure_of(lambda verb=verb: VERBS[verb](core_of(host.url)), caplog, str(status))


def test_a_redirect_is_not_followed(caplog: pytest.LogCaptureFixture) -> None:
    with FaultyHost(good) as other:
        for status in (301, 302, 303, 307, 308):
            with FaultyHost(reply({}, status, f"Location: {other.url}/recipe/session\r\n")) as host:
                failure_of(lambda host=host: create(core_of(host.url)), caplog, str(status))
        assert other.requests == []


def test_a_compressed_answer_is_not_blown_up(caplog: pytest.LogCaptureFixture) -> None:
    with FaultyHost(reply(gzip.compress(b" " * 10_000_000), 200, "Content-Encoding: gzip\r\n")) as host:
        failure_of(lambda: REPEATABLE["session"](core_of(host.url)), caplog, "is invalid")


def test_an_answer_that_is_too_long_is_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "MAX_ANSWER_BYTES", 1_000_000)
    long = reply({**FOUND, "userDataInDatabase": {"x": "y" * 1_000_000}})
    for answer in (Fault.FLOOD, long):
        with FaultyHost(answer) as host:
            failure_of(lambda host=host: REPEATABLE["session"](core_of(host.url, read=10)), caplog)


def test_nothing_is_sent_for_what_is_the_callers_mistake_or_cannot_exist() -> None:
    with FaultyHost(good) as host:
        core = core_of(host.url)
        for wrong in ({"x": float("nan")}, {"x": "\ud800"}, {"sub": "x"}):
            with pytest.raises(ValueError, match="jwt_payload"):
                core.create_session("user", wrong, {}, anti_csrf=False)
        with pytest.raises(TypeError):
            core.create_session("user", {}, {"x": b""}, anti_csrf=False)
        with pytest.raises(ValueError, match="surrogates"):
            core.create_session("\ud800", {}, {}, anti_csrf=False)
        assert core.revoke_sessions([]) == core.revoke_sessions(["nope"]) == core.revoke_user("\ud800") == []
        for verb in (core.session, core.session_data):
            with pytest.raises(SuperTokensUnauthorisedError):
                verb("nope")
        with pytest.raises(SuperTokensUnauthorisedError):
            core.refresh("x" * 20_000, anti_csrf=False)
        assert host.requests == []


# Several hosts


def test_hosts_are_asked_in_turn() -> None:
    with FaultyHost(good) as one, FaultyHost(good) as two, FaultyHost(good) as three:
        core = core_of(one.url, two.url, three.url)
        for _ in range(30):
            create(core)
        assert [len(host.requests) for host in (one, two, three)] == [10, 10, 10]


def test_a_host_that_is_down_is_passed_over_by_every_verb(verb: Callable[[RemoteCore], Any]) -> None:
    with FaultyHost(good) as host:
        core = core_of(CLOSED_PORT_URL, host.url)
        for _ in range(4):
            verb(core)
        assert len(host.requests) == 4


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.RESET, Fault.HALF, reply({}, 500), reply({}, 503)])
def test_what_may_be_repeated_goes_to_another_host(repeatable: Callable[[RemoteCore], Any], fault: Any) -> None:
    with FaultyHost(fault) as bad, FaultyHost(good) as well:
        core = core_of(bad.url, well.url, read=0.3)
        for _ in range(3):
            repeatable(core)
        assert len(well.requests) == 3


def test_a_host_that_fails_rests_and_one_call_at_a_time_tries_whether_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    steady = Steady()
    with FaultyHost(good) as spare:
        core = core_of(CLOSED_PORT_URL, spare.url, monotonic=steady)
        assert core._client.versions
        dead = core._client._hosts.all[0]
        dead.failures = 0
        for _ in range(10):
            create(core)
        assert dead.failures == 1, "it was tried once"
        port = int(CLOSED_PORT_URL.rpartition(":")[2])
        with FaultyHost(good, port) as back:
            for _ in range(10):
                REPEATABLE["session"](core)
            assert back.requests == []
            steady.now += 1
            for _ in range(10):
                REPEATABLE["session"](core)
            assert len(back.requests) >= 5
            assert dead.failures == 0


def test_where_all_hosts_rest_a_call_fails_at_once_until_one_is_due(caplog: pytest.LogCaptureFixture) -> None:
    steady = Steady()
    with FaultyHost(Fault.HANG) as host:
        core = core_of(host.url, read=0.2, monotonic=steady)
        assert core._client.versions
        failure_of(lambda: create(core), caplog, "in time")
        for _ in range(100):
            failure_of(lambda: create(core), caplog, "no core is available")
        assert len(host.requests) == 1
        host.answer = good
        steady.now += 0.6
        create(core)


def test_the_time_of_a_call_has_a_bound_however_many_hosts_hang(caplog: pytest.LogCaptureFixture) -> None:
    hosts = [FaultyHost(Fault.HANG) for _ in range(8)]
    for host in hosts:
        host.versions = reply({"versions": ["5.4"]})
        host.__enter__()
    core = core_of(*(host.url for host in hosts), connect=0.1, read=0.3)
    assert core._client.versions
    began = time.monotonic()
    failure_of(lambda: REPEATABLE["refresh"](core), caplog, "within 0.8 seconds")
    assert time.monotonic() - began < 2
    assert sum(len(host.requests) for host in hosts) <= 3
    for host in hosts:
        host.__exit__()


def test_a_busy_core_is_asked_again_after_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []
    with FaultyHost(lambda request: reply({}, 429) if len(pauses) < 5 else good(request)) as host:
        create(core_of(host.url, sleep=pauses.append))
        assert pauses == pytest.approx([0.01, 0.26, 0.51, 0.76, 1.01])
        host.answer = lambda _: reply({}, 429)
        pauses.clear()
        failure_of(lambda: create(core_of(host.url, sleep=pauses.append)), caplog, "busy")
        assert len(pauses) == 5


# Versions and keys


def test_the_version_is_negotiated_once_and_said_with_every_call() -> None:
    with FaultyHost(good) as host:
        core = core_of(host.url)
        for verb in VERBS.values():
            verb(core)
        assert host.asked_for_versions == 1
        for request in host.requests:
            said = "4.0" if request.path.endswith("/refresh") else "5.4"
            assert (request.headers["cdi-version"], request.headers["api-key"]) == (said, API_KEY)


def speaking(*versions: str) -> Callable[[Request], bytes]:
    """Answers as a core does that knows these versions only."""

    def answer(request: Request) -> bytes:
        said = request.headers["cdi-version"]
        return good(request) if said in versions else reply(f"cdi-version {said} not supported".encode(), 400)

    return answer


def test_hosts_that_have_gone_back_to_an_older_core_are_asked_for_their_versions_again() -> None:
    with FaultyHost(good) as host:
        core = core_of(host.url)
        create(core)
        host.versions, host.answer = reply({"versions": ["4.0", "5.0"]}), speaking("4.0", "5.0")
        host.requests.clear()
        for verb in VERBS.values():
            verb(core)
        assert host.asked_for_versions == 2
        versions = [request.headers["cdi-version"] for request in host.requests]
        assert versions == ["5.4", "5.0", "4.0", "5.0", "5.0", "5.0", "5.0", "5.0"]


def test_while_only_some_hosts_have_gone_back_the_others_are_asked() -> None:
    with FaultyHost(good) as new, FaultyHost(speaking("5.0")) as old:
        core = core_of(new.url, old.url)
        core._client._hosts._turn = 0
        for _ in range(6):
            create(core)
        assert len(new.requests) == 6
        assert 0 < len(old.requests) <= 6
        assert new.asked_for_versions + old.asked_for_versions == 1


def test_an_older_core_is_found_also_while_another_host_is_down() -> None:
    with FaultyHost(good) as host:
        core = core_of(CLOSED_PORT_URL, host.url)
        create(core)
        host.versions, host.answer = reply({"versions": ["4.0", "5.0"]}), speaking("4.0", "5.0")
        dead = core._client._hosts.all[0]
        dead.failures, core._client._hosts._turn = 0, 0
        create(core)
        assert dead.failures == 1, "it was tried"
        assert host.asked_for_versions == 2


def test_a_core_that_refuses_the_versions_it_offers_is_an_error_after_one_more_try(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FaultyHost(speaking()) as host:
        core = core_of(host.url)
        for verb in (create, REPEATABLE["session"]):
            host.requests.clear()
            failure_of(lambda verb=verb: verb(core), caplog, "400")
            assert len(host.requests) == 2


def test_a_core_that_does_not_let_the_kind_of_key_stay_is_told_a_dynamic_one() -> None:
    with FaultyHost(good) as host:
        host.versions = reply({"versions": ["5.0", "5.1", "6.0"]})
        core = core_of(host.url)
        for static_key in (None, False, True):
            core.refresh("token", anti_csrf=False, static_key=static_key)
        assert {request.headers["cdi-version"] for request in host.requests} == {"5.1"}
        assert [request.fields["useDynamicSigningKey"] for request in host.requests] == [True, True, False]


def test_while_one_thread_asks_for_versions_again_the_others_fail_at_once(caplog: pytest.LogCaptureFixture) -> None:
    steady = Steady()
    with FaultyHost(good) as host:
        core = core_of(host.url, read=10, monotonic=steady)
        host.versions = reply({}, 500)
        failure_of(lambda: create(core), caplog, "500")
        is_asked, may_answer = threading.Event(), threading.Event()

        def held() -> bytes:
            is_asked.set()
            assert may_answer.wait(10)
            return reply({"versions": ["5.4"]})

        host.versions = held
        prober = threading.Thread(target=create, args=(core,), daemon=True)
        prober.start()
        assert is_asked.wait(30)
        for _ in range(7):
            failure_of(lambda: create(core), caplog, "500")
        may_answer.set()
        prober.join(30)
        assert not prober.is_alive()
        create(core)
        assert (host.asked_for_versions, len(host.requests)) == (2, 2)


@pytest.mark.parametrize("versions", [{"versions": ["1.0", "2.3"]}, {"versions": []}])
def test_a_core_of_another_time_is_named_as_such(versions: Any, caplog: pytest.LogCaptureFixture) -> None:
    with FaultyHost(good) as host:
        host.versions = reply(versions)
        failure_of(lambda: create(core_of(host.url)), caplog, r"5\.4")
        assert host.requests == []


def test_an_anti_csrf_value_is_supplied_only_where_the_caller_leaves_it_to_the_browser() -> None:
    with FaultyHost(good) as host:
        core = core_of(host.url)
        guarded = (
            "AQAAAAAAAAAAewqgoj9MTw6KQwEjRWeJqwAAAAAAAAACAAAAAAAAAAGzvJvc2brKzsayBEEFWc8P6ImC"
            "6NDXkDYGRJBbMRRaEhT4C7suGbMfNWV2bfmBb28"
        )
        core.refresh(guarded, anti_csrf=True)
        core.refresh(guarded, anti_csrf=True, anti_csrf_mode="if_sent")
        core.refresh(guarded, anti_csrf=True, anti_csrf_mode="if_sent", anti_csrf_token="wrong")
        core.refresh("a.foreign.token", anti_csrf=True, anti_csrf_mode="if_sent")
        core.refresh(guarded, anti_csrf=False, anti_csrf_token="wrong")
        sent = [request.fields.get("antiCsrfToken") for request in host.requests]
        assert sent == [None, "s7yb3Nm6ys7GsgRBBVnPDw", "wrong", None, None]


def test_theft_names_session_and_user() -> None:
    theft = {"status": "TOKEN_THEFT_DETECTED", "session": {"handle": HANDLE, "userId": "u", "recipeUserId": "u"}}
    with FaultyHost(reply(theft)) as host, pytest.raises(SuperTokensTokenTheftError) as raised:
        core_of(host.url).refresh("token", anti_csrf=False)
    assert (raised.value.session_handle, raised.value.user_id) == (HANDLE, "u")


def test_an_api_key_that_the_service_does_not_accept_is_an_error_that_names_the_key(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    service = services.with_settings(api_keys="another-key-of-the-service-1234")
    for config in (Config(hosts=service.url, api_key=API_KEY), Config(hosts=service.url)):
        for verb in VERBS.values():
            failure_of(lambda verb=verb, config=config: verb(RemoteCore(config)), caplog, "'api_key'")


def test_an_api_key_that_cannot_be_a_header_is_refused_without_being_shown() -> None:
    with pytest.raises((ConfigError, ValueError)) as raised:
        RemoteCore(Config(hosts="http://127.0.0.1", api_key="secret\r\nx: y"))
    assert "secret" not in str(raised.value)


def test_a_core_without_hosts_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="hosts"):
        RemoteCore(Config())
