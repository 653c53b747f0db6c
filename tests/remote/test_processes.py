# SPDX-License-Identifier: Apache-2.0
"""Forks, and services that are killed while they are in use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from supertokens.config import Config
from supertokens.errors import SuperTokensGeneralError
from supertokens.remote import RemoteCore
from tests.service.clocked import ClockedService, Services

from .faulty import FaultyHost, Request, reply

HANDLE = "7b0aa0a2-3f4c-4f0e-8a43-0123456789ab"

_FORKS = """
import os, sys, threading
from supertokens.config import Config
from supertokens.remote import RemoteCore

core = RemoteCore(Config(hosts=sys.argv[1]))
other = RemoteCore(Config(hosts=sys.argv[1]))
core.update_session_data(sys.argv[2], {"who": "parent"})
held = threading.Event()

def hold():
    client = other._client
    with client._negotiating._asking.own, other._keys._reading._asking.own, client._hosts._changing.own:
        held.set()
        threading.Event().wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
for _ in range(20):
    core.update_session_data(sys.argv[2], {"who": "parent" if child else "child"})
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
other.update_session_data(sys.argv[2], {"who": "child"})  # its locks were held by a thread that is not here
os._exit(0)
"""


def test_a_forked_child_has_connections_and_locks_of_its_own() -> None:
    def answer(request: Request) -> bytes:
        return reply({"status": "OK"})

    with FaultyHost(answer) as host:
        # Python warns of forks beside threads, which is what this is about.
        command = [sys.executable, "-W", "ignore", "-c", _FORKS, host.url, HANDLE]
        done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        peers: dict[str, set[int]] = {"parent": set(), "child": set()}
        for request in host.requests:
            peers[request.fields["userDataInDatabase"]["who"]].add(request.peer)
        assert len(host.requests) == 1 + 20 + 20 + 1
        assert peers["parent"].isdisjoint(peers["child"])
        assert len(peers["parent"]) == 1


_FORKS_WHILE_A_CONNECTION_IS_TAKEN = """
import os, sys, threading
from supertokens.config import Config
from supertokens.remote import RemoteCore

core = RemoteCore(Config(hosts=sys.argv[1]))
core.update_session_data(sys.argv[2], {"who": "parent"})
[connections] = core._client._connections.values()
held = threading.Event()

def hold():
    with connections._pool.pool.mutex:
        held.set()
        threading.Event().wait()

threading.Thread(target=hold, daemon=True).start()
del connections
held.wait()
child = os.fork()
if child:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
core.update_session_data(sys.argv[2], {"who": "child"})
sys.exit(0)  # and with it what is called at exit
"""


def test_a_child_neither_hangs_at_once_nor_at_its_end_if_a_thread_was_just_taking_a_connection() -> None:
    with FaultyHost(reply({"status": "OK"})) as host:
        only = ["-W", "ignore", "-W", "always::ResourceWarning"]
        command = [sys.executable, *only, "-c", _FORKS_WHILE_A_CONNECTION_IS_TAKEN, host.url, HANDLE]
        child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            _, told = child.communicate(timeout=20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # the child of the child, too, if it hangs
        assert (child.returncode, told) == (0, "")
        assert [request.fields["userDataInDatabase"]["who"] for request in host.requests] == ["parent", "child"]


@pytest.fixture
def twins(services: Services) -> tuple[ClockedService, ClockedService]:
    """Two services on one database."""
    one = services.new()
    two = services.new(database=f"sqlite:///{one.database}")
    return one, two


def test_a_service_that_is_killed_under_load_is_not_noticed_by_who_may_ask_another(
    twins: tuple[ClockedService, ClockedService], services: Services
) -> None:
    one, two = twins
    core = RemoteCore(Config(hosts=f"{one.url};{two.url}"), clock=services.clock)
    sessions = [core.create_session(f"user-{number}", {}, {}, anti_csrf=False) for number in range(4)]
    failures: list[Exception] = []
    rounds = threading.Semaphore(0)
    killed = threading.Event()

    def use(number: int) -> None:
        token = sessions[number].refresh_token.text
        after = 0
        while after < 10:
            try:
                token = core.refresh(token, anti_csrf=False, client="x").refresh_token.text
                core.verify(sessions[number].access_token.text, check_anti_csrf=False, check_database=True)
                core.update_session_data(sessions[number].handle, {"n": after})
            except Exception as error:  # noqa: BLE001 - all of them are the finding
                failures.append(error)
                return
            rounds.release()
            after += killed.is_set()

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert rounds.acquire(timeout=30)
    one.kill()
    killed.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert failures == []
    assert core.revoke_sessions([session.handle for session in sessions]) != []


def test_no_service_at_all_is_a_general_error_and_its_return_is_noticed(
    services: Services,
) -> None:
    class Steady:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    service, steady = services.new(), Steady()
    core = RemoteCore(Config(hosts=service.url), clock=services.clock, monotonic=steady)
    issued = core.create_session("user", {}, {}, anti_csrf=False)
    core.verify(issued.access_token.text, check_anti_csrf=False)
    service.kill()
    core.verify(issued.access_token.text, check_anti_csrf=False)  # by the keys that it has
    for _ in range(3):
        with pytest.raises(SuperTokensGeneralError):
            core.session(issued.handle)
    service.start()
    steady.now += 10
    assert core.session(issued.handle).user_id == "user"
