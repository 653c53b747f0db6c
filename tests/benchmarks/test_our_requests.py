# SPDX-License-Identifier: Apache-2.0
"""What `make bench` measures of this package still runs: nobody would notice for weeks otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
from benchmarks import names
from benchmarks.active_sessions import active_session_cases
from benchmarks.apps import cores_in, open_benchmark_core
from benchmarks.filled_store import filled_store_cases
from benchmarks.logins import login_cases
from benchmarks.our_requests import our_cases
from benchmarks.push import push_cases
from benchmarks.rounds import Case
from benchmarks.units import decoding_case, ec_signature_cases, fsync_case, signature_cases, write_cases

Cases = Callable[[Path], AbstractContextManager[list[Case]]]


@contextmanager
def requests(folder: Path) -> Iterator[list[Case]]:
    with ExitStack() as stack:
        core = cores_in(folder, stack)
        yield our_cases(core, core("plain"))


@contextmanager
def units(folder: Path) -> Iterator[list[Case]]:
    core = open_benchmark_core(folder, "units")
    with write_cases(folder) as writes, fsync_case(folder / "fsync") as fsync:
        yield [*signature_cases(), *ec_signature_cases(), decoding_case(core), *writes, fsync]
    core.close()


GROUPS: Final[dict[str, Cases]] = {
    "requests": requests,
    "units": units,
    "log-ins": login_cases,
    "active sessions": lambda folder: active_session_cases(folder, counts=(2, 30), cached=20),
    "push": lambda folder: push_cases(folder, revokes=3),
    "filled store": lambda folder: filled_store_cases(folder, sizes=(40, 60), listed=250),
}


@pytest.mark.parametrize("group", GROUPS)
def test_each_case_is_answered_as_it_has_to_be(group: str, tmp_path: Path) -> None:
    with GROUPS[group](tmp_path) as cases:
        for case in cases:
            case.calibrate(0.0)
            assert case.measure() > 0, case.name
            assert all(each > 0 for each in case.sample()), case.name
        measured = {case.name for case in cases}
        assert len(measured) == len(cases)
        if group == "requests":
            ours = {text for name, text in vars(names).items() if name.startswith("OURS_")}
            assert measured >= ours - set(names.BARE_OF), "those of other frameworks are measured by themselves"


def test_a_cache_that_forgets_weighs_less(tmp_path: Path) -> None:
    def weighed(folder: Path, cached: int) -> float:
        folder.mkdir()
        with active_session_cases(folder, counts=(1,), cached=cached) as cases:
            cases[-1].calibrate(0.0)
            return cases[-1].measure()

    few, many = weighed(tmp_path / "few", 10), weighed(tmp_path / "many", 60)
    assert 50 * 1_000 < many - few < 50 * 10_000
