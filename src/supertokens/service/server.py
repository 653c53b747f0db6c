# SPDX-License-Identifier: Apache-2.0
"""The service as processes: one that holds them together, and the workers, on one port."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import Server

from supertokens.config import Config
from supertokens.config.secrets import read_api_keys
from supertokens.core import system_clock
from supertokens.errors import SuperTokensGeneralError
from supertokens.service.api_keys import ApiKeys
from supertokens.service.dispatch import Dispatcher
from supertokens.service.listening import held_address
from supertokens.service.logs import log_as_configured
from supertokens.service.routes import Backend
from supertokens.service.worker import DRAIN, LEAVE, Limits, Worker
from supertokens.topology import DEFAULT_DATABASE, open_embedded_core

__all__ = ["DEFAULT_DATABASE", "ListeningError", "serve"]

_MAX_CONNECTIONS: Final = 8192
"""Of one worker, at a time."""

_STOP_WITHIN_S: Final = 10
_LEAVE_WITHIN_S: Final = 0.3
_UP_WITHIN_S: Final = 30.0

_YOUNG_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.25
_LONGER: Final = 5
"""How many times the pause doubles."""

_log = logging.getLogger("supertokens")


class ListeningError(OSError):
    """The address that was configured cannot be listened on."""


def serve(
    config: Config,
    *,
    ready: Callable[[int], None] | None = None,
    config_path: str | None = None,
    limits: Limits | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the terminal. To be called from the main thread; prints nothing.

    `ready` is called once, from another thread, with the port, as soon as every worker accepts requests.
    `config_path`: absolute path of the config.yaml, if there is one, which `/config` tells.
    Raises ListeningError if the address cannot be listened on, SuperTokensGeneralError if the store cannot be used or
    the workers cannot start, OSError for what else the system denies.
    """
    with ExitStack() as held:
        try:
            address = held.enter_context(held_address(config.host, config.port))
        except OSError as error:
            raise ListeningError(error.errno, error.strerror or str(error)) from error
        _serve_on(address, config, ready, config_path, limits or Limits())


def _serve_on(
    address: tuple[str, int],
    config: Config,
    ready: Callable[[int], None] | None,
    config_path: str | None,
    limits: Limits,
) -> None:
    core = open_embedded_core(config, DEFAULT_DATABASE)
    try:
        # Before there are workers, so that they find the keys instead of making them at the same time.
        core.keys.ring_for_signing(system_clock())
    finally:
        core.close()
    workers = config.worker_count
    _allow_connections(workers)
    # A pipe, since semaphores of multiprocessing need a /dev/shm that can be written, which containers may lack.
    starts, started = multiprocessing.Pipe(duplex=False)
    plan = _Plan(config, config_path, os.getpid(), limits)
    server = _server(config, limits, address, workers)

    def up() -> None:
        server.up.set()
        if ready is not None:
            ready(address[1])

    threading.Thread(
        target=_when_up, args=(starts, workers, address, up), daemon=True, name="supertokens-ready"
    ).start()
    server.serve(target_loader=partial(_worker, plan, started), wrap_loader=False)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a worker is made of."""

    config: Config
    config_path: str | None
    pid: int
    limits: Limits


def _worker(plan: _Plan, started: Connection) -> Worker:
    config = plan.config
    log_as_configured(config)  # not every way to start a process hands the handlers on
    core = open_embedded_core(config, DEFAULT_DATABASE, accepts_v2=True)
    backend = Backend(core, config, plan.pid, plan.config_path)
    file = None if config.api_keys_file is None else Path(config.api_keys_file)
    keys = ApiKeys(config.api_keys or (), file, read_api_keys)
    dispatcher = Dispatcher(backend, keys, config.base_path)
    return Worker(dispatcher, plan.limits, config.max_server_pool_size, lambda: started.send_bytes(b"."))


class Replacements:
    """When the workers that died are replaced: those that keep dying ever later."""

    def __init__(self) -> None:
        self._young: dict[int, int] = {}
        """By a worker's place, how many in a row have died young there."""

    def pause(self, place: int, lived: float) -> float:
        """Return how long (seconds) the `place` of a worker that died after `lived` seconds stays empty."""
        if lived >= _YOUNG_S:
            self._young.pop(place, None)
            return 0.0
        before = self._young.get(place, 0)
        self._young[place] = min(before + 1, _LONGER)
        return float(_FIRST_PAUSE_S * 2**before)


