# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from supertokens import forks
from supertokens.forks import call_around_forks, call_in_forked_children


class Recorder:
    """Notes which of its methods a fork called."""

    def __init__(self, called: list[str]) -> None:
        self.called = called

    def before(self) -> None:
        self.called.append("before")

    def in_parent(self) -> None:
        self.called.append("in the parent")

    def in_child(self) -> None:
        self.called.append("in the child")

    def in_child_too(self) -> None:
        self.called.append("in the child, too")


def said_in_a_child(called: list[str]) -> list[str]:
    """Fork, and return what was called as the child sees it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, ";".join(called).encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as pipe:
        return pipe.read().split(";")


def test_methods_are_called_before_and_after_a_fork_on_their_side() -> None:
    called: list[str] = []
    recorder = Recorder(called)
    call_around_forks(before=recorder.before, after_in_parent=recorder.in_parent, after_in_child=recorder.in_child)
    call_in_forked_children(recorder.in_child_too)
    assert said_in_a_child(called) == ["before", "in the child", "in the child, too"]
    assert called == ["before", "in the parent"]


def test_nothing_of_an_object_that_is_gone_is_called_or_kept() -> None:
    called: list[str] = []
    gc.collect()
    before = [len(hook._methods) for hook in (forks._BEFORE, forks._IN_PARENT, forks._IN_CHILD)]
    for _ in range(100):
        recorder = Recorder(called)
        call_around_forks(before=recorder.before, after_in_parent=recorder.in_parent, after_in_child=recorder.in_child)
    del recorder
    gc.collect()
    assert [len(hook._methods) for hook in (forks._BEFORE, forks._IN_PARENT, forks._IN_CHILD)] == before
    assert said_in_a_child(called) == [""]
    assert called == []


@pytest.mark.parametrize("module", ["supertokens", "supertokens.flask", "supertokens.cli", "supertokens.testing"])
def test_a_system_without_forks_is_refused_with_the_reason(module: str) -> None:
    without = "import os; del os.register_at_fork, os.fork, os.O_CLOEXEC; sys.modules['fcntl'] = None"
    program = f"import sys; {without}; import {module}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("ImportError: supertokens needs a POSIX system")
