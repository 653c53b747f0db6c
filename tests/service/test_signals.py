# SPDX-License-Identifier: Apache-2.0
"""What signals do to a service, whoever of its processes and threads takes them."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from .conftest import StartService
from .running import Service
from .test_faults import Load, create


def send_to_thread(process: int, thread: int, number: signal.Signals) -> None:
    assert ctypes.CDLL(None, use_errno=True).tgkill(process, thread, number) == 0, os.strerror(ctypes.get_errno())


def other_threads(pid: int) -> list[int]:
    return [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir() if int(path.name) != pid]


def test_a_sigterm_that_another_thread_takes_stops_the_service(start_service: StartService) -> None:
    service = start_service()
    send_to_thread(service.pid, other_threads(service.pid)[0], signal.SIGTERM)
    assert service.wait() == 0


def test_a_sigterm_that_comes_while_the_process_is_stopped_is_obeyed_when_it_goes_on(
    start_service: StartService,
) -> None:
    service = start_service()
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
        os.kill(service.pid, number)
    assert service.wait() == 0


def replace_the_first_of(service: Service) -> None:
    """Kill the first of two workers, and wait until there are two again. Signals sent before have been handled then."""
    dead = service.worker_pids()[0]
    os.kill(dead, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while len(pids := service.worker_pids()) != 2 or dead in pids:
        assert time.monotonic() < deadline, "nobody replaced it"
        threading.Event().wait(0.02)


@pytest.mark.parametrize("everybody", [False, True])
def test_without_a_terminal_sighup_changes_nothing(start_service: StartService, everybody: bool) -> None:
    service = start_service({"workers": 2})
    _, other = service.worker_pids()
    if everybody:
        os.killpg(service.pid, signal.SIGHUP)
    else:
        os.kill(service.pid, signal.SIGHUP)
    replace_the_first_of(service)
    assert other in service.worker_pids()
    assert service.stop() == 0


def test_workers_leave_what_a_terminal_sends_to_the_first_process(start_service: StartService) -> None:
    service = start_service({"workers": 2})
    for pid in service.worker_pids():
        found = re.search(r"^SigIgn:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        assert found is not None
        ignored = {number for number in signal.valid_signals() if int(found[1], 16) >> (number - 1) & 1}
        assert {signal.SIGINT, signal.SIGHUP} <= ignored


def test_ctrl_c_under_load_drops_no_request(start_service: StartService) -> None:
    service = start_service({"workers": 2})
    with Load([service.port], create, threads=12) as load:
        load.wait_for(300)
        os.killpg(service.pid, signal.SIGINT)  # a terminal sends it to all processes
        assert service.wait() == 0
    assert load.dropped == []
