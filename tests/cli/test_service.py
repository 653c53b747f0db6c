# SPDX-License-Identifier: Apache-2.0
"""`start`, `stop` and `list`, with real services."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from supertokens.cli import instances, service

from .conftest import Command, Run

pytest.importorskip("granian", reason="install the extra: pip install 'supertokens-sessions[service]'")

STARTED = re.compile(r"^Started SuperTokens on (\S+):(\d+) with PID: (\d+)$", re.MULTILINE)
WITHIN = 60.0  # seconds; on a busy machine a process may take long to start or to end


def started(result: subprocess.CompletedProcess[str]) -> tuple[str, int, int]:
    assert result.returncode == 0, result.stdout + result.stderr
    found = STARTED.search(result.stdout)
    assert found is not None
    return found[1], int(found[2]), int(found[3])


def start(command: Command, *arguments: str, **environ: str) -> tuple[str, int, int]:
    return started(command("start", "--port=0", "--workers=1", *arguments, **environ))


def hello(port: int) -> str:
    connection = http.client.HTTPConnection("localhost", port, timeout=WITHIN)
    try:
        connection.request("GET", "/hello")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def can_be_locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.fixture
def foreground(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A service in the foreground, once it is ready; `lines` are what it has said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "supertokens.cli", "start", "--foreground", "--port=0", "--workers=1"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=WITHIN)


# A life


def test_a_service_starts_in_the_background_is_listed_and_stops(command: Command, tmp_path: Path) -> None:
    result = command("start", "--port=0", "--workers=1")
    host, port, pid = started(result)
    assert result.stdout.splitlines()[0] == f"Sessions are kept in {tmp_path / 'supertokens.sqlite3'}"
    assert result.stderr == ""
    assert hello(port) == "Hello\n"
    listed = command("list")
    assert listed.stdout == f"-> Instance PID: {pid}, address: {host}:{port}, config file loaded: none\n"
    assert json.loads(command("list", "--json").stdout) == [{"pid": pid, "host": host, "port": port, "config": None}]
    stopped = command("stop")
    assert stopped.stdout == f"Successfully stopped SuperTokens with PID {pid}, running on {host}:{port}\n"
    assert stopped.returncode == 0
    eventually(lambda: not lives(pid))  # a process that ends lets go of its locks a moment before it is gone
    with pytest.raises(ConnectionRefusedError):
        hello(port)
    assert command("list").stdout == "No SuperTokens instances running.\n"
    again = command("stop")
    assert (again.returncode, again.stdout) == (0, "No SuperTokens instances are running.\n")


def test_a_service_uses_its_config_file_and_the_command_line_wins(command: Command, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "config.yaml"
    file.write_text("port: 1\nhost: 127.0.0.1\nbase_path: core\ndatabase: folder/here.sqlite3\npostgresql_user: root\n")
    result = command("start", "--with-config=folder/config.yaml", "--port=0", "--workers=1")
    host, port, pid = started(result)
    assert host == "127.0.0.1"
    assert result.stdout.splitlines()[0] == f"Sessions are kept in {tmp_path / 'folder' / 'here.sqlite3'}"
    assert "'postgresql_user' has no effect" in result.stderr
    assert command("list").stdout.endswith(f"address: {host}:{port}, config file loaded: {file}\n")
    connection = http.client.HTTPConnection(host, port, timeout=WITHIN)
    connection.request("GET", f"/core/config?pid={pid}", headers={"cdi-version": "2.0"})
    assert json.loads(connection.getresponse().read())["path"] == str(file)
    connection.close()


def test_one_of_several_services_is_stopped_by_its_number(command: Command) -> None:
    first, second = start(command), start(command, "--database=other.sqlite3")
    assert [line.split()[3] for line in command("list").stdout.splitlines()] == [
        f"{pid}," for pid in sorted((first[2], second[2]))
    ]
    assert str(first[2]) in command("stop", "--id", first[2]).stdout
    assert [each["pid"] for each in json.loads(command("list", "--json").stdout)] == [second[2]]
    unknown = command("stop", "--id", first[2])
    assert (unknown.returncode, unknown.stdout) == (1, f"Unknown PID: {first[2]}\n")


def test_stop_waits_for_a_service_that_drains(command: Command) -> None:
    _, port, pid = start(command, SUPERTOKENS_DRAIN_SECONDS="2")
    begun = time.monotonic()
    stopped = command("stop")
    assert stopped.stdout == f"Successfully stopped SuperTokens with PID {pid}, running on localhost:{port}\n"
    assert time.monotonic() - begun >= 2


def test_how_long_stop_waits_is_longer_for_a_service_that_drains(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    def never_gone(instance: instances.Instance, seconds: float) -> bool:
        waited.append(seconds)
        return False

    known = [instances.Instance(2**22 + 1, "localhost", 1, None, "", drain) for drain in (0.0, 25.0)]
    monkeypatch.setattr(service, "running", lambda: known)
    monkeypatch.setattr(service, "wait_until_gone", never_gone)
    result = run("stop")
    assert result.exit_code == 1
    assert waited == [service.STOPS_WITHIN_S, service.STOPS_WITHIN_S + 25]
    assert "did not stop within 55 seconds" in result.stderr


def test_a_service_in_the_foreground_ends_well_when_it_is_told_to(
    foreground: subprocess.Popen[str], command: Command
) -> None:
    assert foreground.stdout is not None
    assert foreground.stdout.readline().startswith("Sessions are kept in ")
    while not (found := STARTED.search(line := foreground.stdout.readline())):
        assert "sessions are kept in " in line, "each process logs that when it opens the file, soon or late"
    assert int(found[3]) == foreground.pid
    assert command("list").stdout.startswith(f"-> Instance PID: {foreground.pid}, ")
    foreground.send_signal(signal.SIGTERM)
    assert foreground.wait(WITHIN) == 0
    assert command("list").stdout == "No SuperTokens instances running.\n"


def test_what_a_service_in_the_background_says_goes_to_the_file_that_is_named(command: Command, tmp_path: Path) -> None:
    result = command("start", "--port=0", "--workers=1")
    path = Path(result.stdout.splitlines()[-1].removeprefix("Its output goes to "))
    assert path.parent == tmp_path / "state" / "logs"
    said = result.stdout.splitlines()[:-1]
    assert said[0].startswith("Sessions are kept in ")
    assert path.read_text().splitlines()[: len(said)] == said, "a worker may have said more meanwhile"


def test_logs_go_to_the_files_that_are_configured(command: Command, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("error_log_path: logs/error.log\npostgresql_user: root\n")
    result = command("start", "--port=0", "--workers=1", "--with-config=config.yaml")
    started(result)
    assert result.stderr == ""
    assert "'postgresql_user' has no effect" in (tmp_path / "logs" / "error.log").read_text()


def test_the_newest_outputs_are_kept_and_those_of_services_that_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPERTOKENS_STATE_FOLDER", str(tmp_path / "state"))
    path, first = instances.log_file()
    oldest = path.rename(path.with_name("20200101-000000-in-use.log"))
    names = [f"20200101-{number:06}-ended.log" for number in range(1, 26)]
    for name in names:
        oldest.with_name(name).touch()
    path, latest = instances.log_file()
    kept = {each.name for each in path.parent.iterdir()}
    assert kept == {oldest.name, *names[-instances.LOGS_KEPT + 1 :], path.name}
    first.close()
    _, third = instances.log_file()
    assert not oldest.exists()
    assert len(list(path.parent.iterdir())) == instances.LOGS_KEPT
    latest.close()
    third.close()


def test_the_output_of_a_service_counts_as_in_use_while_it_runs(command: Command) -> None:
    result = command("start", "--port=0", "--workers=1")
    path = Path(result.stdout.splitlines()[-1].removeprefix("Its output goes to "))
    with path.open("rb") as file:
        assert not can_be_locked(file)
        command("stop")
        eventually(lambda: can_be_locked(file))


def test_how_many_outputs_are_kept_is_documented() -> None:
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    assert f"the newest {instances.LOGS_KEPT} " in page.read_text("utf-8")


def test_an_address_of_ipv6_is_in_brackets_wherever_a_port_follows(command: Command) -> None:
    if not socket.has_ipv6:
        pytest.skip("this system has no IPv6")
    result = command("start", "--port=0", "--workers=1", "--host=::1")
    if "Cannot assign requested address" in result.stderr:
        pytest.skip("this system has no address of IPv6")
    host, port, pid = started(result)
    assert host == "[::1]"
    assert f"PID: {pid}, address: [::1]:{port}, config" in command("list").stdout
    assert json.loads(command("list", "--json").stdout)[0]["host"] == "::1"
    taken = command("start", f"--port={port}", "--host=::1")
    assert f"cannot listen on [::1]:{port}" in taken.stderr
    assert command("stop").stdout == f"Successfully stopped SuperTokens with PID {pid}, running on [::1]:{port}\n"


@contextmanager
def service_of_a_terminal(
    environment: dict[str, str], folder: Path, *, ignores_sighup: bool
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A service in the foreground of a terminal, once it is ready, and what closes the terminal when it is closed."""
    terminal, screen = pty.openpty()
    output = folder / "nohup.out"

    def inside() -> None:
        fcntl.ioctl(screen, termios.TIOCSCTTY, 0)
        # Either way, since these tests may run under `nohup` themselves.
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignores_sighup else signal.SIG_DFL)

    with output.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "supertokens.cli", "start", "--foreground", "--port=0", "--workers=1"],
            stdin=screen,
            stdout=said,
            stderr=said,
            cwd=folder,
            env=environment,
            start_new_session=True,
            preexec_fn=inside,
            pass_fds=(screen,),
        )
    os.close(screen)
    try:
        eventually(lambda: STARTED.search(output.read_text()))
        yield process, terminal
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(WITHIN)


