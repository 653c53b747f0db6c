# SPDX-License-Identifier: Apache-2.0
"""What `make bench` measures of this package still runs: nobody would notice for weeks otherwise."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import names
from benchmarks.apps import open_benchmark_core
from benchmarks.our_requests import our_cases

from supertokens.core import EmbeddedCore


def test_each_case_is_answered_as_it_has_to_be(tmp_path: Path) -> None:
    with ExitStack() as stack:

        def core(name: str, **options: Any) -> EmbeddedCore:
            opened = open_benchmark_core(tmp_path, name, **options)
            stack.callback(opened.close)
            return opened

        cases = our_cases(core, core("plain"))
        for case in cases:
            case.calibrate(0.0)
            assert case.measure() > 0, case.name
        assert {case.name for case in cases} >= {getattr(names, name) for name in names.__all__ if "OURS" in name}
