# SPDX-License-Identifier: Apache-2.0
"""Two versions of the code in turns: who is asked when, and what is said of it."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.compare import compared, table
from benchmarks.compared import compared_cases
from benchmarks.environment import ROOT
from benchmarks.other_process import answer, other_process
from benchmarks.rounds import Loop


def test_each_case_is_answered_as_it_has_to_be(tmp_path: Path) -> None:
    cases = compared_cases(tmp_path)
    for case in cases:
        case.count = 2
        assert case.measure() > 0, case.name
    assert len({case.name for case in cases}) == len(cases)


def test_a_process_answers_what_it_is_asked_until_nothing_is_asked_any_more() -> None:
    done: list[None] = []
    case = Loop("one", done.append)
    asked = [["set", "one", 30], ["measure", "one", 0], ["sample", "one", 0], ["calibrate", "one", 0.000_1]]
    answers = io.StringIO()
    answer([case], io.StringIO("".join(json.dumps(each) + "\n" for each in asked)), answers)
    named, size, measured, sampled, calibrated = map(json.loads, answers.getvalue().splitlines())
    assert (named, size, calibrated) == (["one"], None, None)
    assert measured > 0
    assert len(sampled) == 60


class Fake:
    """A process in which every slice of a case takes so many microseconds, and a second slice twice that."""

    def __init__(self, log: list[str], label: str, times: dict[str, float]) -> None:
        self.names = list(times)
        self._log, self._label, self._times = log, label, times

    def ask(self, verb: str, case: str, argument: float = 0) -> Any:
        self._log.append(f"{self._label} {verb} {argument:.0f}".removesuffix(" 0"))
        return self._times[case] if verb == "measure" else None


def test_both_are_asked_in_every_turn_and_neither_always_first() -> None:
    log: list[str] = []
    here, other = Fake(log, "here", {"GET": 5.0}), Fake(log, "other", {"GET": 4.0})
    assert compared(here, other, ["GET"], 2, 150) == ({"GET": [5.0, 5.0]}, {"GET": [4.0, 4.0]})  # type: ignore[arg-type]
    assert log[-4:] == ["other measure", "here measure", "here measure", "other measure"]
    assert {"here set 150", "other set 150"} <= set(log)


def test_a_slower_machine_in_one_turn_changes_no_ratio() -> None:
    shown = table({"GET": [50.0, 500.0, 50.0]}, {"GET": [40.0, 400.0, 40.0]}).splitlines()
    assert shown[1].split() == ["GET", "50.0", "40.0", "1.250", "50.0", "40.0", "1.250"]


def test_another_process_measures_the_source_that_it_is_given(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SUPERTOKENS_")}
    environ["PYTHONPATH"] = str(ROOT / "src")
    with other_process(Path(sys.executable), ["benchmarks.compared", str(tmp_path)], environ) as process:
        [case] = [each for each in process.cases() if each.name == "protected, GET"]
        process.ask("set", case.name, 3)
        assert case.measure() > 0
        assert len(case.sample()) == 6
