# SPDX-License-Identifier: Apache-2.0
"""docs/service.md and what it leads to: its walk is walked, its figures are the code's, its files fit the project."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from supertokens.cli.commands import supertokens
from supertokens.config import KeyDescription, describe
from supertokens.service import Limits
from supertokens.service.dispatch import all_routes
from supertokens.service.routes import CDI2_VERSIONS, CDI5_VERSIONS
from supertokens.service.server import _LEAVE_WITHIN_S, _MAX_CONNECTIONS, _STOP_WITHIN_S

from .pages import ROOT, Block, page

SERVICE: Final = page("docs/service.md")
MIGRATION: Final = page("docs/migrate-from-supertokens.md")
UNIT: Final = (ROOT / "deploy" / "supertokens.service").read_text("utf-8")
CONTAINERFILE: Final = (ROOT / "deploy" / "Containerfile").read_text("utf-8")
LIMITS: Final = Limits()
UP_WITHIN: Final = 30.0  # seconds


@pytest.fixture(autouse=True)
def alone() -> None:
    """The walk needs a service and two apps, on this machine."""


# The walk


def walk() -> list[Block]:
    """The blocks of the page's first section."""
    lines_before = SERVICE.text.partition("\n## Apps with other SDKs\n")[0].count("\n")
    return [block for block in SERVICE.blocks if block.line < lines_before]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def apps_in_the_background(script: str, folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """The apps that `script` starts, as soon as both say that they run."""
    shell = subprocess.Popen(
        ["bash", "-ec", f"{script}\nwait"],
        cwd=folder,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert shell.stderr is not None
    try:
        said, deadline = b"", time.monotonic() + UP_WITHIN
        while said.count(b"Running on") < 2:
            readable, _, _ = select.select([shell.stderr], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, f"the apps did not start in time:\n{said.decode()}"
            more = os.read(shell.stderr.fileno(), 65_536)
            assert more, f"the apps ended:\n{said.decode()}"
            said += more
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        shell.stderr.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands of the page need curl: apt-get install curl")
def test_the_walk_from_an_empty_folder_to_two_apps_on_one_core(tmp_path: Path) -> None:
    moved = {port: str(free_port()) for port in ("3567", "5000", "5001")}
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SUPERTOKENS_")}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    environ["SUPERTOKENS_STATE_FOLDER"] = str(tmp_path / "state")

    def text(block: Block) -> str:
        return re.sub(r"\b(3567|5000|5001)\b", lambda found: moved[found[1]], block.text)

    def run(script: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for block in walk():
        if named := re.match(r"# (\S+\.(?:py|yaml))\n", block.text):
            (tmp_path / named[1]).write_text(text(block), "utf-8")
    secrets, start, apps = (text(block) for block in walk() if block.language == "bash")
    [asked] = [text(block) for block in walk() if block.text.startswith("$ curl")]
    run(secrets)
    try:
        assert f"Started SuperTokens on localhost:{moved['3567']}" in run(start)
        assert {path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077} == {
            "config.yaml", "shop.py", "admin.py"
        }  # fmt: skip
        with apps_in_the_background(apps, tmp_path, environ):
            steps = re.findall(r"^\$ (.*)\n(.*)$", asked, re.MULTILINE)
            assert len(steps) == 4
            for command, answer in steps:
                assert run(command).strip() == answer
        assert not (tmp_path / "instance").exists(), "an app had a core of its own"
        # The reader's shell still has what the walk exported.
        environ["SUPERTOKENS_HOSTS"] = f"http://localhost:{moved['3567']}"
        environ["SUPERTOKENS_API_KEY"] = (tmp_path / "api_keys").read_text("utf-8").strip()
        run("supertokens stop")
        after_a_restore = re.findall(r"^\$ (supertokens (?:sessions|keys) .*)$", SERVICE.text, re.MULTILINE)
        assert len(after_a_restore) == 2
        for command in after_a_restore:
            run(f"{command} --yes")
    finally:
        run("supertokens stop")


# Figures, names and paths


@pytest.mark.parametrize(
    ("row", "figures"),
    [
        ("a body", (LIMITS.body_bytes / 2**20, "MiB", LIMITS.body_time, "seconds")),
        ("all bodies of a worker at a time", (LIMITS.all_bodies_bytes / 2**20, "MiB")),
        ("the headers of a request", (LIMITS.header_bytes / 2**10, "KiB", LIMITS.header_time, "seconds")),
        ("an idle connection", (LIMITS.header_time, "seconds")),
        ("connections of a worker", (_MAX_CONNECTIONS,)),
    ],
)
def test_a_limit_on_the_page_is_the_one_in_the_code(row: str, figures: tuple[Any, ...]) -> None:
    words = re.search(rf"^\| {row} \| ([^|]+) \|", SERVICE.text, re.MULTILINE)
    assert words is not None
    named = [figure for figure in figures if not isinstance(figure, str)]
    assert re.findall(r"\d+", words[1]) == [f"{figure:g}" for figure in named]
    assert all(unit in words[1] for unit in figures if isinstance(unit, str))


def test_the_times_of_stopping_are_those_in_the_code() -> None:
    section = " ".join(SERVICE.text.partition("\n## Stopping and upgrading\n")[2].partition("\n## ")[0].split())
    assert f"For {_LEAVE_WITHIN_S} seconds" in section
    assert f"after {_STOP_WITHIN_S} seconds" in section


def test_the_paths_without_an_api_key_are_all_named() -> None:
    sentence = SERVICE.text.partition("No key is needed for ")[2].partition(". ")[0]
    open_paths = {route.path for route in all_routes() if not route.needs_api_key} - {"/"}
    assert set(re.findall(r"`(/[^`]*)`", sentence)) == open_paths


def test_the_versions_of_the_protocol_that_are_named_are_those_that_are_spoken() -> None:
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| ([^|]+) \| (yes[^|]*) \|$", MIGRATION.text, re.MULTILINE)
    assert [tuple(versions.split(", ")) for versions, _ in rows] == [CDI2_VERSIONS, CDI5_VERSIONS]


def options_of(command: str) -> set[str]:
    return {option for parameter in supertokens.commands[command].params for option in parameter.opts}


def test_the_unit_starts_the_service_with_options_that_there_are() -> None:
    [line] = re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)
    program, command, *rest = shlex.split(line)
    assert program.endswith("/bin/supertokens")
    assert {word for word in rest if word.startswith("--")} == {"--foreground", "--with-config"} <= options_of(command)
    for path in (program.removesuffix("/bin/supertokens"), rest[-1], "/etc/supertokens/api_keys"):
        assert any(block.text.find(path) >= 0 for block in SERVICE.in_language("text")), path


def test_the_command_beside_the_unit_has_the_folder_the_files_and_the_variable_of_the_unit() -> None:
    [block] = [block for block in SERVICE.in_language("console") if block.text.startswith("$ sudo sh -c")]
    for setting in (
        r"^WorkingDirectory=(.*)$",
        r"^LoadCredential=encryption_key:(.*)$",
        r"^Environment=(SUPERTOKENS_ENCRYPTION_KEY_FILE=)",
        r"^ExecStart=(\S+) ",
        r"^ExecStart=.* (--with-config \S+)$",
    ):
        [value] = re.findall(setting, UNIT, re.MULTILINE)
        assert value in block.text


def test_the_container_is_made_of_files_and_an_extra_of_the_project() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", CONTAINERFILE, re.MULTILINE)
    assert copied
    assert all((ROOT / name).exists() for names in copied for name in names.split())
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert all(f"\n{extra} = [" in project for extra in re.findall(r"'\.\[(\w+)\]'", CONTAINERFILE))
    [entry] = re.findall(r"^ENTRYPOINT (.*)$", CONTAINERFILE, re.MULTILINE)
    assert entry == '["supertokens", "start", "--foreground"]'
    assert "--foreground" in options_of("start")
    [user] = re.findall(r"^USER (.*)$", CONTAINERFILE, re.MULTILINE)
    assert user not in ("0", "root")


@pytest.mark.parametrize("text", [UNIT, CONTAINERFILE], ids=["unit", "container"])
def test_the_variables_that_are_set_are_settings(text: str) -> None:
    known = {f"SUPERTOKENS_{key.name.upper()}" for key in describe()} | {"SUPERTOKENS_STATE_FOLDER"}
    named = set(re.findall(r"SUPERTOKENS_[A-Z_]+[A-Z]", text))
    assert named
    assert named <= known


def test_every_message_of_the_remote_core_is_on_the_page_of_errors() -> None:
    sources = (ROOT / "src" / "supertokens" / "remote").glob("*.py")
    code = "\n".join(path.read_text("utf-8") for path in sources)
    messages = re.findall(r"SuperTokensGeneralError\(\s*f?\"([^\"]+)\"", code)
    section = page("docs/errors.md").text.partition("\n## With a core service\n")[2].partition("\n## ")[0]
    documented = re.findall(r"`([^`]+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)))
    assert len(messages) >= 8
    for message in messages:
        assert any(message.startswith(beginning) for beginning in documented), message
    for beginning in documented:
        assert any(message.startswith(beginning) for message in messages), beginning


def test_the_table_has_every_key_that_counts_in_the_service_with_its_default() -> None:
    def shown(key: KeyDescription) -> str:
        if key.default is None or key.default == "":
            return "unset" if key.default is None else "empty"
        if isinstance(key.default, bool):
            return f"`{str(key.default).lower()}`"
        return f"`{key.default:g}`" if isinstance(key.default, float) else f"`{key.default}`"

    section = SERVICE.text.partition("\n## Every key\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", section, re.MULTILINE)

    def with_unit(key: KeyDescription) -> str:
        return shown(key) if key.default is None else f"{shown(key)} {key.unit}".rstrip()

    expected = [(key.name, with_unit(key), key.meaning) for key in describe() if key.counts_on("service")]
    assert rows == expected
