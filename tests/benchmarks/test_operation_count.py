# SPDX-License-Identifier: Apache-2.0
"""A session check does not grow unnoticed: what it executes is counted, so that no noise can hide it or feign it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import operation_count
from benchmarks.operation_count import Count, baseline, compared, record, recount_in_a_new_process


def test_a_check_takes_hardly_more_operations_than_recorded() -> None:
    if baseline() is None:
        pytest.skip("no baseline for this version of Python: python -m benchmarks.operation_count --record")
    recount = recount_in_a_new_process()
    assert recount.returncode == 0, recount.stdout + recount.stderr


def test_a_growth_of_a_tenth_passes_and_a_larger_one_does_not() -> None:
    earlier = {"GET": Count(bytecodes=1000, calls=100)}
    for bytecodes, calls, passes in ((1000, 100, True), (500, 50, True), (1100, 110, True), (1101, 100, False)):
        assert compared({"GET": Count(bytecodes, calls)}, earlier)[1] is passes
    assert not compared({"GET": Count(1000, 111)}, earlier)[1]


def test_a_refusal_says_where_to_look_and_how_to_go_on() -> None:
    table, _ = compared({"GET": Count(1200, 100)}, {"GET": Count(1000, 100)})
    assert "1000 -> 1200 bytecodes" in table
    assert "+20.0%" in table
    assert "--profile" in table
    assert "--record" in table


def test_a_case_that_is_not_in_the_baseline_is_refused() -> None:
    assert not compared({"GET": Count(1, 1), "POST": Count(1, 1)}, {"GET": Count(1, 1)})[1]


def test_recording_leaves_the_baselines_of_other_versions_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"3.10": {"libraries": {}, "counts": {"GET": {"bytecodes": 7, "calls": 3}}}}), "utf-8")
    monkeypatch.setattr(operation_count, "BASELINE", file)
    record({"GET": Count(bytecodes=5, calls=2)})
    assert baseline("3.10") == {"GET": Count(bytecodes=7, calls=3)}
    assert baseline() == {"GET": Count(bytecodes=5, calls=2)}
    assert baseline("2.7") is None