def worker_of(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()


def test_a_service_in_the_foreground_ends_well_when_its_terminal_is_closed(
    environment: dict[str, str], command: Command, tmp_path: Path
) -> None:
    with service_of_a_terminal(environment, tmp_path, ignores_sighup=False) as (process, terminal):
        os.close(terminal)
        assert process.wait(WITHIN) == 0
    assert command("list").stdout == "No SuperTokens instances running.\n"


def test_a_service_under_nohup_outlives_its_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    with service_of_a_terminal(environment, tmp_path, ignores_sighup=True) as (process, terminal):
        worker = worker_of(process)
        os.close(terminal)
        os.kill(int(worker), signal.SIGKILL)
        # Who replaces a worker now has not been ended by what came before.
        eventually(lambda: worker_of(process) not in ("", worker))
        process.terminate()
        assert process.wait(WITHIN) == 0


# An end that was not asked for


def test_a_service_that_was_killed_leaves_no_ghost(command: Command, tmp_path: Path) -> None:
    _, _, pid = start(command)
    files = list((tmp_path / "state" / "instances").glob("*.json"))
    assert len(files) == 1
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not lives(pid))
    assert command("list").stdout == "No SuperTokens instances running.\n"
    assert list((tmp_path / "state" / "instances").glob("*.json")) == []


