# SPDX-License-Identifier: Apache-2.0
"""The command with all that it can do."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import click

from supertokens.cli.check import config
from supertokens.cli.keys import keys
from supertokens.cli.migrate import migrate
from supertokens.cli.output import printable
from supertokens.cli.service import list_instances, start, stop
from supertokens.cli.sessions import sessions
from supertokens.cli.target import in_words
from supertokens.config import ConfigError
from supertokens.errors import SuperTokensError

__all__ = ["supertokens"]


class _Commands(click.Group):
    """A group in whose commands the errors of the library become messages."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            name = printable(args[0])
            # In the words, and with the status, of the original (protocol-1, F.3).
            hint = 'Please use "supertokens --help" to see the list of available commands'
            click.echo(f"Unknown command '{name}'. {hint}")
            ctx.exit(1)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ConfigError, SuperTokensError, OSError) as error:
            raise click.ClickException(printable(in_words(error))) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["--help"]})
@click.version_option(version("supertokens-sessions"), message="%(version)s")
def supertokens() -> None:
    """Sessions for web applications: the core service, and tools for its database.

    The exit status is 0 when done, 1 when something failed or was not found, 2 when the command was misused.

    \b
    Examples:
      supertokens start --with-config config.yaml
      supertokens sessions list ada
      supertokens stop
    """


for command in (start, stop, list_instances, config, sessions, keys, migrate):
    supertokens.add_command(command)
