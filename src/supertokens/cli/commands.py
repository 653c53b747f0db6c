# SPDX-License-Identifier: Apache-2.0
"""The `supertokens` command with all its subcommands."""

from __future__ import annotations

import difflib
from importlib.metadata import version
from typing import Any, Final

import click

from supertokens.cli.backup import backup, restore
from supertokens.cli.check import config
from supertokens.cli.copy import copy
from supertokens.cli.keys import keys
from supertokens.cli.migrate import migrate
from supertokens.cli.output import printable
from supertokens.cli.personal_data import export, forget_clients
from supertokens.cli.service import list_instances, start, stop
from supertokens.cli.sessions import sessions
from supertokens.cli.sweep import sweep
from supertokens.cli.target import in_words
from supertokens.config import ConfigError
from supertokens.errors import SuperTokensError

__all__ = ["supertokens"]

_DRIVERS: Final = ("psycopg",)
"""Modules of databases that may not be installed, which is said in words."""


class _Commands(click.Group):
    """A group in whose commands the errors of the library become messages."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            name = printable(args[0])
            # In the words, and with the status, of the original (docs/protocol/original.md#command-line).
            hint = 'Please use "supertokens --help" to see the list of available commands'
            click.echo(f"Unknown command '{name}'. {hint}")
            meant = self._meant_by(args[0])
            if meant:
                click.echo(f"Did you mean '{meant}'?")
            ctx.exit(1)
        return super().resolve_command(ctx, args)

    def _meant_by(self, name: str) -> str:
        """Return the command that was probably meant, in this group or a nested one; empty if none is similar."""
        known = {name: name for name in self.commands}
        for group in self.commands.values():
            if isinstance(group, click.Group):
                known |= {each: f"{group.name} {each}" for each in group.commands if each not in known}
        near = difflib.get_close_matches(name.lower(), known, n=1)
        return known[near[0]] if near else ""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, SuperTokensError, OSError) as error:
            raise click.ClickException(printable(in_words(error))) from error
        except ModuleNotFoundError as error:
            if error.name not in _DRIVERS:
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("supertokens-sessions"), message="%(version)s")
def supertokens() -> None:
    """Sessions for web applications: the core service, and tools for its database.

    The exit status is 0 on success, 1 if something failed or was not found, 2 for a usage error.

    \b
    Examples:
      supertokens start --with-config config.yaml
      supertokens sessions list ada
      supertokens stop
    """


for command in (export, forget_clients, sweep):
    sessions.add_command(command)
for command in (start, stop, list_instances, config, sessions, keys, migrate, backup, restore, copy):
    supertokens.add_command(command)