class _SupervisingServer(Server):  # type: ignore[misc, valid-type]
    """Granian's start and end, with a loop of our own in between.

    Granian's loop waits for an event that a signal's handler sets. A signal that another thread takes, as it happens
    when the process was stopped by SIGSTOP meanwhile, does not wake the main thread, which alone runs handlers. And it
    ends, without a word, when a worker dies twice, and replaces all workers at SIGHUP.
    """

    def __init__(self, *args: Any, drain_seconds: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._drain_seconds = drain_seconds
        self.up = threading.Event()
        """Set once the service is ready. A worker that dies before is not replaced: the next one would die as well."""
        self._stopping = False
        self._hurried = False
        self._failure: str | None = None
        self._hang_up_stops = _hang_up_stops()
        self._replacements = Replacements()
        self._empty: dict[int, float] = {}
        """The places of workers that died, and when they are filled again (`time.monotonic`)."""

    def serve(self, *args: Any, **options: Any) -> None:
        """Serve as Granian does. Raise SuperTokensGeneralError if the workers cannot start."""
        with _woken_by_signals() as self._woken:
            super().serve(*args, **options)
        if self._failure is not None:
            raise SuperTokensGeneralError(self._failure)

    def signal_handler_interrupt(self, *args: Any, **options: Any) -> None:
        """Stop, on SIGTERM and SIGINT; the second one ends the draining."""
        self._hurried = self._stopping
        self._stopping = True

    def signal_handler_reload(self, *args: Any, **options: Any) -> None:
        """Handle SIGHUP."""
        self._stopping = self._stopping or self._hang_up_stops

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        while not self._stopping:
            self._notice_the_dead()
            now = time.monotonic()
            for place in [place for place, due in self._empty.items() if due <= now]:
                del self._empty[place]
                self._respawn_workers([place], spawn_target, target_loader)
            self._wait()
        self._drain()

    def _wait(self) -> None:
        """Wait for a signal, a worker that died, or a place to be filled."""
        living = [worker.inner.sentinel for place, worker in enumerate(self.wrks) if place not in self._empty]
        until = min(self._empty.values(), default=None)
        self._wait_for_signal(None if until is None else max(0.0, until - time.monotonic()), living)

    def _wait_for_signal(self, seconds: float | None, or_for: Sequence[int] = ()) -> None:
        wait([self._woken, *or_for], seconds)
        with suppress(BlockingIOError):
            self._woken.recv(4096)

    def _notice_the_dead(self) -> None:
        now = time.monotonic()
        for place, worker in enumerate(self.wrks):
            if place in self._empty or worker.is_alive():
                continue
            status = worker.inner.exitcode
            how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
            if not self.up.is_set():
                self._failure = f"a worker {how} before the service was ready"
                self._stopping = True
                return
            pause = self._replacements.pause(place, now - worker.birth)
            self._empty[place] = now + pause
            _log.error(
                "worker %d (process %d) %s: another takes its place in %g s", place + 1, worker.inner.pid, how, pause
            )

    def _drain(self) -> None:
        """Let load balancers notice that the service stops, and then tell clients to leave.

        A connection that is kept alive might otherwise be closed just as its client sends the next request.
        """
        self._signal_workers(DRAIN)
        deadline = time.monotonic() + self._drain_seconds
        while not self._hurried and (left := deadline - time.monotonic()) > 0:
            self._wait_for_signal(left)
        self._signal_workers(LEAVE)
        time.sleep(_LEAVE_WITHIN_S)
        self.interrupt_children.clear()  # Granian's list of those that died, for which it would end with status 1

    def _signal_workers(self, number: signal.Signals) -> None:
        for worker in self.wrks:
            if worker.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(worker.inner.pid, number)


@contextmanager
def _woken_by_signals() -> Iterator[socket.socket]:
    """Return a socket that becomes readable when a signal arrives, whichever thread took it."""
    woken, waking = socket.socketpair()
    with woken, waking:
        woken.setblocking(False)
        waking.setblocking(False)
        before = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(before)


def _hang_up_stops() -> bool:
    """Return whether SIGHUP means that the terminal was closed.

    It does not without a terminal, nor if this process was told to ignore it (nohup). Daemons get it to make them read
    their files again, which this one does by itself.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return False
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return True
    return False


def _server(config: Config, limits: Limits, address: tuple[str, int], workers: int) -> Any:
    tls = {}
    if config.ssl_certfile is not None and config.ssl_keyfile is not None:
        tls = {"ssl_cert": Path(config.ssl_certfile), "ssl_key": Path(config.ssl_keyfile)}
    return _SupervisingServer(
        "supertokens.service",
        address=address[0],
        port=address[1],
        interface=Interfaces.RSGI,
        workers=workers,
        loop=Loops.asyncio,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=_MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(limits.header_time * 1000), max_buffer_size=limits.header_bytes
        ),
        log_enabled=False,
        workers_kill_timeout=_STOP_WITHIN_S,
        drain_seconds=config.drain_seconds,
        ssl_protocol_min=SSLProtocols.tls12,
        **tls,
    )


def _allow_connections(workers: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_CONNECTIONS + 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _when_up(starts: Connection, workers: int, address: tuple[str, int], up: Callable[[], None]) -> None:
    """Call `up` once all `workers` have written to the pipe `starts`, and the port at `address` answers."""
    deadline = time.monotonic() + _UP_WITHIN_S
    for _ in range(workers):
        if not starts.poll(max(0.0, deadline - time.monotonic())):
            return
        starts.recv_bytes()
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(address, timeout=1):
            up()
            break
        time.sleep(0.005)
    while True:  # replacement workers: a pipe that nobody reads would eventually block them
        starts.recv_bytes()