def test_another_process_with_the_number_of_a_dead_service_is_not_taken_for_it(
    command: Command, tmp_path: Path
) -> None:
    _, _, pid = start(command)
    (file,) = (tmp_path / "state" / "instances").glob("*.json")
    content = file.read_text()
    command("stop")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        file.with_name(f"{innocent.pid}-x.json").write_text(content.replace(str(pid), str(innocent.pid)))
        assert command("stop", "--id", innocent.pid).returncode == 1
        assert command("stop").stdout == "No SuperTokens instances are running.\n"
        assert innocent.poll() is None
        innocent.communicate(b"\n", timeout=WITHIN)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "1"}', "\x00" * 10])
def test_files_that_make_no_sense_do_no_harm(command: Command, tmp_path: Path, content: str) -> None:
    folder = tmp_path / "state" / "instances"
    folder.mkdir(parents=True, mode=0o700)
    (tmp_path / "state").chmod(0o700)
    (folder / "1-x.json").write_text(content)
    assert command("list").stdout == "No SuperTokens instances running.\n"


def test_what_is_running_is_nobody_elses_business(command: Command, tmp_path: Path) -> None:
    start(command)
    for path in (tmp_path / "state", *(tmp_path / "state").rglob("*")):
        assert path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0, path


def test_a_folder_in_which_others_may_write_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    result = command("list")
    assert result.returncode == 1
    assert "is writable by others (mode 0777): it must belong to this user" in result.stderr


