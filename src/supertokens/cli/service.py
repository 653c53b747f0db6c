# SPDX-License-Identifier: Apache-2.0
"""`start`, `stop` and `list`: services on this machine (docs/protocol/original.md#command-line)."""

from __future__ import annotations

import logging
import os
import signal
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from supertokens.cli.background import start_in_background
from supertokens.cli.instances import register, running, wait_until_gone
from supertokens.cli.output import as_json_option, show_json
from supertokens.cli.target import config_option, database_option, explained_service, in_words
from supertokens.config import ConfigError
from supertokens.config.addresses import in_url
from supertokens.errors import SuperTokensGeneralError

__all__ = ["list_instances", "start", "stop"]

STOPS_WITHIN_S: Final = 30.0

_log = logging.getLogger("supertokens")


@click.command()
@config_option
@database_option
@click.option(
    "--host", metavar="ADDRESS", help="Address to listen on; if other machines can reach it, API keys are required."
)
@click.option("--port", type=int, metavar="N", help="Port to listen on; 0 for any free port.")
@click.option("--workers", type=int, metavar="N", help="Number of worker processes.")
@click.option("--foreground", is_flag=True, help="Stay in the foreground, as service managers and containers expect.")
@click.option("--with-space", hidden=True, expose_value=False, help="Accepted for compatibility, and ignored.")
def start(config_file: Path | None, foreground: bool, **options: Any) -> None:
    """Start a service, in the background by default.

    \b
    Examples:
      supertokens start
      supertokens start --with-config config.yaml --port 3568
      supertokens start --foreground --workers 2
    """
    if foreground:
        _run(config_file, options)
    else:
        arguments = [f"--{name}={value}" for name, value in options.items() if value is not None]
        if config_file is not None:
            arguments.append(f"--with-config={config_file.absolute()}")
        sys.exit(start_in_background(arguments))


def _run(config_file: Path | None, options: dict[str, Any]) -> None:
    """Serve with `options` and the config.yaml `config_file` until told to stop."""
    # For the worker processes: if Python does not fork them, it starts with the working directory on its path.
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        from supertokens.service import ListeningError, serve
        from supertokens.service.logs import log_as_configured
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("supertokens"):
            raise
        _crash("the service needs the extra 'service': pip install 'supertokens-sessions[service]'")
    try:
        explained = explained_service(config_file, **options)
    except ConfigError as error:
        _crash(str(error))
    config = explained.config
    file = config_file or os.environ.get("SUPERTOKENS_CONFIG") or None
    path = None if file is None else str(Path(file).absolute())
    log_as_configured(config)
    click.echo(f"Sessions are kept in {config.database_name}")
    explained.logged()

    def ready(port: int) -> None:
        try:
            register(config.host, port, path, config.drain_seconds)
        except OSError as error:
            _log.warning("'supertokens list' and 'supertokens stop' will not find this service: %s", error)
        click.echo(f"Started SuperTokens on {in_url(config.host)}:{port} with PID: {os.getpid()}")

    try:
        serve(config, ready=ready, config_path=path)
    except ssl.SSLError as error:  # an OSError, which has nothing to do with the address
        _crash(f"'ssl_certfile' and 'ssl_keyfile' cannot be used ({error}); 'supertokens config check' tells more")
    except ListeningError as error:
        _crash(f"cannot listen on {in_url(config.host)}:{config.port}: {error.strerror or error}")
    except OSError as error:  # which names the file, where it is about one
        _crash(f"the operating system refused: {error}")
    except SuperTokensGeneralError as error:
        _crash(in_words(error))


def _crash(why: str) -> NoReturn:
    click.echo(f"What caused the crash: {why}", err=True)
    click.echo("Quitting SuperTokens because of an error")
    sys.exit(1)


@click.command()
@click.option("--id", "pid", type=int, metavar="PID", help="Stop only the service with this process id.")
def stop(pid: int | None) -> None:
    """Stop all services of this user, or one, and wait until they have exited.

    Requests in progress are finished first.

    \b
    Examples:
      supertokens stop
      supertokens stop --id 4711
    """
    found = [each for each in running() if pid is None or each.pid == pid]
    if not found:
        if pid is None:
            click.echo("No SuperTokens instances are running.")
            return
        click.echo(f"Unknown PID: {pid}")
        sys.exit(1)
    for instance in found:
        with suppress(ProcessLookupError):
            os.kill(instance.pid, signal.SIGTERM)
    lasting = 0
    for instance in found:
        within = instance.drain_seconds + STOPS_WITHIN_S
        if wait_until_gone(instance, within):
            click.echo(f"Successfully stopped SuperTokens with PID {instance.pid}, running on {instance.address}")
        else:
            lasting += 1
            click.echo(f"PID {instance.pid} did not stop within {within:g} seconds", err=True)
    sys.exit(1 if lasting else 0)


@click.command("list")
@as_json_option
def list_instances(as_json: bool) -> None:
    """List the running services of this user.

    \b
    Examples:
      supertokens list
      supertokens list --json
    """
    found = running()
    if as_json:
        told = ("pid", "host", "port", "config")
        show_json([{name: getattr(each, name) for name in told} for each in found])
        return
    for each in found:
        click.echo(f"-> Instance PID: {each.pid}, address: {each.address}, config file loaded: {each.config or 'none'}")
    if not found:
        click.echo("No SuperTokens instances running.")
