# SPDX-License-Identifier: Apache-2.0
"""The command as a whole: help, versions, what it says when it is misused."""

from __future__ import annotations

import errno
import os
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from supertokens.cli.commands import supertokens

from .conftest import Command, Run

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "cli.md").read_text("utf-8")


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from commands(each, f"{path}{name} ")
        else:
            yield f"{path}{name}", each


ALL = dict(commands(supertokens))


def test_there_are_these_commands() -> None:
    assert set(ALL) == {
        "start", "stop", "list", "config check", "sessions list", "sessions show", "sessions revoke", "sessions export",
        "sessions forget-clients", "sessions sweep", "keys list", "keys rotate", "keys seal", "keys replace", "migrate",
        "backup", "copy", "restore",
    }  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_the_help_of_each_command_has_examples(run: Run, name: str) -> None:
    result = run(*name.split(), "--help")
    assert result.exit_code == 0
    assert f"Usage: supertokens {name}" in result.output
    assert re.search(rf"Examples:\n +supertokens {name}", result.output)


@pytest.mark.parametrize("group", ["", "sessions", "keys", "config"])
def test_the_help_of_a_group_has_examples_of_commands_and_options_that_there_are(run: Run, group: str) -> None:
    examples = run(*group.split(), "--help").output.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert examples
    for example in examples:
        words = example.split()
        assert words[: 1 + len(group.split())] == ["supertokens", *group.split()]
        name = next(name for name in ALL if " ".join(words[1:]).startswith(name))
        known = {option for parameter in ALL[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", ALL)
def test_every_example_in_the_help_is_of_options_that_there_are(name: str) -> None:
    known = {option for parameter in ALL[name].params for option in parameter.opts}
    examples = (ALL[name].help or "").partition("Examples:")[2]
    assert set(re.findall(r"--[a-z-]+", examples)) <= known


@pytest.mark.parametrize("group", ["", "sessions", "keys", "config"])
def test_the_help_of_a_group_names_its_commands(run: Run, group: str) -> None:
    output = run(*group.split(), "--help").output
    words = [name.split() for name in ALL if name.startswith(group)]
    assert words
    its_commands = output.partition("\nCommands:\n")[2]
    assert all(name[len(group.split())] in its_commands for name in words)


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_is_documented_with_an_example(name: str) -> None:
    section = DOCUMENT.partition(f"\n## `supertokens {name}")[2].partition("\n## ")[0]
    assert section, "it has no section"
    assert f"$ supertokens {name}" in section
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert re.search(f"`{parameter.opts[0]}[ `]", section), parameter.opts[0]


def test_no_option_is_documented_that_there_is_not() -> None:
    known = {option for each in ALL.values() for parameter in each.params for option in parameter.opts}
    assert set(re.findall(r"`(--[a-z-]+)", DOCUMENT)) <= known | {"--help", "--version"}


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version").output == f"{version('supertokens-sessions')}\n"


def test_the_command_is_installed_under_its_name() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"supertokens": "supertokens.cli:main"}


def test_an_unknown_command_is_answered_as_the_original_does(run: Run) -> None:
    result = run("strat")
    assert result.exit_code == 1
    hint = 'Please use "supertokens --help" to see the list of available commands'
    assert result.output == f"Unknown command 'strat'. {hint}\nDid you mean 'start'?\n"
    assert run("qqqqqq").output == f"Unknown command 'qqqqqq'. {hint}\n"
    assert "\x1b" not in run("\x1b[2J").output


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["sesions", "list"], "sessions"), (["STOPP"], "stop"), (["revoke"], "sessions revoke"),
        (["rotat"], "keys rotate"), (["sessions", "lst"], "list"), (["keys", "rotat"], "rotate"),
        (["config", "chek"], "check"), (["start", "--forground"], "--foreground"), (["list", "--jsn"], "--json"),
    ],
)  # fmt: skip
def test_a_misspelt_command_or_option_is_told_which_one_was_meant(run: Run, arguments: list[str], meant: str) -> None:
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert f"Did you mean '{meant}'?" in result.output


@pytest.mark.parametrize("name", ["", "sessions", "keys", "config", *ALL])
def test_h_is_short_for_help(run: Run, name: str) -> None:
    short = run(*name.split(), "-h")
    assert short.exit_code == 0
    assert short.output == run(*name.split(), "--help").output


@pytest.mark.parametrize(
    "arguments",
    [["sessions", "list"], ["sessions", "lst"], ["list", "--jsn"], ["stop", "--id", "x"], ["--jsn"],
     ["start", "--no-in-mem-db"], ["start", "dev"], ["start", "--with-c", "x"]],
)  # fmt: skip
def test_what_cannot_be_understood_exits_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [["config", "check"], ["config", "check", "--app"], ["sessions", "list", "ada", "--with-config"],
     ["keys", "list", "--with-config"], ["migrate", "--with-config"]],
)  # fmt: skip
def test_a_config_file_that_may_not_be_read_is_a_failure_and_no_misuse(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    (tmp_path / "config.yaml").touch()
    # As it is for anybody but root, for whom no file is unreadable.
    monkeypatch.setattr(os, "access", lambda *args, **options: False)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    result = run(*arguments, "config.yaml")
    assert result.exit_code == 1
    assert "config.yaml cannot be read (Permission denied)" in result.stderr


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_says_what_to_install(command: Command, missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from supertokens.cli import main; main()"
    result = command("list", python=("-c", program))
    assert result.returncode == 1
    assert result.stderr == "The command line needs the extra 'cli': pip install 'supertokens-sessions[cli]'\n"


def test_another_missing_module_is_not_taken_for_the_extra(command: Command) -> None:
    program = "import sys; sys.modules['msgspec'] = None; from supertokens.cli import main; main()"
    result = command("list", python=("-c", program))
    assert result.returncode == 1
    assert "msgspec" in result.stderr
    assert "Traceback" in result.stderr


def test_without_the_extra_of_the_service_only_start_says_what_to_install(command: Command) -> None:
    program = "import sys; sys.modules['granian'] = None; from supertokens.cli import main; main()"
    result = command("start", "--foreground", python=("-c", program))
    assert result.returncode == 1
    assert "pip install 'supertokens-sessions[service]'" in result.stderr
    assert command("list", python=("-c", program)).returncode == 0
