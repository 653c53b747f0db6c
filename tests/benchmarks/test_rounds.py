# SPDX-License-Identifier: Apache-2.0
"""The discipline of the benchmarks: who is measured when, what counts as an answer, how a figure is computed."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from benchmarks.rounds import Figure, Joint, Loop, Once, Single, Spread, Team, interleave, order_of_round, sample


@dataclass
class Scripted:
    """A case that takes the times it is told."""

    name: str
    times: list[float]
    log: list[str] = field(default_factory=list)

    def calibrate(self, seconds: float) -> None:
        self.log.append(f"{self.name} warms up")

    def measure(self) -> float:
        self.log.append(self.name)
        return self.times.pop(0)

    def sample(self) -> list[float]:
        self.log.append(f"{self.name} one by one")
        return [self.times.pop(0)] if self.times else []


def test_every_case_is_measured_once_in_every_round() -> None:
    log: list[str] = []
    cases = [Scripted(name, [1.0, 2.0, 3.0], log) for name in "abc"]
    assert interleave(cases, 3, 0.1) == {name: [1.0, 2.0, 3.0] for name in "abc"}
    assert log[:3] == ["a warms up", "b warms up", "c warms up"]
    assert [sorted(log[start : start + 3]) for start in (3, 6, 9)] == [["a", "b", "c"]] * 3


def test_figures_of_one_measurement_are_measured_once_in_every_round() -> None:
    measurements = iter([(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)])
    cases = Joint.cases(("one", "ten"), lambda: next(measurements))
    assert interleave(cases, 3, 0.1) == {"one": [1.0, 2.0, 3.0], "ten": [10.0, 20.0, 30.0]}


@pytest.mark.parametrize("size", [1, 2, 6, 7, 24])
def test_no_case_keeps_its_place_and_each_follows_each_other_one_equally_often(size: int) -> None:
    cases = [Scripted(str(number), []) for number in range(size)]
    orders = [[case.name for case in order_of_round(cases, number)] for number in range(2 * size)]
    for case in cases:
        assert {order.index(case.name) for order in orders[:size]} == set(range(size))
    followed = Counter(pair for order in orders for pair in pairwise(order))
    assert followed == {(str(a), str(b)): 2 for a in range(size) for b in range(size) if a != b}


def test_a_figure_is_the_median_of_the_ratios_of_rounds() -> None:
    # In the second round the machine was ten times slower, for both.
    figure = Figure.of(
        lambda times: times["bare"] / times["ours"], {"bare": [8.0, 80.0, 9.0], "ours": [10.0, 100.0, 10.0]}
    )
    assert figure.median == pytest.approx(0.8)
    assert figure.of_minima == pytest.approx(0.8)
    assert figure.low <= figure.median <= figure.high


def test_a_figure_of_a_single_round_is_that_rounds() -> None:
    figure = Figure.of(lambda times: times["a"], {"a": [3.0]})
    assert (figure.low, figure.median, figure.high, figure.of_minima) == (3.0, 3.0, 3.0, 3.0)


def test_a_loop_prepares_and_settles_every_operation_that_it_runs() -> None:
    settled: list[int] = []
    case = Loop("double", lambda x: 2 * x, lambda count: list(range(count)), settled.extend)
    case.calibrate(0.000_1)
    settled.clear()
    assert case.measure() > 0
    assert case.count <= len(settled) <= 2 * case.count
    assert settled == [2 * number for number in range(len(settled))]


def test_a_loop_whose_outcome_is_wrong_gives_no_figure() -> None:
    def refuse(outcomes: list[object]) -> None:
        raise RuntimeError("wrong")

    with pytest.raises(RuntimeError, match="wrong"):
        Loop("wrong", lambda _: None, settle=refuse).calibrate(0.000_1)


def test_the_collector_rests_during_a_batch_and_works_again_after_it() -> None:
    seen: list[bool] = []
    Loop("look", lambda _: gc.isenabled(), settle=seen.extend).measure()
    assert set(seen) == {False}
    assert gc.isenabled()


def counting(done: list[int]) -> Callable[[int], Callable[[int], None]]:
    return lambda number: lambda count: done.extend([number] * count)


def test_the_threads_of_a_team_share_a_batch() -> None:
    done: list[int] = []
    case = Team("team", 4, counting(done))
    case.count = 40
    assert case.measure() > 0
    assert sorted(done) == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10


def test_a_team_of_which_one_thread_fails_gives_no_figure() -> None:
    def worker(number: int) -> Callable[[int], None]:
        def work(count: int) -> None:
            if number == 2:
                raise ValueError("wrong answer")

        return work

    with pytest.raises(RuntimeError, match="1 threads failed"):
        Team("team", 4, worker).calibrate(0.000_1)


def test_single_operations_are_timed_in_slices_that_take_turns() -> None:
    log: list[str] = []
    cases = [Scripted("a", [3.0, 1.0, 2.0], log), Scripted("b", [], log)]
    assert sample(cases, 3) == {"a": Spread(p50=2.0, p99=3.0, operations=3)}
    assert log[:3] == ["a one by one", "b one by one", "b one by one"]


def test_percentiles_are_times_that_were_measured() -> None:
    times = [float(number) for number in range(1, 1001)]
    assert Spread.of(times[::-1]) == Spread(p50=500.0, p99=990.0, operations=1000)
    assert Spread.of([1.0, 9.0]) == Spread(p50=1.0, p99=9.0, operations=2)


def test_a_loop_times_each_of_its_operations_with_the_collector_at_work() -> None:
    seen: list[bool] = []
    case = Loop("look", lambda _: gc.isenabled(), settle=seen.extend)
    case.count = 50
    times = case.sample()
    assert len(times) == 100
    assert min(times) >= 0
    assert len(seen) == 105  # those before, which are not timed, are looked at as well
    assert set(seen) == {True}


def test_the_threads_of_a_team_time_each_of_their_operations() -> None:
    done: list[int] = []
    case = Team("team", 4, counting(done))
    case.count = 40
    assert len(case.sample()) == 80
    assert sorted(done) == [0] * 20 + [1] * 20 + [2] * 20 + [3] * 20


def test_what_is_measured_once_is_the_same_in_every_round() -> None:
    sizes = iter([5.0])
    case = Once("bytes", lambda: next(sizes))
    assert interleave([case], 3, 0.1) == {"bytes": [5.0, 5.0, 5.0]}
    assert sample([case], 2) == {}


def test_a_long_operation_is_a_batch() -> None:
    done: list[bool] = []
    case = Single("list", lambda: done.append(gc.isenabled()))
    assert [len(times) for times in interleave([case], 2, 0.1).values()] == [2]
    assert done == [True, False, False]
    assert sample([case], 3)["list"].operations == 3
    assert done[3:] == [True, True, True]


def test_figures_of_one_measurement_are_calibrated_once() -> None:
    lengths: list[float] = []
    cases = Joint.cases(("one", "ten"), lambda: (1.0, 10.0), lengths.append)
    interleave(cases, 1, 0.5)
    assert lengths == [0.5]
