# SPDX-License-Identifier: Apache-2.0
"""`manage.py supertokens …`: the command line for the sessions of this project."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from supertokens.config import ConfigError
from supertokens.django.settings import NAME, home_of_project, read_settings

__all__ = ["Command"]

_SEPARATORS: Final = {"hosts": ";"}


class Command(BaseCommand):
    """Run `supertokens` with the project's configuration."""

    help = "Run the command `supertokens` on the sessions of this project, e.g. `sessions list ada`, `keys list`."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command with the words in `argv`, including options, unchanged, and exit with its status."""
        try:
            command, said = _command_line(), _settings_of_project()
        except CommandError as error:
            self.stderr.write(f"CommandError: {error}")
            sys.exit(error.returncode)
        with _environment(said):
            command(argv[2:], prog_name=f"manage.py {argv[1]}")

    def add_arguments(self, parser: CommandParser) -> None:
        """Make `parser` accept all words unchanged: for `call_command`."""
        parser.add_argument("words", nargs=argparse.REMAINDER)

    def handle(self, *_: Any, words: list[str], **__: Any) -> None:
        """Run the command with `words`. Raise CommandError if it fails."""
        command = _command_line()
        from click import ClickException

        try:
            with _environment(_settings_of_project()):
                status = command(words, prog_name="manage.py supertokens", standalone_mode=False)
        except ClickException as error:
            raise CommandError(error.format_message()) from error
        if isinstance(status, int) and status:
            raise CommandError(f"the status is {status}", returncode=status)


def _command_line() -> Any:
    """Return the command. Raise CommandError, which says what to install, if its dependencies are missing."""
    try:
        from supertokens.cli.commands import supertokens
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        needed = "pip install 'supertokens-sessions[cli]'"
        raise CommandError(f"The command line needs more than the library: {needed}") from error
    return supertokens


def _settings_of_project() -> dict[str, str]:
    """Return the settings of the project as the environment has them. Raise CommandError for wrong ones."""
    try:
        _, (config, where, _) = read_settings(getattr(settings, NAME, None))
    except ConfigError as error:
        raise CommandError(str(error)) from error
    said: dict[str, Any] = {name: getattr(config, name) for name in where if f"{name}_file" not in where}
    if config.hosts is None and config.database is None:
        said["database"] = home_of_project().database
    return {f"{NAME}_{name.upper()}": _as_text(name, value) for name, value in said.items()}


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return _SEPARATORS.get(name, ",").join(_as_text(name, item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return value.hex() if isinstance(value, bytes) else str(value)


@contextmanager
def _environment(said: Mapping[str, str]) -> Iterator[None]:
    """Within, have the environment say what is `said`: the command line has no other configuration."""
    before = {name: os.environ.get(name) for name in said}
    os.environ.update(said)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
