# SPDX-License-Identifier: Apache-2.0
"""The running services of this user: one file for each, locked for as long as its process lives.

The lock is what counts. The system lets go of it when the process ends, however that happens, so that neither a file
that was left behind nor another process with the same number is ever taken for a running service. POSIX record locks
are not inherited by child processes, so that workers which outlive their service for a moment do not hold it either.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from supertokens.config.addresses import in_url

__all__ = ["Instance", "log_file", "register", "running", "wait_until_gone"]

FOLDER: Final = "SUPERTOKENS_STATE_FOLDER"
LOGS_KEPT: Final = 20
_HELD: Final[list[IO[str]]] = []


@dataclass(frozen=True, slots=True)
class Instance:
    """A running service. `config` is the absolute path of its config.yaml, if it has one."""

    pid: int
    host: str
    port: int
    config: str | None
    namespace: str
    """Where `pid` means something: containers that share a folder have numbers of their own."""
    drain_seconds: float = 0.0
    """How long it still takes requests once it was told to stop."""

    @property
    def address(self) -> str:
        return f"{in_url(self.host)}:{self.port}"


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what is running, of this user only. `environ` may name it.

    Raise OSError if it cannot be made, and PermissionError if others could have made it or may write to it.
    """
    named = environ.get(FOLDER)
    try:
        folder = Path(named) if named else _state_home(environ) / "supertokens"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # the latter where nobody knows of a home at all
        if named:
            raise
        # A user without a home, as in many containers.
        folder = Path(tempfile.gettempdir(), f"supertokens-{os.getuid()}")
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    _refuse_unless_ours_alone(folder)
    return folder


def _state_home(environ: Mapping[str, str]) -> Path:
    home = environ.get("XDG_STATE_HOME", "")
    # A relative path is invalid and must be ignored (XDG Base Directory Specification, "Basics").
    return Path(home) if home.startswith("/") else Path("~/.local/state").expanduser()


def _refuse_unless_ours_alone(folder: Path) -> None:
    # Anyone can make a folder or a link of this name in a temporary folder, before we do. Files in the folder are
    # deleted without further questions, so a link to a folder of our own is as bad as a folder of somebody else's.
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        problem = "is a symbolic link"
    elif not stat.S_ISDIR(found.st_mode):
        problem = "is not a folder"
    elif found.st_uid != os.getuid():
        problem = f"belongs to another user (uid {found.st_uid})"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problem = f"is writable by others (mode {stat.S_IMODE(found.st_mode):04o})"
    else:
        return
    fix = "it must belong to this user, and nobody else may write to it (mode 0700); correct it"
    remedy = f"{fix}, or set {FOLDER} to another"
    raise PermissionError(f"{folder} {problem}: {remedy}")


def register(host: str, port: int, config: str | None, drain_seconds: float = 0.0) -> Instance:
    """Register this process as a service on `host` and `port` until it ends. Raise OSError if that cannot be stored.

    `config`: the absolute path of its config.yaml. `drain_seconds`: how much longer it takes to stop.
    """
    running()  # which clears away what earlier services left behind
    instance = Instance(os.getpid(), host, port, config, _namespace(), drain_seconds)
    descriptor, name = tempfile.mkstemp(prefix=f"{instance.pid}-", suffix=".new", dir=_instances())
    file = os.fdopen(descriptor, "w", encoding="utf-8")
    # Locked before it gets the name under which it is looked for, and never closed: the end of the process does that.
    fcntl.lockf(file, fcntl.LOCK_EX)
    file.write(json.dumps(asdict(instance)))
    file.flush()
    Path(name).rename(Path(name).with_suffix(".json"))
    _HELD.append(file)
    return instance


def running() -> list[Instance]:
    """Return the services whose processes live, by their numbers; delete the files of others. Raise OSError."""
    found = []
    for path in _instances().glob("*.json"):
        with suppress(OSError, ValueError, TypeError), path.open("r+", encoding="utf-8") as file:
            if _is_locked_by_another(file):
                found.append(Instance(**json.loads(file.read())))
            else:
                path.unlink(missing_ok=True)
    here = _namespace()
    return sorted((each for each in found if each.namespace == here), key=lambda each: each.pid)


def wait_until_gone(
    instance: Instance,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """Return whether the service `instance` ended within `seconds`.

    `clock` gives seconds; `pause` waits for so many.
    """
    deadline = clock() + seconds
    while instance in running():
        if clock() > deadline:
            return False
        pause(0.02)
    return True


def log_file() -> tuple[Path, IO[bytes]]:
    """Open a new file for the output of a service in the background; delete the oldest of earlier ones. Raise OSError.

    It stays locked while anyone has it open: unlike a record lock, this one passes to the service.
    """
    folder = state_folder() / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    descriptor, name = tempfile.mkstemp(prefix=f"{stamp}-", suffix=".log", dir=folder)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    for path in sorted(folder.glob("*.log"))[:-LOGS_KEPT]:
        _remove_unless_in_use(path)
    return Path(name), os.fdopen(descriptor, "ab", buffering=0)


def _remove_unless_in_use(path: Path) -> None:
    with suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _instances() -> Path:
    folder = state_folder() / "instances"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _is_locked_by_another(file: IO[str]) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:  # a system without namespaces
        return ""
