# SPDX-License-Identifier: Apache-2.0
"""The command `supertokens`. It needs the extra `cli`, and says so if that is missing."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command in the process's arguments, and exit: 0 done, 1 failed or not found, 2 usage error."""
    try:
        from supertokens.cli.commands import supertokens
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit("The command line needs the extra 'cli': pip install 'supertokens-sessions[cli]'")
    supertokens(prog_name="supertokens")
