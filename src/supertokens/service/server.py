# SPDX-License-Identifier: Apache-2.0
"""The service as processes: one that holds them together, and the workers, on one port."""

from __future__ import annotations

import multiprocessing
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import Server

from supertokens.config import Config
from supertokens.config.secrets import read_api_keys
from supertokens.core import system_clock
from supertokens.service.api_keys import ApiKeys
from supertokens.service.dispatch import Dispatcher
from supertokens.service.listening import held_address
from supertokens.service.logs import log_as_configured
from supertokens.service.routes import Backend
from supertokens.service.worker import DRAIN, Limits, Worker
from supertokens.topology import DEFAULT_DATABASE, open_embedded_core

__all__ = ["DEFAULT_DATABASE", "serve"]

_MOST_CONNECTIONS: Final = 8192
"""Of one worker, at a time."""

_STOP_WITHIN: Final = 10  # seconds
_DRAIN_FOR: Final = 0.3  # seconds
_UP_WITHIN: Final = 30.0  # seconds


def serve(
    config: Config,
    *,
    ready: Callable[[int], None] | None = None,
    config_path: str | None = None,
    limits: Limits | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. To be called from the main thread; prints nothing.

    `ready` is called once, from another thread, with the port, as soon as every worker accepts requests.
    `config_path`: absolute path of the config.yaml, if there is one, which `/config` tells.
    Raises OSError if the address cannot be listened on, SuperTokensGeneralError if the store cannot be used.
    """
    with held_address(config.host, config.port) as address:
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
        core.keys.to_sign(system_clock())
    finally:
        core.close()
    workers = config.worker_count
    _allow_connections(workers)
    started = multiprocessing.Semaphore(0)
    plan = _Plan(config, config_path, os.getpid(), limits)
    server = _server(config, limits, address, workers)
    if ready is not None:
        waiting = threading.Thread(
            target=_when_up, args=(started, workers, address, ready), daemon=True, name="supertokens-ready"
        )
        waiting.start()
    server.serve(target_loader=partial(_worker, plan, started), wrap_loader=False)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a worker is made of."""

    config: Config
    config_path: str | None
    pid: int
    limits: Limits


def _worker(plan: _Plan, started: Any) -> Worker:
    config = plan.config
    log_as_configured(config)  # not every way to start a process hands the handlers on
    backend = Backend(open_embedded_core(config, DEFAULT_DATABASE), config, plan.pid, plan.config_path)
    file = None if config.api_keys_file is None else Path(config.api_keys_file)
    keys = ApiKeys(config.api_keys or (), file, read_api_keys)
    dispatcher = Dispatcher(backend, keys, config.base_path)
    return Worker(dispatcher, plan.limits, config.max_server_pool_size, started.release)


class _DrainingServer(Server):  # type: ignore[misc, valid-type]
    """A server that tells its clients to leave before it stops.

    A connection that is kept alive would be closed at the very moment at which its client may send its next request.
    """

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        for process in multiprocessing.active_children():
            with suppress(ProcessLookupError, TypeError):
                os.kill(process.pid, DRAIN)  # type: ignore[arg-type]
        stop = threading.Timer(_DRAIN_FOR, super().signal_handler_interrupt)
        stop.daemon = True
        stop.start()


def _server(config: Config, limits: Limits, address: tuple[str, int], workers: int) -> Any:
    tls = {}
    if config.ssl_certfile is not None and config.ssl_keyfile is not None:
        tls = {"ssl_cert": Path(config.ssl_certfile), "ssl_key": Path(config.ssl_keyfile)}
    return _DrainingServer(
        "supertokens.service",
        address=address[0],
        port=address[1],
        interface=Interfaces.RSGI,
        workers=workers,
        loop=Loops.asyncio,
        http=HTTPModes.http1,
        websockets=False,
        backpressure=_MOST_CONNECTIONS,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(limits.header_time * 1000), max_buffer_size=limits.header_bytes
        ),
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_WITHIN,
        ssl_protocol_min=SSLProtocols.tls12,
        **tls,
    )


def _allow_connections(workers: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _when_up(started: Any, workers: int, address: tuple[str, int], ready: Callable[[int], None]) -> None:
    """Call `ready` once every worker has started and the port answers."""
    deadline = time.monotonic() + _UP_WITHIN
    for _ in range(workers):
        if not started.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(address, timeout=1):
            ready(address[1])
            return
        time.sleep(0.005)