def test_a_service_of_another_container_is_neither_listed_nor_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPERTOKENS_STATE_FOLDER", str(tmp_path / "state"))
    program = (
        "from supertokens.cli import instances\n"
        "instances._namespace = lambda: 'pid:[1]'\n"
        "instances.register('localhost', 1, None); print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as elsewhere:
        assert elsewhere.stdout is not None
        elsewhere.stdout.readline()
        assert instances.running() == []
        assert len(list((tmp_path / "state" / "instances").glob("*.json"))) == 1
        elsewhere.communicate(b"\n", timeout=WITHIN)


# A start that fails


def crash_of(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    assert result.stdout.endswith("Quitting SuperTokens because of an error\n")
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("What caused the crash: ")]
    return line.removeprefix("What caused the crash: ")


@pytest.mark.parametrize("where", [[], ["--foreground"]])
def test_a_bad_configuration_is_told_in_the_words_of_the_original(
    command: Command, tmp_path: Path, where: list[str]
) -> None:
    (tmp_path / "config.yaml").write_text("access_token_validity: 0\n")
    why = crash_of(command("start", "--with-config=config.yaml", *where))
    assert "'access_token_validity' must be a whole number from 1 to 86400000 (seconds)" in why
    assert str(tmp_path / "config.yaml") in why
    assert list((tmp_path / "state").glob("logs/*")) == []


@pytest.mark.parametrize("where", [[], ["--foreground"]])
def test_a_port_that_is_taken_is_told(command: Command, where: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        why = crash_of(command("start", "--host=127.0.0.1", f"--port={port}", *where))
    assert why == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_failure_of_tls_is_not_taken_for_one_of_the_address(command: Command) -> None:
    program = (
        "import ssl, supertokens.service\n"
        "from supertokens.cli import main\n"
        "def serve(*args, **options): raise ssl.SSLError(1, 'the pair was changed after it had been looked at')\n"
        "supertokens.service.serve = serve\n"
        "main()"
    )
    why = crash_of(command("start", "--foreground", "--port=0", python=("-c", program)))
    assert why.startswith("'ssl_certfile' and 'ssl_keyfile' cannot be used (")
    assert "the pair was changed" in why


def test_files_that_make_no_tls_server_are_told_before_anything_starts(command: Command, tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch(0o600)
    (tmp_path / "config.yaml").write_text("ssl_certfile: key.pem\nssl_keyfile: key.pem\n")
    why = crash_of(command("start", "--with-config=config.yaml", "--port=0"))
    assert f"'ssl_certfile' names key.pem (from {tmp_path}), which holds no certificate in PEM" in why
    checked = command("config", "check", "config.yaml")
    assert checked.returncode == 1
    assert "'ssl_certfile' names key.pem" in checked.stderr


def test_a_host_that_nobody_knows_is_told(command: Command) -> None:
    why = crash_of(command("start", "--foreground", "--host=nowhere.invalid", SUPERTOKENS_API_KEYS="k" * 20))
    assert why.startswith("cannot listen on nowhere.invalid:3567: ")


@pytest.mark.parametrize("where", [[], ["--foreground"]])
def test_other_machines_are_not_let_in_without_a_key(command: Command, where: list[str]) -> None:
    why = crash_of(command("start", "--host=0.0.0.0", "--port=0", *where))
    assert "set 'api_keys', or 'insecure_allow_no_api_key: true'" in why


def test_other_machines_are_let_in_with_a_key(command: Command) -> None:
    host, _, _ = start(command, "--host=0.0.0.0", SUPERTOKENS_API_KEYS="key-of-twenty-characters")
    assert host == "0.0.0.0"


def test_a_database_that_cannot_be_made_is_told(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    why = crash_of(command("start", "--port=0", f"--database={tmp_path / 'file' / 'x.sqlite3'}"))
    assert "'database'" in why


def test_a_missing_config_file_is_told(command: Command, tmp_path: Path) -> None:
    assert str(tmp_path / "nowhere.yaml") in crash_of(command("start", "--with-config=nowhere.yaml"))


def test_what_orchestrators_inject_does_no_harm(command: Command) -> None:
    environ = {"SUPERTOKENS_PORT": "tcp://10.0.0.7:3567", "SUPERTOKENS_SERVICE_HOST": "10.0.0.7"}
    result = command("start", "--port=0", "--workers=1", **environ)
    started(result)
    assert result.stderr == ""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the state folder of a user without a home goes."""

    def nobody_knows(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody_knows)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"supertokens-{os.getuid()}"


def test_a_user_without_a_home_has_a_folder_of_its_own_among_the_temporary_ones(temporary: Path) -> None:
    for _ in range(2):
        assert instances.state_folder({}) == temporary
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o700


def test_a_link_that_lies_there_is_not_followed_even_to_a_folder_of_our_own(temporary: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    (ours / "instances").mkdir(parents=True, mode=0o700)
    precious = ours / "instances" / "precious.json"
    precious.write_text("{}")
    ours.chmod(0o700)
    temporary.symlink_to(ours)
    with pytest.raises(PermissionError, match="is a symbolic link: it must belong to this user"):
        instances.state_folder({})
    assert precious.exists()
    temporary.unlink()
    temporary.symlink_to(tmp_path / "nowhere")
    with pytest.raises(PermissionError, match="is a symbolic link"):
        instances.state_folder({})
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_of_another_user_a_file_and_a_folder_for_all_are_refused(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary.touch()
    with pytest.raises(PermissionError, match="is not a folder"):
        instances.state_folder({})
    temporary.unlink()
    temporary.mkdir()
    temporary.chmod(0o770)
    with pytest.raises(PermissionError, match=r"is writable by others \(mode 0770\)"):
        instances.state_folder({})
    temporary.chmod(0o700)
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.raises(PermissionError, match=rf"belongs to another user \(uid {uid}\)"):
        instances.state_folder({instances.FOLDER: str(temporary)})


def test_a_relative_state_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert instances.state_folder({"XDG_STATE_HOME": "here"}) == tmp_path / "home/.local/state/supertokens"
    assert instances.state_folder({"XDG_STATE_HOME": str(tmp_path / "x")}) == tmp_path / "x/supertokens"


# What lies in the working directory


def plant_modules(folder: Path) -> Path:
    """Modules that whatever imports them from `folder` writes into the file that is returned, and ends."""
    told = folder / "run"
    for name in ("yaml", "click", "granian", "json", "signal", "multiprocessing", "supertokens", "sitecustomize"):
        (folder / f"{name}.py").write_text(f"open({str(told)!r}, 'a').write('{name} ')\nraise SystemExit(9)\n")
    return told


def test_no_module_in_the_working_directory_is_run(environment: dict[str, str], tmp_path: Path) -> None:
    told = plant_modules(tmp_path)
    (tmp_path / "config.yaml").write_text("access_token_validity: 900\n")

    def supertokens(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("supertokens"), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=90, check=False
        )

    _, port, _ = started(supertokens("start", "--port=0", "--workers=1", "--with-config=config.yaml"))
    try:
        assert hello(port) == "Hello\n"
    finally:
        supertokens("stop")
    assert not told.exists(), told.read_text()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_no_worker_runs_one_either(environment: dict[str, str], tmp_path: Path, method: str) -> None:
    told = plant_modules(tmp_path)
    program = tmp_path / "elsewhere" / "supertokens-start"
    program.parent.mkdir()
    program.write_text(
        "import multiprocessing\n"
        "from supertokens.cli import main\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method({method!r})\n"
        "    main()\n"
    )
    command = [sys.executable, program, "start", "--foreground", "--port=0", "--workers=1"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("Started") for line in iter(process.stdout.readline, ""))
        finally:
            process.terminate()
            process.communicate(timeout=WITHIN)
    assert not told.exists(), told.read_text()


# What a container may lack


def test_a_service_needs_no_shared_memory(command: Command) -> None:
    program = (
        "import _multiprocessing, errno, os\n"
        "class ReadOnly:  # as with a /dev/shm that is read-only\n"
        "    SEM_VALUE_MAX = 1\n"
        "    def __init__(self, *args): raise OSError(errno.EROFS, os.strerror(errno.EROFS))\n"
        "_multiprocessing.SemLock = ReadOnly\n"
        "from supertokens.cli import main\n"
        "import supertokens.cli.service as service\n"
        "register = service.register\n"
        "def stop_when_ready(*args):\n"
        "    register(*args)\n"
        "    os.kill(os.getpid(), 15)\n"
        "service.register = stop_when_ready\n"
        "main()"
    )
    result = command("start", "--foreground", "--port=0", "--workers=2", python=("-c", program))
    assert result.returncode == 0, result.stderr
    assert "Started SuperTokens on" in result.stdout


def test_what_the_system_denies_is_not_taken_for_a_failure_of_the_address(command: Command) -> None:
    program = (
        "import errno, os, supertokens.service\n"
        "from supertokens.cli import main\n"
        "def serve(*args, **options): raise OSError(errno.EROFS, os.strerror(errno.EROFS), '/dev/shm/sem')\n"
        "supertokens.service.serve = serve\n"
        "main()"
    )
    why = crash_of(command("start", "--foreground", "--port=0", python=("-c", program)))
    assert why == "the operating system refused: [Errno 30] Read-only file system: '/dev/shm/sem'"
